/**
 * Every error a client can meet: code, HTTP status, whether a retry may help, and the sentence that says how to fix it.
 * `docs/errors.md`, the OpenAPI enum and the client classes are generated from this table (contract §11).
 */

export interface ErrorSpec {
  readonly status: number;
  readonly retryable: boolean;
  /** Public message when the place that refuses has nothing more exact to say. */
  readonly say: string;
}

export const CATALOGUE = {
  invalid_request: {
    status: 400,
    retryable: false,
    say: "The request is not valid; details.field names what to change.",
  },
  bucket_required: {
    status: 400,
    retryable: false,
    say: "Name a bucket: give bucket, bucket_slugs or bucket_ids.",
  },
  bucket_assignment_failed: {
    status: 400,
    retryable: false,
    say: "Some buckets do not exist or are archived; details.unresolved lists them. Correct them, or send create_missing_buckets: true to have missing slugs created.",
  },
  invalid_size: { status: 400, retryable: false, say: "size_bytes must be an integer of at least 1." },
  invalid_filename: {
    status: 400,
    retryable: false,
    say: "filename must have 1 to 255 characters and no control characters or unpaired surrogates.",
  },
  metadata_too_large: {
    status: 400,
    retryable: false,
    say: "metadata is too large; make its JSON text smaller.",
  },
  too_many_tags: { status: 400, retryable: false, say: "There are too many tags; send fewer." },
  invalid_idempotency_key: {
    status: 400,
    retryable: false,
    say: "Send one Idempotency-Key header of 1 to 255 printable ASCII characters, bare or in double quotes.",
  },
  batch_too_large: { status: 400, retryable: false, say: "A batch holds at most 100 files; split it." },
  duplicate_client_file_id: {
    status: 400,
    retryable: false,
    say: "Each client_file_id may occur once in items and once in files.",
  },
  invalid_client_file_id: {
    status: 400,
    retryable: false,
    say: "client_file_id must match ^[A-Za-z0-9_.-]{1,128}$ and must not start with __.",
  },
  missing_file_parts: {
    status: 400,
    retryable: false,
    say: "Each client_file_id must occur in manifest.items and in files.",
  },
  unsupported_manifest_version: { status: 400, retryable: false, say: "manifest.version must be 1." },
  invalid_mode: {
    status: 400,
    retryable: false,
    say: "That mode is not available; details.available lists those that are.",
  },
  invalid_api_key: {
    status: 401,
    retryable: false,
    say: "Send a valid project API key: Authorization: Bearer sk_… (wharf keys create makes one).",
  },
  forbidden_scope: {
    status: 403,
    retryable: false,
    say: "This key may not do that; use a key that has the scope in details.required.",
  },
  forbidden_origin: {
    status: 403,
    retryable: false,
    say: "Pages of another origin may not call this address: call it from a program, which sends no Origin header.",
  },
  session_not_found: {
    status: 404,
    retryable: false,
    say: "There is no such upload session; check the id, or create a session.",
  },
  file_not_found: { status: 404, retryable: false, say: "There is no such file; check the id." },
  task_not_found: { status: 404, retryable: false, say: "There is no such task; check the id." },
  batch_not_found: { status: 404, retryable: false, say: "There is no such batch; check the id." },
  bucket_not_found: { status: 404, retryable: false, say: "There is no such bucket; check the id." },
  response_not_found: {
    status: 404,
    retryable: false,
    say: "There is no such response: it was deleted, not stored, or is older than 30 days.",
  },
  profile_not_found: { status: 404, retryable: false, say: "There is no such agent profile; check its profile_id." },
  model_not_found: {
    status: 404,
    retryable: false,
    say: "There is no such model, or its profile is disabled; GET /v1/rag-agent/models lists the models.",
  },
  not_found: { status: 404, retryable: false, say: "There is nothing at this address; /docs lists the routes." },
  method_not_allowed: {
    status: 405,
    retryable: false,
    say: "This address does not take that method; the Allow header lists those it takes.",
  },
  upload_incomplete: {
    status: 409,
    retryable: true,
    say: "The bytes are not all here yet; PUT the rest to upload_url, then finalize again. details.received_bytes says how many are.",
  },
  idempotency_in_progress: {
    status: 409,
    retryable: true,
    say: "The first request with this key is still running; try again shortly.",
  },
  bucket_not_empty: {
    status: 409,
    retryable: false,
    say: "The bucket still has files; move or delete them, or send ?force=true.",
  },
  conflict: { status: 409, retryable: false, say: "The object is in a state that does not allow this." },
  session_expired: {
    status: 410,
    retryable: false,
    say: "The upload session has expired; create a new one and upload again.",
  },
  session_cancelled: {
    status: 410,
    retryable: false,
    say: "The upload session was cancelled; create a new one and upload again.",
  },
  file_too_large: { status: 413, retryable: false, say: "The file is too large; details.max_bytes is the limit." },
  request_too_large: {
    status: 413,
    retryable: false,
    say: "The request body is too large; details.max_bytes is the limit.",
  },
  unsupported_content_type: {
    status: 415,
    retryable: false,
    say: "Send the body in UTF-8, as Content-Type: application/json.",
  },
  range_not_satisfiable: {
    status: 416,
    retryable: false,
    say: "The range lies outside the file; Content-Range names its size.",
  },
  idempotency_key_reused: {
    status: 422,
    retryable: false,
    say: "This Idempotency-Key was used with another body. Use a new key, or give up the first upload with DELETE /v1/knowledge/files/upload-session/{id} (details.session_id).",
  },
  checksum_mismatch: {
    status: 422,
    retryable: false,
    say: "The stored bytes do not have that checksum. Give the upload up with DELETE /v1/knowledge/files/upload-session/{id}, then create a session and send the file again.",
  },
  rate_limited: {
    status: 429,
    retryable: true,
    say: "Too many creates in one second; wait Retry-After seconds and try again.",
  },
  internal: {
    status: 500,
    retryable: true,
    say: "Something went wrong on the server; try again, and report the request_id if it persists.",
  },
  integrity_error: {
    status: 500,
    retryable: true,
    say: "The stored bytes no longer match their checksum and are not served. Send the file again.",
  },
  storage_unavailable: {
    status: 503,
    retryable: true,
    say: "Storage does not answer right now; try again after Retry-After seconds.",
  },
  overloaded: { status: 503, retryable: true, say: "The server is at a limit; try again after Retry-After seconds." },
  model_unavailable: {
    status: 503,
    retryable: true,
    say: "The chat server that writes answers does not answer as it should. The question was not lost: ask it again later. The operator finds the reason in the server's log.",
  },
  shutting_down: {
    status: 503,
    retryable: true,
    say: "The server is shutting down; try again after Retry-After seconds.",
  },
  storage_full: {
    status: 507,
    retryable: true,
    say: "The server's disk is nearly full; the operator must free space. Try again later.",
  },
} as const satisfies Record<string, ErrorSpec>;

export type ErrorCode = keyof typeof CATALOGUE;

/** Why a file could not be indexed: not an HTTP error, but `file.error.code` and `task.error.code` (contract §11). */
export const FILE_ERRORS = {
  unsupported_file_type:
    "This kind of file is not read. Convert it to PDF, DOCX, HTML, Markdown or plain text and upload it again.",
  type_mismatch: "The content is not what content_type declares. Correct content_type or the file and upload it again.",
  encrypted_file: "The file is encrypted. Remove its password and upload it again.",
  corrupt_file: "The file is damaged and cannot be read. Export it afresh from its source and upload it again.",
  empty_text: "No text was found. Upload a file that holds text.",
  garbled_text: "The text is unreadable. Export the document afresh from its source and upload it again.",
  too_complex: "The file is past a limit of what is read in one document. Split it and upload the parts.",
  extraction_timeout: "Reading the file took too long. Split or simplify it and upload it again.",
  extraction_memory: "Reading the file took too much memory. Split or simplify it and upload it again.",
  cancelled: "Indexing was cancelled. POST /v1/knowledge/tasks/{id}/retry starts it again.",
  internal: "Something went wrong on the server. POST /v1/knowledge/tasks/{id}/retry tries again.",
} as const satisfies Record<string, string>;

export type FileErrorCode = keyof typeof FILE_ERRORS;

/** Why a file is indexed but in part: the `code` of an entry of `file.warnings` (contract §11). */
export const FILE_WARNINGS = {
  garbled_text: "Text of these pages is unreadable. Export the document afresh from its source and upload it again.",
  empty_page: "These pages have content and no text was found in it.",
  part_skipped: "These pages, or parts of them, were left out.",
} as const satisfies Record<string, string>;

export type FileWarningCode = keyof typeof FILE_WARNINGS;

/** What of a file its indexed text does not show. At most limits.warnings of them. */
export interface FileWarning {
  readonly code: FileWarningCode;
  /** For people: what is missing and what to do. At most limits.warningChars. */
  readonly message: string;
  /** In order, each once; at most the first limits.warningPages. */
  readonly pages: readonly number[];
}

export type JsonValue = null | boolean | number | string | readonly JsonValue[] | { readonly [key: string]: JsonValue };
export type ErrorDetails = Readonly<Record<string, JsonValue>>;

/**
 * An outcome that the contract names, thrown towards the HTTP edge. Its message is public; `cause` is for the log
 * alone. Headers that belong to one outcome (Retry-After, Allow, RateLimit) travel with it.
 */
export class WharfError extends Error {
  readonly code: ErrorCode;
  readonly details: ErrorDetails;
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    code: ErrorCode,
    options: {
      message?: string | undefined;
      details?: ErrorDetails | undefined;
      headers?: Readonly<Record<string, string>> | undefined;
      cause?: unknown;
    } = {},
  ) {
    super(options.message ?? CATALOGUE[code].say, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "WharfError";
    this.code = code;
    this.details = options.details ?? {};
    this.headers = options.headers ?? {};
  }
}

/** 400 `invalid_request` that names the field. */
export function invalidRequest(field: string, message: string, more: ErrorDetails = {}): WharfError {
  return new WharfError("invalid_request", { message, details: { field, ...more } });
}

/**
 * A refusal as an operation of the catalogue returns it: plain data, because a thrown error loses its class on the way
 * between threads. The engine rolls the operation back when it sees one.
 */
export interface Refusal {
  readonly refused: ErrorCode;
  readonly message?: string;
  readonly details?: ErrorDetails;
}

export function refuse(refused: ErrorCode, more: Omit<Refusal, "refused"> = {}): Refusal {
  return { refused, ...more };
}

export function isRefusal(value: unknown): value is Refusal {
  return typeof value === "object" && value !== null && "refused" in value && typeof value.refused === "string";
}

/** The result of an operation, or its refusal thrown as the error that the edge answers with. */
export function accepted<T>(result: T | Refusal): T {
  if (isRefusal(result)) throw new WharfError(result.refused, { message: result.message, details: result.details });
  return result;
}

export function assertNever(value: never): never {
  throw new Error(`unreachable: ${JSON.stringify(value)}`);
}

/** Whatever was thrown, as an Error. */
export function toError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}

/** The `code` of a system or library error (ENOSPC, ERR_SQLITE_ERROR …), or undefined. */
export function errorCodeOf(thrown: unknown): string | undefined {
  return typeof thrown === "object" && thrown !== null && "code" in thrown && typeof thrown.code === "string"
    ? thrown.code
    : undefined;
}
