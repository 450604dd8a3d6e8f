import { LIMITS } from "../../limits.ts";
import { documentFault } from "../fault.ts";

/**
 * Gathers the text of one page from a stream of inline pieces and breaks. White space collapses as a browser does it: runs are
 * one space, breaks swallow the spaces around them, and no more than one empty line stands between two blocks.
 *
 * The limit counts what all builders of one document have written when they share a `TextAllowance`.
 */
export class TextBuilder {
  readonly #allowance: TextAllowance;
  #parts: string[] = [];
  /** What goes before the next piece of text: nothing, a space, a line end, an empty line, or the bar between cells. */
  #pending: "" | " " | "\n" | "\n\n" | " | " = "";
  #empty = true;

  constructor(allowance: TextAllowance = new TextAllowance()) {
    this.#allowance = allowance;
  }

  get isEmpty(): boolean {
    return this.#empty;
  }

  inline(text: string): void {
    const words = text.replace(/[ \t\r\n\f]+/g, " ");
    if (words === "") return;
    if (words.startsWith(" ")) this.space();
    const inner =
      words.trim() === "" ? "" : words.slice(words.startsWith(" ") ? 1 : 0, words.endsWith(" ") ? -1 : undefined);
    if (inner === "") return;
    this.#write(inner);
    if (words.endsWith(" ")) this.space();
  }

  /** Text whose white space counts (`<pre>`). */
  verbatim(text: string): void {
    if (text !== "") this.#write(text);
  }

  space(): void {
    if (this.#pending === "") this.#pending = " ";
  }

  line(): void {
    if (this.#pending !== "\n\n") this.#pending = "\n";
  }

  paragraph(): void {
    this.#pending = "\n\n";
  }

  /** Between two cells of a row. */
  cell(): void {
    if (this.#pending === "" || this.#pending === " ") this.#pending = " | ";
  }

  /** The page's text; the builder is empty then. */
  take(): string {
    const text = this.#parts.join("");
    this.#parts = [];
    this.#pending = "";
    this.#empty = true;
    return text;
  }

  #write(text: string): void {
    if (!this.#empty && this.#pending !== "") this.#parts.push(this.#pending);
    this.#parts.push(text);
    this.#pending = "";
    this.#empty = false;
    this.#allowance.take(text.length + 1);
  }
}

/** How much text a document may still give; a few bytes can ask for gigabytes (a shared string named by a million cells). */
export class TextAllowance {
  #left: number = LIMITS.extractedChars;

  take(chars: number): void {
    this.#left -= chars;
    if (this.#left < 0)
      throw documentFault("too_complex", `It holds more than ${LIMITS.extractedChars} characters of text.`);
  }
}
