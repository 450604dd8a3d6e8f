import type { ErrorCatalogue, KnowledgeFile } from "../generated/types.ts";
import { type JsonObject, objectIn, textIn } from "./json.ts";

/** A code of the API's catalogue of errors (docs/errors.md). */
export type ErrorCode = keyof ErrorCatalogue;

/** What the library refuses or finds out by itself. */
export type LocalCode =
  | "bad_answer"
  | "config"
  | "file_changed"
  | "no_progress"
  | "no_session"
  | "unreachable"
  | "unreadable"
  | "wait_timed_out";

/**
 * Everything that the library throws, but for the reason of your own AbortSignal. `message` is one sentence for people
 * that says what to do; `code` is for programs.
 */
export class WharfError extends Error {
  override readonly name: string = "WharfError";
  /** ErrorCode, LocalCode, or what a newer server calls it. */
  readonly code: ErrorCode | LocalCode | (string & {});

  constructor(code: WharfError["code"], message: string, options: { readonly cause?: unknown } = {}) {
    super(message, options);
    this.code = code;
  }
}

/** The server refused (contract ALL-5): its own code and sentence. */
export class ApiError extends WharfError {
  override readonly name = "ApiError";
  readonly status: number;
  /** Whether the same request can succeed later. Where it can, the library has tried for `retryForMs` already. */
  readonly retryable: boolean;
  /** What a program can use: `details.unresolved`, `details.max_bytes` and the like. */
  readonly details: JsonObject;
  /** Names the request in the server's log; null when something before the server answered. */
  readonly requestId: string | null;

  constructor(status: number, body: JsonObject | null) {
    const error = objectIn(body, "error");
    super(textIn(error, "code") ?? `http_${status}`, textIn(error, "message") ?? `The server answered ${status}.`);
    this.status = status;
    this.retryable = error === null ? isPassing(status) : error["retryable"] === true;
    this.details = objectIn(error, "details") ?? {};
    this.requestId = textIn(body, "request_id");
  }

  /** Narrows to one code: `if (ApiError.is(error, "rate_limited")) …`. */
  static is(error: unknown, code: ErrorCode): error is ApiError {
    return error instanceof ApiError && error.code === code;
  }
}

/** No complete answer came. The request may or may not have been carried out. */
export class ConnectionError extends WharfError {
  override readonly name = "ConnectionError";

  constructor(message: string, options: { readonly cause?: unknown } = {}) {
    super("unreachable", message, options);
  }
}

/**
 * A file ended otherwise than indexed. `code` and `message` are those of `file.error`; of a deleted file
 * `file_not_found`.
 */
export class IndexingError extends WharfError {
  override readonly name = "IndexingError";
  readonly file: KnowledgeFile;

  constructor(file: KnowledgeFile) {
    const { error, status } = file;
    if (status === "deleted") super("file_not_found", "The file was deleted before it was indexed.");
    else super(error?.code ?? "internal", error?.message ?? "The file could not be indexed.");
    this.file = file;
  }
}

/** The time for waiting is over. The file is safe, and its indexing goes on by itself. */
export class WaitTimeoutError extends WharfError {
  override readonly name = "WaitTimeoutError";
  readonly file: KnowledgeFile;

  constructor(file: KnowledgeFile) {
    super("wait_timed_out", "The file is safe and still being indexed: wait again, or longer.");
    this.file = file;
  }
}

/**
 * Whether the same request may succeed later, by its status alone: what a byte end-point or a proxy in between says.
 */
export function isPassing(status: number): boolean {
  return status === 408 || status === 429 || status >= 500;
}

/** Whatever was thrown, as an Error. */
export function toError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}
