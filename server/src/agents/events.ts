import { setTimeout as sleep } from "node:timers/promises";
import { WharfError } from "../errors.ts";
import type { Answer } from "./answer.ts";
import { AGENT_LIMITS } from "./limits.ts";
import type { AnswerStep, Asked } from "./respond.ts";
import {
  frame,
  MESSAGE_INDEX,
  messageFrame,
  messageToWire,
  responseToWire,
  SEARCH_INDEX,
  searchToWire,
  textToWire,
  type WireContext,
} from "./wire.ts";

export interface EventsOptions extends WireContext {
  readonly requestId: string;
  /** Told of what ended the stream early. */
  readonly failed: (error: unknown) => void;
  /** Default limits.streamSilenceMs. */
  readonly silenceMs?: number;
}

/** The steps of an answer (respond.ts), of which the first one has been asked for. */
export interface BegunAnswer {
  readonly first: Promise<IteratorResult<AnswerStep, void>>;
  readonly steps: AsyncGenerator<AnswerStep, void>;
}

/**
 * An answer as server-sent events in OpenAI's order, `sequence_number` from 0 (AGT-5). While nothing is said a comment
 * keeps proxies from cutting the connection. A failure in the middle is the last event, `error`; `[DONE]` follows only
 * what is complete.
 */
export async function* eventsOf(
  asked: Asked,
  { first, steps }: BegunAnswer,
  { requestId, failed, silenceMs = AGENT_LIMITS.streamSilenceMs, publicUrl }: EventsOptions,
): AsyncGenerator<string> {
  let sequence = 0;
  const event = (type: string, data: object) =>
    `event: ${type}\ndata: ${JSON.stringify({ type, sequence_number: sequence++, ...data })}\n\n`;
  const search = { output_index: SEARCH_INDEX, item: searchToWire(asked) };
  const message = messageFrame(asked);
  const part = { item_id: message.id, output_index: MESSAGE_INDEX, content_index: 0 };
  let step = first;
  try {
    yield event("response.created", { response: { ...begunToWire(asked), request_id: requestId } });
    yield event("response.output_item.added", search);
    yield event("response.output_item.done", search);
    yield event("response.output_item.added", { output_index: MESSAGE_INDEX, item: message });
    yield event("response.content_part.added", { ...part, part: { type: "output_text", text: "", annotations: [] } });
    for (;;) {
      const next = await within(step, silenceMs);
      if (next === SILENT) {
        yield ": still working\n\n";
        continue;
      }
      if (next.done === true) return;
      if (next.value.kind === "delta") {
        yield event("response.output_text.delta", { ...part, delta: next.value.text, logprobs: [] });
        step = steps.next();
        continue;
      }
      const { answer } = next.value;
      const text = textToWire(answer, { publicUrl });
      yield event("response.output_text.done", { ...part, text: answer.text, logprobs: [] });
      yield event("response.content_part.done", { ...part, part: text });
      yield event("response.output_item.done", {
        output_index: MESSAGE_INDEX,
        item: messageToWire(answer, { publicUrl }),
      });
      yield event("response.completed", {
        response: { ...responseToWire(answer, { publicUrl }), request_id: requestId },
      });
      yield "data: [DONE]\n\n";
      return;
    }
  } catch (error) {
    failed(error);
    const { code, message: says } = error instanceof WharfError ? error : new WharfError("internal");
    yield event("error", { code, message: says, param: null });
  } finally {
    // A client that left does not wait for the rest; what the writer throws then is of nobody's interest.
    step.catch(() => undefined);
    steps.return().catch(() => undefined);
  }
}

function begunToWire(asked: Asked) {
  const { question } = asked;
  const begun: Pick<Answer, "id" | "createdAt" | "model" | "conversationId" | "previousId"> = {
    ...asked,
    model: question.model,
  };
  return { ...frame(begun, "in_progress"), output: [], output_text: "", metadata: question.metadata };
}

const SILENT = Symbol("nothing came");

/** What comes within `ms`, or SILENT; `coming` goes on. */
export async function within<T>(coming: Promise<T>, ms: number): Promise<T | typeof SILENT> {
  const heard = new AbortController();
  try {
    return await Promise.race([coming, sleep<typeof SILENT>(ms, SILENT, { signal: heard.signal })]);
  } finally {
    heard.abort();
  }
}
