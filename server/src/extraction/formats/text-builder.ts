import { LIMITS } from "../../limits.ts";
import { documentFault } from "../fault.ts";

/** How much white space is collapsed at once: V8 keeps an object for each match, and a text of 24 MB in one piece filled the heap. */
const PIECE_CHARS = 64 * 1024;
/** Parts are joined this many at a time: pages made of single characters took 20 times their length. */
const PARTS_AT_ONCE = 4096;

/**
 * What separates words: Unicode's White_Space, so also U+00A0, U+2009 or U+3000, which authors put between a number and its unit, and
 * editors between two runs. How wide it is, and whether a line may break there, says nothing to a search or a citation. Not U+FEFF
 * and U+200B, which `\s` or typography would add: they have no width, and the analyser knows what to do with them.
 */
const WIDE = "\\t-\\r\\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000";
/** A single space is no match: it would be replaced by itself, and most white space is that. */
const WHITE_SPACE = new RegExp(` [ ${WIDE}]+|[${WIDE}][ ${WIDE}]*`, "g");

/**
 * Gathers the text of one page from a stream of inline pieces and breaks. White space collapses as a browser does it, the kinds
 * that never break included: runs are one space, breaks swallow the spaces around them, and no more than one empty line stands
 * between two blocks.
 *
 * The limit counts what all builders of one document have written when they share a `TextAllowance`.
 */
export class TextBuilder {
  readonly #allowance: TextAllowance;
  #joined = "";
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
    for (let at = 0; at < text.length; at += PIECE_CHARS) this.#inlinePiece(text.slice(at, at + PIECE_CHARS));
  }

  #inlinePiece(text: string): void {
    const words = text.replace(WHITE_SPACE, " ");
    if (words.startsWith(" ")) this.space();
    const inner = words.slice(words.startsWith(" ") ? 1 : 0, words.endsWith(" ") ? -1 : undefined);
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
    this.#joinParts();
    const text = this.#joined;
    this.#joined = "";
    this.#pending = "";
    this.#empty = true;
    return text;
  }

  #write(text: string): void {
    const before = this.#empty ? "" : this.#pending;
    this.#allowance.take(before.length + text.length);
    if (before !== "") this.#parts.push(before);
    this.#parts.push(text);
    if (this.#parts.length >= PARTS_AT_ONCE) this.#joinParts();
    this.#pending = "";
    this.#empty = false;
  }

  #joinParts(): void {
    this.#joined += this.#parts.join("");
    this.#parts = [];
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
