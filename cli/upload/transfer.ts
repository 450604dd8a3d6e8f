import type { FileHandle } from "node:fs/promises";
import { Readable } from "node:stream";
import { type Answer, ConnectionError, type Exchange, type HttpClient, ShortBodyError } from "../client/exchange.ts";
import { isPassing, Patience, retryAfterOf, type Timing } from "../client/patience.ts";
import { CliError, EXIT } from "../exit-codes.ts";
import { PIECE_BYTES } from "./content.ts";

export interface TransferDeps {
  readonly http: HttpClient;
  readonly signal: AbortSignal;
  readonly timing: Timing;
  readonly patienceMs: number;
}

export interface TransferWatcher {
  /** The server holds, or has been sent, so many bytes from the start. May go back after a lost connection. */
  at(bytes: number): void;
  /** The transfer starts, or starts again, from here. */
  resumes(bytes: number): void;
}

/** What is sent where. */
export interface Upload {
  readonly url: string;
  readonly file: FileHandle;
  readonly sizeBytes: number;
  /** All its bytes, when they are few; null = they are read from the file. */
  readonly small: Uint8Array | null;
}

/**
 * Sends the file to its upload_url until the server has all of it (contract PUT-1 … PUT-9). After anything that went wrong it asks the
 * server how much is there, and goes on from that: its own count is no evidence. `false`: the session is gone, a new one is needed.
 * `probeFirst`: an earlier run may have sent a part.
 */
export async function transfer(
  deps: TransferDeps,
  upload: Upload,
  probeFirst: boolean,
  watcher: TransferWatcher,
): Promise<boolean> {
  const patience = new Patience(deps.patienceMs, deps.timing);
  let offset: number | null = probeFirst ? null : 0;
  let furthest = 0;
  for (;;) {
    if (offset !== null) watcher.resumes(offset);
    const outcome: Outcome = await (offset === null ? probe(deps, upload) : send(deps, upload, offset, watcher));
    switch (outcome.kind) {
      case "complete":
        watcher.at(upload.sizeBytes);
        return true;
      case "gone":
        return false;
      case "kept": {
        const answersProbe = offset === null;
        offset = outcome.bytes;
        if (outcome.bytes > furthest) patience.progress();
        furthest = Math.max(furthest, outcome.bytes);
        // A data request that ends without the end of the file, again and again, must not spin.
        if (!answersProbe && !(await patience.again(0, deps.signal))) throw stuck(upload, outcome.bytes);
        break;
      }
      case "retry":
        if (!(await patience.again(outcome.afterSeconds, deps.signal))) throw outcome.error;
        offset = null;
        break;
    }
  }
}

type Outcome =
  | { readonly kind: "complete" | "gone" }
  | { readonly kind: "kept"; readonly bytes: number }
  | { readonly kind: "retry"; readonly afterSeconds: number | null; readonly error: Error };

/** Without a byte accepted for so long, the connection is taken for lost. */
const IDLE_MS = 60_000;

function probe(deps: TransferDeps, upload: Upload): Promise<Outcome> {
  return put(deps, upload, { headers: { "Content-Range": `bytes */${upload.sizeBytes}` }, body: new Uint8Array() });
}

async function send(deps: TransferDeps, upload: Upload, offset: number, watcher: TransferWatcher): Promise<Outcome> {
  const { file, sizeBytes, small } = upload;
  // Everything is there already, and no request has said that it was the last.
  if (offset >= sizeBytes) return probe(deps, upload);
  const headers = { "Content-Range": `bytes ${offset}-${sizeBytes - 1}/${sizeBytes}` };
  if (small !== null) return put(deps, upload, { headers, body: small.subarray(offset) });
  const stream = Readable.from(readPieces(file, offset, sizeBytes, watcher), { objectMode: false });
  try {
    return await put(deps, upload, { headers, body: { stream, length: sizeBytes - offset } });
  } catch (error) {
    if (!(error instanceof ShortBodyError)) throw error;
    throw new CliError(EXIT.failure, "file_changed", "The file became shorter while it was being uploaded.");
  } finally {
    stream.destroy();
  }
}

async function* readPieces(file: FileHandle, offset: number, end: number, watcher: TransferWatcher) {
  let position = offset;
  while (position < end) {
    const { buffer, bytesRead } = await file.read(
      Buffer.allocUnsafe(Math.min(PIECE_BYTES, end - position)),
      0,
      null,
      position,
    );
    if (bytesRead === 0) return;
    yield buffer.subarray(0, bytesRead);
    position += bytesRead;
    watcher.at(position);
  }
}

async function put(deps: TransferDeps, upload: Upload, request: Pick<Exchange, "headers" | "body">): Promise<Outcome> {
  try {
    const answer = await deps.http.send({
      ...request,
      method: "PUT",
      url: upload.url,
      signal: deps.signal,
      idleMs: IDLE_MS,
    });
    return read(answer, upload.sizeBytes);
  } catch (error) {
    if (!(error instanceof ConnectionError)) throw error;
    const message = `The server stopped answering during the upload (${error.message}).`;
    return {
      kind: "retry",
      afterSeconds: null,
      error: new CliError(EXIT.unreachable, "unreachable", message, { cause: error }),
    };
  }
}

function read(answer: Answer, sizeBytes: number): Outcome {
  if (answer.status === 200 || answer.status === 201) return { kind: "complete" };
  if (answer.status === 308) return { kind: "kept", bytes: keptBytes(answer, sizeBytes) };
  // Expired, forgotten or cancelled (PUT-12, PUT-13): the same Idempotency-Key gets a fresh session (IDE-8).
  if (answer.status === 404 || answer.status === 410 || answer.status === 499) return { kind: "gone" };
  const said = answer.text.trim().slice(0, 300);
  const message = `The server refused the bytes (${answer.status}): ${said}`;
  const error = new CliError(EXIT.failure, `http_${answer.status}`, message);
  if (isPassing(answer.status)) return { kind: "retry", afterSeconds: retryAfterOf(answer), error };
  throw error;
}

/** `Range: bytes=0-<last byte kept>`; none means that nothing is kept. */
function keptBytes(answer: Answer, sizeBytes: number): number {
  const range = answer.header("Range");
  if (range === null) return 0;
  const last = /^bytes=0-(\d{1,15})$/.exec(range)?.[1];
  const kept = last === undefined ? Number.NaN : Number(last) + 1;
  if (kept <= sizeBytes) return kept;
  throw new CliError(EXIT.failure, "bad_answer", `The server's Range makes no sense: ${range.slice(0, 100)}`);
}

function stuck(upload: Upload, bytes: number): CliError {
  const message = `The upload does not get past ${bytes} of ${upload.sizeBytes} bytes.`;
  return new CliError(EXIT.failure, "no_progress", message);
}
