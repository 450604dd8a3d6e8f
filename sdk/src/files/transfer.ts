import type { CallsOptions } from "../core/calls.ts";
import { ApiError, ConnectionError, isPassing, WharfError } from "../core/errors.ts";
import { type Answer, type Exchange, exchange } from "../core/exchange.ts";
import { Patience, retryAfterOf } from "../core/patience.ts";
import type { Content } from "./content.ts";
import { PartSize } from "./part-size.ts";

export interface TransferDeps extends Pick<CallsOptions, "send" | "timing" | "retryForMs"> {
  readonly signal: AbortSignal;
}

export interface TransferWatcher {
  /** The server holds so many bytes from the start. May go back after a lost connection. */
  at(bytes: number): void;
  /** The transfer starts, or starts again, from here. */
  resumes(bytes: number): void;
}

/** What is sent where. */
export interface Upload {
  readonly url: string;
  readonly content: Pick<Content, "sizeBytes" | "read">;
}

/**
 * Sends the content to its upload_url until the server has all of it (contract PUT-1 … PUT-9). After anything that went
 * wrong it asks the server how much is there, and goes on from that: its own count is no evidence. `false`: the session
 * is gone, a new one is needed. `probeFirst`: an earlier run may have sent a part.
 */
export async function transfer(
  deps: TransferDeps,
  upload: Upload,
  probeFirst: boolean,
  watcher: TransferWatcher,
): Promise<boolean> {
  const patience = new Patience(deps.retryForMs, deps.timing);
  const part = new PartSize(deps.timing);
  let offset: number | null = probeFirst ? null : 0;
  let resumes = true;
  let furthest = 0;
  for (;;) {
    if (offset !== null && resumes) watcher.resumes(offset);
    const outcome: Outcome = await (offset === null ? probe(deps, upload) : sendPart(deps, upload, offset, part));
    switch (outcome.kind) {
      case "complete":
        watcher.at(upload.content.sizeBytes);
        return true;
      case "gone":
        return false;
      case "kept": {
        resumes = offset === null;
        const moved = outcome.bytes > furthest;
        if (moved) patience.progress();
        // A data request that keeps nothing, again and again, must not spin.
        else if (!resumes && !(await patience.again(0, deps.signal))) throw stuck(upload, outcome.bytes);
        if (!resumes) watcher.at(outcome.bytes);
        furthest = Math.max(furthest, outcome.bytes);
        offset = outcome.bytes;
        break;
      }
      case "retry":
        part.failed();
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

/**
 * Without a byte for so long the connection counts as lost. Over fetch, which does not tell how far a body is, a whole
 * part has no longer: what of it has arrived is kept, and the next part is smaller.
 */
const IDLE_MS = 60_000;

function probe(deps: TransferDeps, { url, content: { sizeBytes } }: Upload): Promise<Outcome> {
  return put(deps, url, sizeBytes, `bytes */${sizeBytes}`, undefined);
}

async function sendPart(deps: TransferDeps, upload: Upload, offset: number, part: PartSize): Promise<Outcome> {
  const { url, content } = upload;
  const { sizeBytes } = content;
  // Everything is there already, and no request has said that it was the last.
  if (offset >= sizeBytes) return probe(deps, upload);
  const end = Math.min(sizeBytes, offset + part.bytes);
  const body = await content.read(offset, end);
  part.begins();
  const outcome = await put(deps, url, sizeBytes, `bytes ${offset}-${end - 1}/${sizeBytes}`, body);
  if (outcome.kind === "kept" && outcome.bytes > offset) part.ended(outcome.bytes - offset);
  return outcome;
}

async function put(
  deps: TransferDeps,
  url: string,
  sizeBytes: number,
  contentRange: string,
  body: Exchange["body"],
): Promise<Outcome> {
  const { send, signal } = deps;
  const headers = { "Content-Range": contentRange };
  try {
    const answer = await exchange(send, { method: "PUT", url, headers, body, signal, idleMs: IDLE_MS });
    return read(answer, sizeBytes);
  } catch (error) {
    if (!(error instanceof ConnectionError)) throw error;
    const message = `The server stopped answering during the upload (${error.message}).`;
    return { kind: "retry", afterSeconds: null, error: new ConnectionError(message, { cause: error }) };
  }
}

function read(answer: Answer, sizeBytes: number): Outcome {
  if (answer.status === 200 || answer.status === 201) return { kind: "complete" };
  if (answer.status === 308) return { kind: "kept", bytes: keptBytes(answer, sizeBytes) };
  // Expired, forgotten or cancelled (PUT-12, PUT-13): the same Idempotency-Key gets a fresh session (IDE-8).
  if (answer.status === 404 || answer.status === 410 || answer.status === 499) return { kind: "gone" };
  const message = `The server refused the bytes (${answer.status}): ${answer.text.trim().slice(0, 300)}`;
  const retryable = isPassing(answer.status);
  const error = new ApiError(answer.status, { error: { code: `http_${answer.status}`, message, retryable } });
  if (retryable) return { kind: "retry", afterSeconds: retryAfterOf(answer), error };
  throw error;
}

/** `Range: bytes=0-<last byte kept>`; none means that nothing is kept. */
function keptBytes(answer: Answer, sizeBytes: number): number {
  const range = answer.header("Range");
  if (range === null) return 0;
  const last = /^bytes=0-(\d{1,15})$/.exec(range)?.[1];
  const kept = last === undefined ? Number.NaN : Number(last) + 1;
  if (kept <= sizeBytes) return kept;
  throw new WharfError("bad_answer", `The server's Range makes no sense: ${range.slice(0, 100)}`);
}

function stuck({ content }: Upload, bytes: number): WharfError {
  return new WharfError("no_progress", `The upload does not get past ${bytes} of ${content.sizeBytes} bytes.`);
}
