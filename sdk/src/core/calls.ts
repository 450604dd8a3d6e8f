import { ROUTES } from "../generated/routes.ts";
import type { Operations } from "../generated/types.ts";
import { ApiError, ConnectionError, isPassing, WharfError } from "./errors.ts";
import { type Answer, type Exchange, exchange, type OpenAnswer, readText, type Send } from "./exchange.ts";
import { randomHex } from "./hex.ts";
import { type JsonObject, objectIn, objectOf, parseObject, textIn } from "./json.ts";
import { Patience, retryAfterOf, type Timing } from "./patience.ts";

export type Operation = keyof Operations;
export type Input<K extends Operation> = Operations[K]["input"];
export type Result<K extends Operation> = Operations[K]["answer"];

export interface CallOptions {
  /** Ends the call, and the waits between its tries, at once: it rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

export interface CallsOptions {
  /** Ends in `/v1`. */
  readonly baseUrl: string;
  readonly send: Send;
  readonly timing: Timing;
  readonly retryForMs: number;
}

/**
 * Operations whose second run answers otherwise than the first, or makes something twice. They are repeated when the
 * server itself said that it did not do them, and not when it failed in the middle or their answer was lost.
 */
const ONCE: ReadonlySet<Operation> = new Set([
  "createBucket",
  "deleteBucket",
  "retryTask",
  "createProfile",
  "deleteProfile",
  "createResponse",
  "deleteResponse",
] as const);

/** Said to be retryable, but by another call than the same one: the bytes have to be sent first. */
const NEEDS_BYTES: ReadonlySet<string> = new Set(["upload_incomplete", "integrity_error"]);

/**
 * The text of a document has up to 32 Mi characters, each of at most 6 bytes in JSON; 200 buckets name up to 1 000
 * files each, thrice.
 */
const LARGE: ReadonlySet<Operation> = new Set(["getFileText", "listBuckets"] as const);
const LARGE_ANSWER_BYTES = 256 * 1024 * 1024;

/** Above the longest poll (60 s). */
const IDLE_MS = 75_000;
/** A line that is slower is taken for a lost one. */
const SLOWEST_BYTES_PER_MS = 16;

/**
 * Calls of the API, each by its operation in openapi.json, repeated by the contract's rules: on lost connections, on
 * 429 and 5xx and whatever says `retryable`, as late as `Retry-After` asks, for `retryForMs`.
 */
export class Calls {
  readonly options: CallsOptions;
  /** Private, so that whoever prints a client does not print it. */
  readonly #apiKey: string;

  constructor(apiKey: string, options: CallsOptions) {
    this.#apiKey = apiKey;
    this.options = options;
  }

  /** Rejects with ApiError, ConnectionError or the signal's reason. */
  async json<K extends Operation>(operation: K, input: Input<K>, options: CallOptions = {}): Promise<Result<K>> {
    return (await this.answered(operation, input, {}, options)).body;
  }

  /** The same with headers of one's own, and those of the answer. */
  async answered<K extends Operation>(
    operation: K,
    input: Input<K>,
    headers: Readonly<Record<string, string>>,
    options: CallOptions,
  ): Promise<{ readonly body: Result<K>; readonly answer: Answer }> {
    const request = this.#request(operation, objectOf(input) ?? {}, headers, options);
    const answer = await this.#repeated(operation, request, (one) => exchange(this.options.send, one));
    return { body: parse<Result<K>>(answer.text), answer };
  }

  /** The same with a form in place of JSON, as bytes: each try sends them anew. */
  async form<K extends Operation>(
    operation: K,
    { contentType, body }: { readonly contentType: string; readonly body: Uint8Array<ArrayBuffer> },
    headers: Readonly<Record<string, string>>,
    options: CallOptions,
  ): Promise<{ readonly body: Result<K>; readonly answer: Answer }> {
    const request = this.#request(operation, {}, { ...headers, "Content-Type": contentType }, options);
    // Over fetch the answer's time begins with the first byte that is sent.
    const idleMs = IDLE_MS + body.length / SLOWEST_BYTES_PER_MS;
    const answer = await this.#repeated(operation, { ...request, body, idleMs }, (one) =>
      exchange(this.options.send, one),
    );
    return { body: parse<Result<K>>(answer.text), answer };
  }

  /** The same, up to the head of a success: for what is too large, or comes too slowly, to be read at once. */
  open<K extends Operation>(
    operation: K,
    input: Input<K>,
    headers: Readonly<Record<string, string>>,
    options: CallOptions,
  ): Promise<OpenAnswer> {
    const request = this.#request(operation, objectOf(input) ?? {}, headers, options);
    return this.#repeated(operation, request, async (one) => {
      const opened = await this.options.send(one);
      return isSuccess(opened) ? opened : { ...opened, text: await readText(opened) };
    });
  }

  #request(
    operation: Operation,
    input: JsonObject,
    headers: Readonly<Record<string, string>>,
    { signal = never() }: CallOptions,
  ): Exchange {
    const { baseUrl } = this.options;
    const [method = "", path = ""] = ROUTES[operation].split(" ");
    const body = input["body"];
    // Without a key of its caller's, one for this call: its second try must not make a second session.
    const key = operation === "createUploadSession" ? { "Idempotency-Key": `wharf-${randomHex()}` } : {};
    return {
      method,
      url: `${baseUrl}${filled(path, objectIn(input, "path"))}${queryOf(objectIn(input, "query"))}`,
      headers: {
        ...key,
        ...headers,
        Authorization: `Bearer ${this.#apiKey}`,
        ...(body === undefined ? {} : { "Content-Type": "application/json" }),
      },
      body: body === undefined ? undefined : JSON.stringify(body),
      signal,
      idleMs: IDLE_MS,
      maxAnswerBytes: LARGE.has(operation) ? LARGE_ANSWER_BYTES : undefined,
    };
  }

  async #repeated<T extends OpenAnswer | Answer>(
    operation: Operation,
    request: Exchange,
    attempt: (request: Exchange) => Promise<T>,
  ): Promise<T> {
    const patience = new Patience(this.options.retryForMs, this.options.timing);
    for (;;) {
      const outcome = await attempt(request).catch(ifConnection);
      if (outcome instanceof ConnectionError) {
        if (!ONCE.has(operation) && (await patience.again(null, request.signal))) continue;
        throw unreachable(this.options.baseUrl, outcome);
      }
      if (isSuccess(outcome)) return outcome;
      const refusal = refusalOf(outcome.status, "text" in outcome ? outcome.text : "");
      const again = ONCE.has(operation) ? isUndone(refusal) : canPass(refusal);
      if (!again || outcome.header("x-should-retry") === "false") throw refusal;
      if (!(await patience.again(retryAfterOf(outcome), request.signal))) throw refusal;
    }
  }
}

/** One for each call: Node 20 warns of a signal that more than ten wait for. */
export function never(): AbortSignal {
  return new AbortController().signal;
}

function ifConnection(error: unknown): ConnectionError {
  if (error instanceof ConnectionError) return error;
  throw error;
}

function unreachable(baseUrl: string, error: ConnectionError): ConnectionError {
  const { origin } = new URL(baseUrl);
  const question = "Is it running, and is the address right?";
  return new ConnectionError(`The server at ${origin} does not answer (${error.message}). ${question}`, {
    cause: error,
  });
}

function isSuccess({ status }: { readonly status: number }): boolean {
  return status >= 200 && status < 300;
}

function refusalOf(status: number, text: string): WharfError {
  // A page is not told where it was redirected to, and sees the status 0.
  if (status < 200 || (status >= 300 && status < 400))
    return new WharfError("bad_answer", "The server redirects: give the address that it redirects to as baseUrl.");
  return new ApiError(status, parseObject(text));
}

/** What is not in the API's shape is a proxy's, and its status is all that it says. */
function canPass(refusal: WharfError): boolean {
  if (!(refusal instanceof ApiError) || NEEDS_BYTES.has(refusal.code)) return false;
  return refusal.retryable || isPassing(refusal.status);
}

function parse<T>(text: string): T {
  try {
    const value: unknown = JSON.parse(text);
    if (isAnswer<T>(value)) return value;
  } catch {
    // Said below.
  }
  throw new WharfError("bad_answer", "The answer is not JSON: the address does not name a Wharf server.");
}

/** Refused before anything was begun, by the server itself and not by a proxy that does not know. */
function isUndone(refusal: WharfError): boolean {
  return refusal instanceof ApiError && refusal.requestId !== null && [429, 503, 507].includes(refusal.status);
}

/** An object that comes from the API is what openapi.json says: the one place where that is believed. */
function isAnswer<T>(value: unknown): value is T {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function filled(path: string, values: JsonObject | null): string {
  return path.replace(/\{(\w+)\}/g, (_, name: string) => {
    const value = textIn(values, name) ?? "";
    // "." and ".." are ways to other places, and no ids.
    if (/^\.{0,2}$/.test(value))
      throw new WharfError("not_found", `${name} is missing: there is nothing at this address.`);
    return encodeURIComponent(value);
  });
}

function queryOf(values: JsonObject | null): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(values ?? {}))
    for (const one of Array.isArray(value) ? value : [value])
      if (one !== undefined && one !== null) query.append(name, String(one));
  const text = query.toString();
  return text === "" ? "" : `?${text}`;
}
