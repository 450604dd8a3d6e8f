import { ConnectionError, toError, WharfError } from "./errors.ts";

/**
 * One HTTP request over `fetch`. A body is all there before it is sent: while a stream is being sent, no fetch can read
 * a refusal.
 */
export interface Exchange {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array<ArrayBuffer> | undefined;
  readonly signal: AbortSignal;
  /**
   * So long for the answer to begin, and then for each further part of it; beyond that the connection counts as lost.
   */
  readonly idleMs: number;
}

export interface Answer {
  readonly status: number;
  header(name: string): string | null;
  /** At most MAX_ANSWER_BYTES. */
  readonly text: string;
}

/** An answer whose body is still on its way. It has to be read to its end, or cancelled. */
export interface OpenAnswer extends Omit<Answer, "text"> {
  /** Rejects with ConnectionError, or with the signal's reason. */
  chunks(): AsyncGenerator<Uint8Array<ArrayBuffer>>;
  cancel(): void;
}

export type Fetch = typeof fetch;

/** Larger than any answer of ours: 200 files of a list with full metadata are 2 MB. */
const MAX_ANSWER_BYTES = 16 * 1024 * 1024;

/** The whole exchange. Rejects with ConnectionError, WharfError `bad_answer`, or the signal's reason. */
export async function exchange(doFetch: Fetch, request: Exchange): Promise<Answer> {
  const opened = await open(doFetch, request);
  return { status: opened.status, header: opened.header, text: await readText(opened) };
}

/** Until the head of the answer is there. */
export async function open(doFetch: Fetch, request: Exchange): Promise<OpenAnswer> {
  const { method, url, headers, body, signal } = request;
  signal.throwIfAborted();
  const attempt = new Attempt(signal, request.idleMs);
  try {
    const response = await doFetch(url, {
      method,
      headers: { ...headers },
      ...(body === undefined ? {} : { body }),
      signal: attempt.signal,
      // A key must not follow a redirect to wherever it leads; a 308 of an upload_url has no Location and is none.
      redirect: "Authorization" in headers ? "manual" : "follow",
    });
    attempt.rest();
    return {
      status: response.status,
      header: (name) => response.headers.get(name),
      chunks: () => chunksOf(response, attempt),
      cancel: () => attempt.cancel(),
    };
  } catch (error) {
    throw attempt.failure(error);
  }
}

async function* chunksOf(response: Response, attempt: Attempt): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const reader = response.body?.getReader();
  let isWhole = reader === undefined;
  try {
    while (reader !== undefined) {
      attempt.moved();
      const { done, value } = await reader.read();
      attempt.rest();
      isWhole = done;
      if (done) return;
      yield value;
    }
  } catch (error) {
    throw attempt.failure(error);
  } finally {
    // Whoever leaves off reading wants no more of it.
    if (isWhole) attempt.over();
    else attempt.cancel();
  }
}

export async function readText(answer: OpenAnswer): Promise<string> {
  const decoder = new TextDecoder();
  let size = 0;
  let text = "";
  for await (const chunk of answer.chunks()) {
    size += chunk.byteLength;
    if (size > MAX_ANSWER_BYTES)
      throw new WharfError("bad_answer", "The answer is larger than 16 MiB: it is none of the API.");
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

/** Ends a request when its caller wants that, or when nothing has moved for too long. */
class Attempt {
  readonly #controller = new AbortController();
  readonly #caller: AbortSignal;
  readonly #idleMs: number;
  readonly #abort: () => void;
  #timer: ReturnType<typeof setTimeout>;
  #isLate = false;

  constructor(caller: AbortSignal, idleMs: number) {
    this.#caller = caller;
    this.#idleMs = idleMs;
    this.#abort = () => this.#controller.abort(caller.reason);
    caller.addEventListener("abort", this.#abort, { once: true });
    this.#timer = this.#start();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  moved(): void {
    clearTimeout(this.#timer);
    this.#timer = this.#start();
  }

  /** It is the caller's turn, who may take any time. */
  rest(): void {
    clearTimeout(this.#timer);
  }

  /** It came to its end. */
  over(): void {
    clearTimeout(this.#timer);
    this.#caller.removeEventListener("abort", this.#abort);
  }

  /** What is still on its way is dropped. */
  cancel(): void {
    this.over();
    this.#controller.abort();
  }

  /** What a rejection of fetch means. */
  failure(error: unknown): unknown {
    this.cancel();
    if (this.#caller.aborted) return this.#caller.reason;
    if (this.#isLate) return new ConnectionError(`no answer for ${Math.round(this.#idleMs / 1000)} s`);
    // Node says "fetch failed" of everything, and why in the cause.
    const { cause, message } = toError(error);
    const why = cause instanceof Error && cause.message !== "" ? cause.message : message;
    return new ConnectionError(why, { cause: error });
  }

  #start(): ReturnType<typeof setTimeout> {
    return setTimeout(() => {
      this.#isLate = true;
      this.#controller.abort();
    }, this.#idleMs);
  }
}
