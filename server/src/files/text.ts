import { Readable } from "node:stream";
import { type BlobKey, type BlobStore, BlobStoreError } from "../blobs/blob-store.ts";
import type { Catalogue } from "../catalogue/catalogue.ts";
import { WharfError } from "../errors.ts";
import type { Holder } from "../fairness/places.ts";
import type { Log } from "../log.ts";
import type { DownloadPlace, Downloads } from "./downloads.ts";
import { findFile } from "./store.ts";
import type { FileRef, FileView } from "./view.store.ts";

export interface TextDeps {
  readonly catalogue: Catalogue;
  readonly blobs: BlobStore;
  readonly downloads: Downloads;
  readonly log: Log;
}

export interface TextRequest {
  readonly method: "GET" | "HEAD";
  /** From 1; null = all pages. */
  readonly page: number | null;
  readonly requestId: string;
  readonly by: Holder;
}

/**
 * The extracted text as `{file_id, file_version, pages, request_id}`. The kept text has one page a line, each the JSON
 * of `{page, label, text}` (indexing/), so the answer is that file with commas between its lines: nothing is parsed,
 * and one page of 30 MB costs no more memory than a small one. Throws file_not_found, conflict (no text, or none yet)
 * and not_found (no such page).
 */
export async function textAnswer(deps: TextDeps, ref: FileRef, request: TextRequest): Promise<Readable> {
  const place = deps.downloads.take(request.by);
  try {
    const first = await openText(deps, ref, request, place);
    // A build that took over since the row was read has another text, and the old one is gone: the row says so now.
    const body = first ?? (await openText(deps, ref, request, place));
    if (body === null)
      throw new WharfError("internal", { message: "The text is missing. POST …/reindex makes it again." });
    return body;
  } catch (error) {
    place.free();
    throw error;
  }
}

/** Null: the text that the row names is not there. */
async function openText(
  { catalogue, blobs, log }: TextDeps,
  ref: FileRef,
  request: TextRequest,
  place: DownloadPlace,
): Promise<Readable | null> {
  const file = await catalogue.run(findFile, ref);
  if (file === null || file.state === "deleted") throw new WharfError("file_not_found");
  if (file.state !== "indexed" || file.textKey === null) throw new WharfError("conflict", { message: whyNoText(file) });
  const { textKey: key } = file;
  try {
    const range = request.page === null ? undefined : await findPage(blobs, key, request.page);
    if (range === null)
      throw new WharfError("not_found", { message: `The file has no page ${request.page}; pages count from 1.` });
    const body = await place.stream(answer(file, request.requestId, blobs.read(key, range)), (err) =>
      log.warn({ file_id: file.id, err }, "the text could not be read to its end; the transfer was cut"),
    );
    if (request.method === "GET") return body;
    body.destroy();
    return Readable.from([]);
  } catch (error) {
    if (error instanceof BlobStoreError && error.failure === "missing") return null;
    throw error;
  }
}

function whyNoText(file: FileView): string {
  return file.state === "failed"
    ? "The file has no text: indexing failed, and its error says why."
    : "The file has no text yet: wait until its status is indexed.";
}

/**
 * Frame and members. The first chunk of text is read before the frame begins: a missing text is still an error then.
 */
async function* answer(
  file: FileView,
  requestId: string,
  lines: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  const head = `{"file_id":${JSON.stringify(file.id)},"file_version":${file.activeVersion},"pages":[`;
  let begun = false;
  for await (const members of commaSeparated(lines)) {
    if (!begun) yield Buffer.from(head);
    begun = true;
    yield members;
  }
  yield Buffer.from(`${begun ? "" : head}],"request_id":${JSON.stringify(requestId)}}`);
}

const NEWLINE = 0x0a;
const COMMA = 0x2c;

/**
 * Lines of JSON as members of an array: each line end becomes a comma, the last one nothing. JSON text holds no
 * raw newline.
 */
async function* commaSeparated(lines: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let ended = false;
  for await (const chunk of lines) {
    if (chunk.byteLength === 0) continue;
    if (ended) yield Uint8Array.of(COMMA);
    const members = Buffer.from(chunk);
    for (let at = members.indexOf(NEWLINE); at !== -1; at = members.indexOf(NEWLINE, at + 1)) members[at] = COMMA;
    ended = chunk.at(-1) === NEWLINE;
    yield ended ? members.subarray(0, -1) : members;
  }
}

/**
 * Where the page's line lies, without its end; null = there is none. Reads the file once up to there, and parses
 * nothing else.
 */
async function findPage(
  blobs: BlobStore,
  key: BlobKey,
  page: number,
): Promise<{ readonly start: number; readonly end: number } | null> {
  const wanted = Buffer.from(`{"page":${page},`);
  let position = 0;
  let lineStart = 0;
  let head = Buffer.alloc(0);
  for await (const chunk of blobs.read(key)) {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    let from = 0;
    while (from < bytes.length) {
      const newline = bytes.indexOf(NEWLINE, from);
      const lineEnd = newline === -1 ? bytes.length : newline;
      head = Buffer.concat([head, bytes.subarray(from, Math.min(lineEnd, from + wanted.length - head.length))]);
      if (newline === -1) break;
      if (head.equals(wanted)) return { start: lineStart, end: position + newline };
      head = Buffer.alloc(0);
      from = newline + 1;
      lineStart = position + from;
    }
    position += bytes.length;
  }
  // The last line may have no end.
  return head.equals(wanted) ? { start: lineStart, end: position } : null;
}
