import type { Api } from "../support/api.ts";
import { keptOf, probe, put, UNIT } from "../support/bytes.ts";
import { sha256Hex } from "../support/digests.ts";
import { longText, sampleDocuments } from "../support/documents.ts";
import type { HttpAnswer } from "../support/http.ts";
import { shown, textAt } from "../support/json.ts";
import type { Random } from "../support/random.ts";

/**
 * A client of the killer: it brings one document after the other in, and writes down each thing that the server has
 * promised, at the moment when the answer is here. A document whose server died goes on with the next one.
 */

/** One document and what the server has said about it. */
export interface Upload {
  readonly word: string;
  readonly bytes: Buffer;
  readonly filename: string;
  readonly contentType: string;
  /** Bytes of a part; the whole body when it is no smaller. */
  readonly partBytes: number;
  readonly key: string;
  sessionId: string | null;
  /** Path of the upload URL: a restarted server has another port. */
  uploadPath: string;
  /** What a 308 or 200 said is kept. */
  keptBytes: number;
  complete: boolean;
  fileId: string | null;
  taskId: string | null;
  /** Since the last audit. */
  touched: boolean;
}

/** What the server did is not what it had promised. Anything else that goes wrong while it lives is one, too. */
export class Violation extends Error {
  override readonly name = "Violation";
}

export function newUpload(random: Random, n: number): Upload {
  const word = `word${n}x${random.integer(0, 2 ** 30).toString(36)}`;
  const large = random.next() < 0.15;
  const samples = sampleDocuments(word);
  const sample = samples[random.integer(0, samples.length - 1)];
  if (sample === undefined) throw new Error("there are no sample documents");
  const text = `${"the harbour master counts the ships at night. ".repeat(random.integer(8_000, 20_000))}${word}`;
  return {
    word,
    bytes: large ? Buffer.from(text) : sample.bytes,
    filename: large ? "log.txt" : sample.filename,
    contentType: large ? "text/plain" : sample.contentType,
    partBytes: UNIT * random.integer(1, 3),
    key: `job-${word}`,
    sessionId: null,
    uploadPath: "",
    keptBytes: 0,
    complete: false,
    fileId: null,
    taskId: null,
    touched: false,
  };
}

/** A text that keeps a reader busy for a second or two. */
export function newLongUpload(random: Random, n: number): Upload {
  const upload = newUpload(random, n);
  const bytes = longText(random, LONG_BYTES, upload.word);
  return { ...upload, bytes, filename: "long.txt", contentType: "text/plain", partBytes: 4 * UNIT };
}

const LONG_BYTES = 1_000_000;

/**
 * Takes the upload as far as finalized, from wherever it is; `answered` is told of the first answer. Rejects with
 * Violation, or with a connection's error when the server dies.
 */
export async function bringIn(api: Api, upload: Upload, answered: () => void = () => {}): Promise<void> {
  const { sessionId } = upload.sessionId === null ? await create(api, upload) : { sessionId: upload.sessionId };
  if (!upload.complete) await sendBytes(api, upload, answered);
  await finalize(api, upload, sessionId);
  answered();
}

/** Makes its session. */
export async function create(api: Api, upload: Upload): Promise<{ sessionId: string }> {
  const { bytes, filename, contentType: content_type, key } = upload;
  const answer = await api.createRaw(
    { filename, content_type, size_bytes: bytes.length, bucket: "killer", create_missing_buckets: true },
    { "Idempotency-Key": key },
  );
  expectStatus(answer, 201, "create");
  upload.sessionId = textAt(answer.json, "session_id");
  upload.uploadPath = new URL(textAt(answer.json, "upload_url")).pathname;
  upload.touched = true;
  return { sessionId: upload.sessionId };
}

async function sendBytes(api: Api, upload: Upload, answered: () => void): Promise<void> {
  const { bytes, partBytes } = upload;
  const url = api.base + upload.uploadPath;
  let answer = await probe(url, bytes.length);
  answered();
  while (answer.status === 308) {
    const from = keptOf(answer);
    if (from < upload.keptBytes) throw new Violation(`kept ${from} bytes after promising ${upload.keptBytes}`);
    noteKept(upload, from);
    const end = Math.min(bytes.length, from + partBytes);
    answer = await put(url, `${from}-${end - 1}/${bytes.length}`, bytes.subarray(from, end));
  }
  expectStatus(answer, 200, "PUT");
  upload.complete = true;
  noteKept(upload, bytes.length);
}

async function finalize(api: Api, upload: Upload, sessionId: string): Promise<void> {
  const answer = await api.finalize(sessionId);
  expectStatus(answer, 201, "finalize");
  const fileId = textAt(answer.json, "id");
  const taskId = textAt(answer.json, "task", "id");
  if (textAt(answer.json, "sha256") !== sha256Hex(upload.bytes)) throw new Violation("finalize names another sha256");
  if (upload.fileId !== null && (upload.fileId !== fileId || upload.taskId !== taskId))
    throw new Violation(`finalize gave ${upload.fileId} and ${upload.taskId} first, then ${fileId} and ${taskId}`);
  upload.fileId = fileId;
  upload.taskId = taskId;
  upload.touched = true;
}

function noteKept(upload: Upload, bytes: number): void {
  upload.keptBytes = bytes;
  upload.touched = true;
}

export function expectStatus(answer: HttpAnswer, status: number, what: string): void {
  if (answer.status !== status)
    throw new Violation(`${what} answered ${answer.status}: ${shown(answer.json ?? answer.text)}`);
}
