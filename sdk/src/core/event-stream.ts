import { ConnectionError } from "./errors.ts";
import type { OpenAnswer } from "./exchange.ts";

/** One event of `text/event-stream`. */
export interface StreamEvent {
  /** "message" when the stream names none. */
  readonly event: string;
  readonly data: string;
}

/** Longest event: a completed answer with all its sources is some 100 kB. */
const MAX_EVENT_CHARS = 4 * 1024 * 1024;

/**
 * The answer's events, as they come. Comments, ids and reconnection times are passed over: an answer cannot be gone on
 * with.
 */
export async function* eventsOf(answer: OpenAnswer): AsyncGenerator<StreamEvent, void, undefined> {
  const decoder = new TextDecoder();
  const parser = new EventParser();
  for await (const chunk of answer.chunks()) yield* parser.take(decoder.decode(chunk, { stream: true }));
  yield* parser.take(decoder.decode());
}

/**
 * Of the HTML standard's algorithm what a client needs that does not reconnect. An event that no empty line ends is
 * none.
 */
export class EventParser {
  #rest = "";
  #event = "";
  #data: string[] = [];
  #endsInReturn = false;

  *take(text: string): Generator<StreamEvent, void, undefined> {
    // A line may end in CR LF, and the two may come in two pieces.
    const more = this.#endsInReturn && text.startsWith("\n") ? text.slice(1) : text;
    if (text !== "") this.#endsInReturn = text.endsWith("\r");
    const lines = (this.#rest + more).split(/\r\n|\n|\r/);
    this.#rest = lines.pop() ?? "";
    if (this.#rest.length > MAX_EVENT_CHARS) throw new ConnectionError("an event of the answer is larger than 4 MiB");
    for (const line of lines) {
      if (line === "") yield* this.#dispatch();
      else this.#read(line);
    }
  }

  #read(line: string): void {
    const colon = line.indexOf(":");
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(line.startsWith(" ", colon + 1) ? colon + 2 : colon + 1);
    if (field === "data") this.#data.push(value);
    else if (field === "event") this.#event = value;
  }

  *#dispatch(): Generator<StreamEvent, void, undefined> {
    const [event, data] = [this.#event === "" ? "message" : this.#event, this.#data];
    this.#event = "";
    this.#data = [];
    if (data.length > 0) yield { event, data: data.join("\n") };
  }
}
