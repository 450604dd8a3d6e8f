import { ConnectionError, toError, WharfError } from "./errors.ts";

/**
 * One HTTP request. A body is all there before it is sent: while a stream is being sent, no fetch can read a refusal.
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
  /** Of an answer that is read whole. Default 16 MiB. */
  readonly maxAnswerBytes?: number | undefined;
}

export interface Answer {
  readonly status: number;
  header(name: string): string | null;
  /** At most the exchange's maxAnswerBytes. */
  readonly text: string;
}

/** An answer whose body is still on its way. It has to be read to its end, or cancelled. */
export interface OpenAnswer extends Omit<Answer, "text"> {
  /** Rejects with ConnectionError, or with the signal's reason. A reader may take any time between two of them. */
  chunks(): AsyncGenerator<Uint8Array, void, undefined>;
  cancel(): void;
}

/**
 * Sends a request; resolves when the head of the answer is there, which may be before all of the body is sent. Follows
 * no redirect with a key. Rejects with ConnectionError when no answer came, or with the signal's reason.
 */
export type Send = (request: Exchange) => Promise<OpenAnswer>;

const MIB = 1024 * 1024;
/** Larger than most answers of ours: 200 files of a list with full metadata are 2 MB. */
const MAX_ANSWER_MIB = 16;

/** The whole exchange. Rejects with ConnectionError, WharfError `bad_answer`, or the signal's reason. */
export async function exchange(send: Send, request: Exchange): Promise<Answer> {
  const opened = await send(request);
  return { status: opened.status, header: opened.header, text: await readText(opened, request.maxAnswerBytes) };
}

export async function readText(answer: OpenAnswer, maxBytes: number = MAX_ANSWER_MIB * MIB): Promise<string> {
  const decoder = new TextDecoder();
  let size = 0;
  let text = "";
  for await (const chunk of answer.chunks()) {
    size += chunk.byteLength;
    if (size > maxBytes)
      throw new WharfError("bad_answer", `The answer is larger than ${maxBytes / MIB} MiB: it is none of the API.`);
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

/** The chunks of an answer's body, within `attempt`. */
export async function* readWithin(
  body: AsyncIterator<Uint8Array>,
  attempt: Attempt,
): AsyncGenerator<Uint8Array, void, undefined> {
  let isWhole = false;
  try {
    for (;;) {
      attempt.moved();
      const { done, value } = await body.next();
      attempt.rest();
      isWhole = done === true;
      if (done === true) return;
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

/** Ends a request when its caller wants that, or when nothing has moved for too long. */
export class Attempt {
  readonly #controller = new AbortController();
  readonly #caller: AbortSignal;
  readonly #idleMs: number;
  readonly #abort: () => void;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isLate = false;

  constructor({ signal, idleMs }: Pick<Exchange, "signal" | "idleMs">) {
    signal.throwIfAborted();
    this.#caller = signal;
    this.#idleMs = idleMs;
    this.#abort = () => this.#controller.abort(signal.reason);
    signal.addEventListener("abort", this.#abort, { once: true });
  }

  /** Aborts the request. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** From now on the other side has idleMs. */
  moved(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.late(), this.#idleMs);
  }

  /** It is the caller's turn, who may take any time. */
  rest(): void {
    clearTimeout(this.#timer);
  }

  /** Nothing has moved for idleMs. */
  late(): void {
    this.#isLate = true;
    this.cancel();
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

  /** What a failure of the request means. */
  failure(error: unknown): unknown {
    this.cancel();
    if (this.#caller.aborted) return this.#caller.reason;
    if (this.#isLate) return new ConnectionError(`no answer for ${Math.round(this.#idleMs / 1000)} s`);
    // Node's fetch says "fetch failed" of everything, and why in the cause.
    const { cause, message } = toError(error);
    const why = cause instanceof Error && cause.message !== "" ? cause.message : message;
    return new ConnectionError(why, { cause: error });
  }
}
