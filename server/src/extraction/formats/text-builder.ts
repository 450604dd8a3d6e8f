import { LIMITS } from "../../limits.ts";
import { documentFault } from "../fault.ts";

/**
 * How much white space is collapsed at once: V8 keeps an object for each match, and a text of 24 MB in one piece
 * filled the heap.
 */
const PIECE_CHARS = 64 * 1024;
/** Parts are joined this many at a time: pages made of single characters took 20 times their length. */
const PARTS_AT_ONCE = 4096;

/**
 * What separates words: Unicode's White_Space, so also U+00A0, U+2009 or U+3000, which authors put between a number and
 * its unit, and editors between two runs. How wide it is, and whether a line may break there, says nothing to a search
 * or a citation. Not U+FEFF and U+200B, which `\s` or typography would add: they have no width, and the analyser knows
 * what to do with them.
 */
const WIDE = "\\t-\\r\\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000";
/** A single space is no match: it would be replaced by itself, and most white space is that. */
const WHITE_SPACE = new RegExp(` [ ${WIDE}]+|[${WIDE}][ ${WIDE}]*`, "g");

type Break = "" | " " | "\n" | "\n\n" | " | ";

interface OuterText {
  readonly joined: string;
  readonly parts: string[];
  readonly pending: Break;
  readonly empty: boolean;
}

/**
 * Gathers the text of one page from a stream of inline pieces and breaks. White space collapses as a browser does it,
 * the kinds that never break included: runs are one space, breaks swallow the spaces around them, and no more than one
 * empty line stands between two blocks.
 *
 * The limit counts what all builders of one document have written when they share a `TextAllowance`.
 */
export class TextBuilder {
  readonly #allowance: TextAllowance;
  #joined = "";
  #parts: string[] = [];
  /** What goes before the next piece of text: nothing, a space, a line end, an empty line, or the bar between cells. */
  #pending: Break = "";
  #empty = true;
  /** Set while a row is written: what stands before it. */
  #row: OuterText | null = null;

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

  /**
   * Before each cell of a row, and between two. Within `row` and `endRow` it parts them whatever breaks they hold;
   * without them it is a bar where no break stands.
   */
  cell(): void {
    if (this.#row !== null) {
      this.#parts.push(CELL);
      this.#pending = "";
      this.#empty = true;
    } else if (this.#pending === "" || this.#pending === " ") this.#pending = " | ";
  }

  /** Here a page may end: `takeMarked` tells. The text goes on as if there were nothing. */
  mark(): void {
    this.#parts.push(MARK);
  }

  /** The texts before each mark; the builder keeps what is behind the last. Not within a row. */
  takeMarked(): readonly string[] {
    this.#joinParts();
    const texts = this.#joined.split(MARK).map((text) => text.trim());
    this.#joined = texts.pop() ?? "";
    this.#empty = this.#joined === "";
    return texts;
  }

  /**
   * A row of a table begins: its cells may be filled with paragraphs and still be one line. A row within a row ends
   * the outer one.
   */
  row(): void {
    this.endRow();
    this.line();
    this.#row = { joined: this.#joined, parts: this.#parts, pending: this.#pending, empty: this.#empty };
    this.#joined = "";
    this.#parts = [];
    this.#pending = "";
    this.#empty = true;
  }

  /** Without `row` before it nothing happens. */
  endRow(): void {
    if (this.#row === null) return;
    this.#joinParts();
    const text = rowText(this.#joined.split(CELL));
    const { joined, parts, pending, empty } = this.#row;
    this.#row = null;
    this.#joined = joined;
    this.#parts = parts;
    this.#pending = pending;
    this.#empty = empty;
    if (text === "") return;
    this.#push(text);
    this.#pending = "\n";
  }

  /** The page's text; the builder is empty then. */
  take(): string {
    this.endRow();
    this.#joinParts();
    const text = this.#joined;
    this.#joined = "";
    this.#pending = "";
    this.#empty = true;
    return text;
  }

  #write(text: string): void {
    this.#allowance.take((this.#empty ? 0 : this.#pending.length) + text.length);
    this.#push(text);
  }

  #push(text: string): void {
    if (!this.#empty && this.#pending !== "") this.#parts.push(this.#pending);
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

/** Of pages, in texts whose pages are cut; no text keeps it (read-document.ts). */
const MARK = "\ufffe";
/** Parts the cells of a row while it is written; no text keeps it (read-document.ts). */
const CELL = "\uffff";
/**
 * A cell with breaks that is longer than this is a column of a page and no entry of a table: layouts are made of
 * tables, too.
 */
const CELL_CHARS = 500;

/** Cells of a table on one line, empty ones in their places; what is laid out with a table as the blocks that it is. */
function rowText([, ...cells]: readonly string[]): string {
  const filled = cells.filter((cell) => cell !== "");
  if (filled.length < 2) return filled[0] ?? "";
  if (filled.some((cell) => cell.length > CELL_CHARS && cell.includes("\n"))) return filled.join("\n\n");
  return cells
    .slice(0, cells.findLastIndex((cell) => cell !== "") + 1)
    .map((cell) => (cell === "" ? "" : ` ${cell.replace(/\n+/g, " ")}`))
    .join(" |")
    .trimStart();
}

/**
 * How much text a document may still give; a few bytes can ask for gigabytes (a shared string named by a
 * million cells).
 */
export class TextAllowance {
  #left: number = LIMITS.extractedChars;

  take(chars: number): void {
    this.#left -= chars;
    if (this.#left < 0) throw documentFault("too_complex", "many_characters");
  }
}
