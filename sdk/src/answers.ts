import type { CallOptions, Calls, Input, Result } from "./core/calls.ts";
import { ConnectionError, WharfError } from "./core/errors.ts";
import { eventsOf } from "./core/event-stream.ts";
import { parseObject, textIn } from "./core/json.ts";

type Question = Omit<Input<"createResponse">["body"], "stream">;

/** What happens while an answer is written, in OpenAI's words (contract AGT-5). */
export type AnswerEvent =
  | { readonly type: "response.output_text.delta"; readonly delta: string }
  | { readonly type: "response.output_text.done"; readonly text: string }
  | { readonly type: "response.completed"; readonly response: Result<"createResponse"> }
  | {
      readonly type:
        | "response.created"
        | "response.output_item.added"
        | "response.output_item.done"
        | "response.content_part.added"
        | "response.content_part.done";
    };

/** `wharf.answers`: questions to the team's documents, answered with citations. */
export class Answers {
  readonly #calls: Calls;

  constructor(calls: Calls) {
    this.#calls = calls;
  }

  /**
   * The whole answer at once. `output_text` has `[1]` where it cites; the sources are the annotations of `output`'s
   * message. It is not asked again when an answer was lost on its way: it may have been paid for.
   */
  create(question: Question, options: CallOptions = {}): Promise<Result<"createResponse">> {
    return this.#calls.json("createResponse", { body: { ...question, stream: false } }, options);
  }

  /**
   * The answer as it is written; the last event is `response.completed`. Leaving the loop ends it. Rejects with
   * WharfError when the server gives up in the middle, with ConnectionError when the line does.
   */
  async *stream(question: Question, options: CallOptions = {}): AsyncGenerator<AnswerEvent, void, undefined> {
    const answer = await this.#calls.open("createResponse", { body: { ...question, stream: true } }, {}, options);
    for await (const { event, data } of eventsOf(answer)) {
      if (data === "[DONE]") return;
      const body = parseObject(data);
      if (event === "error") throw new WharfError(textIn(body, "code") ?? "internal", textIn(body, "message") ?? data);
      if (isAnswerEvent(body)) yield body;
    }
    throw new ConnectionError("The answer ended before it was complete.");
  }

  get(id: string, options: CallOptions = {}): Promise<Result<"getResponse">> {
    return this.#calls.json("getResponse", { path: { response_id: id } }, options);
  }

  delete(id: string, options: CallOptions = {}): Promise<Result<"deleteResponse">> {
    return this.#calls.json("deleteResponse", { path: { response_id: id } }, options);
  }

  /** What may stand in `model`. */
  models(options: CallOptions = {}): Promise<Result<"listModels">> {
    return this.#calls.json("listModels", {}, options);
  }
}

/** As with answers: what has the right name has the form that the contract gives it. */
function isAnswerEvent(value: object | null): value is AnswerEvent {
  return value !== null && "type" in value && typeof value.type === "string" && value.type.startsWith("response.");
}
