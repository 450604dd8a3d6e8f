import { Readable } from "node:stream";
import { BlobStoreError } from "../blobs/blob-store.ts";
import type { Catalogue } from "../catalogue/catalogue.ts";
import { WharfError } from "../errors.ts";
import type { Holder } from "../fairness/places.ts";
import type { Log } from "../log.ts";
import { decideRange, type RangeDecision } from "./byte-range.ts";
import { contentHeaders, contentTag, rangeApplies, rangeHeaders } from "./content-headers.ts";
import type { Downloads } from "./downloads.ts";
import { findFile } from "./store.ts";
import { BlobDamagedError, type BlobReader, type VerifiedBlobs } from "./verified-blob.ts";
import type { FileRef, FileView } from "./view.store.ts";

export interface ContentDeps {
  readonly catalogue: Catalogue;
  readonly verified: VerifiedBlobs;
  readonly downloads: Downloads;
  readonly log: Log;
}

export interface ContentRequest {
  readonly method: "GET" | "HEAD";
  readonly range: string | undefined;
  readonly ifRange: string | undefined;
  /** Whether `If-None-Match` names this ETag. */
  readonly isKnown: (etag: string) => boolean;
  readonly by: Holder;
  readonly gone: AbortSignal;
}

export interface ContentAnswer {
  readonly status: 200 | 206 | 304;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Readable;
}

/**
 * The original, hashed before its first byte is sent (§7): damaged bytes are `integrity_error` and never leave. HEAD is
 * answered like GET, the hashing included, so that it tells the truth. Throws file_not_found, range_not_satisfiable,
 * integrity_error, overloaded and storage_unavailable.
 */
export async function contentAnswer(deps: ContentDeps, ref: FileRef, request: ContentRequest): Promise<ContentAnswer> {
  const file = await deps.catalogue.run(findFile, ref);
  if (file === null || file.blobKey === null || file.state === "deleted") throw new WharfError("file_not_found");
  const headers = contentHeaders(file);
  // RFC 9110 §13.2.2: If-None-Match comes before Range, and Range only counts on GET.
  if (request.isKnown(contentTag(file.sha256))) return { status: 304, headers, body: Readable.from([]) };
  const ranged = request.method === "GET" && rangeApplies(request.ifRange, contentTag(file.sha256));
  const range = decideRange(ranged ? request.range : undefined, file.sizeBytes);
  if (range.kind === "unsatisfiable")
    throw new WharfError("range_not_satisfiable", {
      details: { size_bytes: file.sizeBytes },
      headers: rangeHeaders(range, file.sizeBytes),
    });
  const place = deps.downloads.take(request.by);
  try {
    const content = await openChecked(deps, file, range, request);
    const empty = request.method === "HEAD";
    if (empty) place.free();
    return {
      status: range.kind === "part" ? 206 : 200,
      headers: { ...headers, ...rangeHeaders(range, file.sizeBytes) },
      body: empty ? Readable.from([]) : await place.stream(content, (error) => logCut(deps.log, file, error)),
    };
  } catch (error) {
    place.free();
    throw await outcomeOf(deps, ref, error);
  }
}

async function openChecked(
  deps: ContentDeps,
  file: FileView,
  range: RangeDecision,
  reader: BlobReader,
): Promise<AsyncIterable<Uint8Array>> {
  const { blobKey: key, sizeBytes, sha256 } = file;
  if (key === null) throw new WharfError("file_not_found");
  const { start, end } = range.kind === "part" ? range : { start: 0, end: sizeBytes };
  return deps.verified.open({ key, sizeBytes, sha256 }, { start, end }, reader);
}

/**
 * A read that fails because the file was deleted meanwhile finds no file; any other missing or changed byte is damage.
 */
async function outcomeOf(deps: ContentDeps, ref: FileRef, error: unknown): Promise<unknown> {
  if (!isDamage(error)) return error;
  const file = await deps.catalogue.run(findFile, ref);
  if (file === null || file.state === "deleted") return new WharfError("file_not_found");
  // The cause is logged at error level where the 500 is answered; it names the key, which names the session.
  const cause = new Error(`the original of ${file.id} (${file.blobKey}) is damaged`, { cause: error });
  return new WharfError("integrity_error", { cause });
}

/** The answer has begun, so the transfer is cut, and this is the place where that is known. */
function logCut(log: Log, file: FileView, error: unknown): void {
  const fields = { file_id: file.id, blob_key: file.blobKey, err: error };
  if (isDamage(error)) log.error(fields, "the original became damaged while it was being sent; the transfer was cut");
  else log.warn(fields, "the original could not be read to its end; the transfer was cut");
}

function isDamage(error: unknown): boolean {
  if (error instanceof BlobDamagedError) return true;
  return error instanceof BlobStoreError && (error.failure === "missing" || error.failure === "damaged");
}
