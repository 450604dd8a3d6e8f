import { randomBytes } from "node:crypto";
import { EventSourceParserStream } from "eventsource-parser/stream";
import { toError, WharfError } from "../../errors.ts";
import type { Log } from "../../log.ts";
import { member } from "../json-member.ts";
import { AGENT_LIMITS } from "../limits.ts";
import type { AnswerPart, AnswerWriter, WritingTask } from "../writer.ts";
import { CitationMarks } from "./citation-marks.ts";
import { chatMessages } from "./prompt.ts";

export interface ChatServer {
  /** Base URL, such as `http://127.0.0.1:11434/v1`; without a slash at its end. */
  readonly url: string;
  readonly model: string;
  readonly apiKey: string | null;
}

export interface ChatWriterDeps {
  readonly server: ChatServer;
  readonly log: Log;
  /** Default limits.chatSilenceMs. */
  readonly silenceMs?: number;
}

/**
 * An answer by a chat server that speaks OpenAI's `POST /chat/completions`, streamed; one that answers in one piece
 * is understood too. Whatever goes wrong there is `model_unavailable`: the client learns that the chat server failed,
 * the log how.
 */
export class ChatWriter implements AnswerWriter {
  readonly #deps: ChatWriterDeps;

  constructor(deps: ChatWriterDeps) {
    this.#deps = deps;
  }

  async *write(task: WritingTask, signal: AbortSignal): AsyncGenerator<AnswerPart> {
    const patience = new Patience(this.#deps.silenceMs ?? AGENT_LIMITS.chatSilenceMs, signal);
    try {
      const response = await this.#ask(task, patience);
      const marks = new CitationMarks();
      let left = AGENT_LIMITS.chatAnswerChars;
      for await (const said of saidBy(response, patience)) {
        if (said.usage !== null) yield { kind: "usage", ...said.usage };
        yield* marks.push(said.text.slice(0, left));
        left -= said.text.length;
        if (left <= 0) break;
      }
      yield* marks.end();
      if (left === AGENT_LIMITS.chatAnswerChars) throw new ChatFailure("it said nothing", true);
    } catch (error) {
      signal.throwIfAborted();
      throw this.#unavailable(patience.late ? new ChatFailure("it was silent for too long", true) : error);
    } finally {
      patience.end();
    }
  }

  async #ask(task: WritingTask, patience: Patience): Promise<Response> {
    const { url, model, apiKey } = this.#deps.server;
    const messages = chatMessages(task, randomBytes(9).toString("base64url"));
    const response = await fetch(`${url}/chat/completions`, {
      method: "POST",
      // Whoever answers for another address is not who the operator named.
      redirect: "error",
      headers: {
        "content-type": "application/json",
        accept: "text/event-stream, application/json",
        ...(apiKey === null ? {} : { authorization: `Bearer ${apiKey}` }),
      },
      body: JSON.stringify({ model, messages, stream: true, stream_options: { include_usage: true } }),
      signal: patience.signal,
    }).catch((error: unknown) => {
      throw new ChatFailure("it could not be reached", !isUnreached(error), { cause: error });
    });
    if (response.ok) return response;
    await response.body?.cancel();
    // A refusal of the request itself was not paid for, but will be the same the next time.
    throw new ChatFailure(`it answered ${response.status}`, response.status < 500 && response.status !== 429);
  }

  /** The words of another server stay in the log, and not all of them: they may hold the key. */
  #unavailable(error: unknown): WharfError {
    const failure =
      error instanceof ChatFailure
        ? error
        : new ChatFailure("its answer could not be understood", true, { cause: error });
    const origin = new URL(this.#deps.server.url).origin;
    this.#deps.log.warn(
      {
        server: origin,
        model: this.#deps.server.model,
        why: failure.message,
        err: failure.cause === undefined ? undefined : toError(failure.cause),
      },
      "the chat server failed: look at it, and at WHARF_LLM_URL, WHARF_LLM_MODEL and WHARF_LLM_API_KEY",
    );
    return new WharfError("model_unavailable", {
      cause: failure,
      headers: failure.final ? { "x-should-retry": "false" } : {},
    });
  }
}

class ChatFailure extends Error {
  override readonly name = "ChatFailure";
  /** It may have been paid for, or would fail again: a client should not repeat it by itself. */
  readonly final: boolean;

  constructor(message: string, final: boolean, options?: ErrorOptions) {
    super(message, options);
    this.final = final;
  }
}

/** No byte of the request can have been read by whoever writes the answer. */
function isUnreached(error: unknown): boolean {
  const cause = error instanceof Error ? error.cause : undefined;
  const code = typeof cause === "object" && cause !== null && "code" in cause ? cause.code : undefined;
  return code === "ECONNREFUSED" || code === "ENOTFOUND" || code === "EHOSTUNREACH" || code === "ENETUNREACH";
}

/** Aborts when nothing was heard for `silenceMs`, or with `outer`. */
class Patience {
  readonly signal: AbortSignal;
  late = false;
  readonly #silenceMs: number;
  readonly #silent = new AbortController();
  #timer: NodeJS.Timeout;

  constructor(silenceMs: number, outer: AbortSignal) {
    this.#silenceMs = silenceMs;
    this.signal = AbortSignal.any([outer, this.#silent.signal]);
    this.#timer = this.#arm();
  }

  heard(): void {
    clearTimeout(this.#timer);
    this.#timer = this.#arm();
  }

  end(): void {
    clearTimeout(this.#timer);
  }

  #arm(): NodeJS.Timeout {
    return setTimeout(() => {
      this.late = true;
      this.#silent.abort();
    }, this.#silenceMs);
  }
}

interface Said {
  readonly text: string;
  readonly usage: { readonly inputTokens: number; readonly outputTokens: number } | null;
  /** It says why nothing more comes. */
  readonly isLast: boolean;
}

async function* saidBy(response: Response, patience: Patience): AsyncGenerator<Said> {
  const { body } = response;
  if (body === null) return;
  if (!(response.headers.get("content-type") ?? "").includes("text/event-stream")) {
    yield readSaid(JSON.parse(await wholeText(body, patience)));
    return;
  }
  const events = body
    .pipeThrough(listening(patience))
    .pipeThrough(new TextDecoderStream())
    .pipeThrough(new EventSourceParserStream({ onError: "terminate", maxBufferSize: AGENT_LIMITS.chatEventChars }));
  let isComplete = false;
  for await (const { data } of events) {
    if (data.trim() === "[DONE]") return;
    const said = readSaid(JSON.parse(data));
    isComplete ||= said.isLast;
    yield said;
  }
  // Some servers end with the reason why they stopped, and send no [DONE].
  if (!isComplete) throw new ChatFailure("it broke off", true);
}

function listening(patience: Patience): TransformStream<Uint8Array, Uint8Array> {
  return new TransformStream({
    transform(chunk, controller) {
      patience.heard();
      controller.enqueue(chunk);
    },
  });
}

async function wholeText(body: ReadableStream<Uint8Array>, patience: Patience): Promise<string> {
  let text = "";
  for await (const piece of body.pipeThrough(listening(patience)).pipeThrough(new TextDecoderStream())) {
    text += piece;
    if (text.length > AGENT_LIMITS.chatEventChars) throw new ChatFailure("its answer is too long", true);
  }
  return text;
}

/** What of a chunk, or of a whole completion, is text for the reader. A refusal is an answer too. */
function readSaid(chunk: unknown): Said {
  const failed = member(chunk, "error");
  if (failed !== undefined && failed !== null) throw new ChatFailure("it reported an error", true);
  const choices = member(chunk, "choices");
  const usage = usageOf(member(chunk, "usage"));
  if (!Array.isArray(choices)) throw new ChatFailure("its answer has no choices", true);
  const [choice]: readonly unknown[] = choices;
  const message = member(choice, "delta") ?? member(choice, "message");
  const text = [member(message, "content"), member(message, "refusal")].find(
    (part) => typeof part === "string" && part !== "",
  );
  const isLast = typeof member(choice, "finish_reason") === "string";
  return { text: typeof text === "string" ? text : "", usage, isLast };
}

function usageOf(usage: unknown): Said["usage"] {
  const [input, output] = [member(usage, "prompt_tokens"), member(usage, "completion_tokens")];
  return isCount(input) && isCount(output) ? { inputTokens: input, outputTokens: output } : null;
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}
