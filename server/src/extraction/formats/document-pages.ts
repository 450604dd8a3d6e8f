import type { TextAllowance, TextBuilder } from "./text-builder.ts";

/**
 * Pages of a document whose breaks are met one by one while its text is written (Word, OpenDocument). A page is what
 * stands between two breaks, then the notes that it refers to.
 */
export class DocumentPages {
  readonly #out: TextBuilder;
  readonly #allowance: TextAllowance;
  readonly #row = new RowPages();
  readonly #texts: string[] = [];
  #notes: string[] = [];
  /** Text of the page that the last section ended and this one goes on with. */
  #carried = "";

  constructor(out: TextBuilder, allowance: TextAllowance) {
    this.#out = out;
    this.#allowance = allowance;
  }

  get count(): number {
    return this.#texts.length;
  }

  finish(): readonly string[] {
    const rest = !this.#out.isEmpty || this.#carried !== "" || this.#notes.length > 0;
    if (this.#texts.length === 0 || rest) this.end();
    return this.#texts;
  }

  /** An author's break: the page ends, with text or without. */
  end(): void {
    this.#endWith(this.#out.take());
  }

  #endWith(text: string): void {
    this.#texts.push([this.#carried, text, ...this.#notes].filter((part) => part !== "").join("\n"));
    this.#carried = "";
    this.#notes = [];
  }

  /**
   * Programs write what they remember of a layout beside the author's own breaks: only one with text before it is
   * another page.
   */
  endIfText(): void {
    if (!this.#out.isEmpty) this.end();
  }

  /** The next text stands on a new page. `inRow`: it is within a row of a table, which stays whole. */
  begin(inRow: boolean): void {
    if (!inRow || this.#row.movesOn()) this.endIfText();
    else if (this.#row.isWithinOneCell) this.#out.mark();
  }

  /** The same for a paragraph that begins a page wherever it stands: within a row only if it is the row's first. */
  beginParagraph(inRow: boolean): void {
    if (!inRow || this.#row.isEmpty) this.begin(inRow);
  }

  /** At the end of the page that refers to it. */
  note(text: string): void {
    // Referring to one long note a million times must not cost a million times its text.
    this.#allowance.take(text.length);
    this.#notes.push(text);
  }

  beginRow(): void {
    this.#row.begin();
  }

  beginCell(): void {
    this.#row.beginCell();
  }

  /** Text was written within a row. */
  writtenInRow(): void {
    this.#row.written();
  }

  endRow(): void {
    const pages = this.#row.pagesBegun();
    if (pages > 0 && this.#row.hasOneCell) {
      for (const text of this.#out.takeMarked()) if (text !== "") this.#endWith(text);
      return;
    }
    if (pages > 0) this.endIfText();
    // Those between a row's first page and its last show nothing but the row, which stands whole on the first.
    for (let page = 1; page < pages; page++) this.end();
  }

  /** The page `index` (from 0) and the one after it are one: a section goes on where the one before ended. */
  join(index: number): void {
    const [text = "", following] = this.#texts.splice(index, 2);
    if (following === undefined) this.#carried = text;
    else this.#texts.splice(index, 0, `${text}\n${following}`);
  }

  /** An empty page before the page `index` (from 0). */
  insertEmpty(index: number): void {
    this.#texts.splice(index, 0, "");
  }
}

/**
 * Where pages begin within a row of a table. Its cells run over the same pages side by side, and each holds its own
 * hints: the row has as many pages as the cell with the most. It is kept whole, on the page where it begins, unless
 * only one of its cells has text.
 */
class RowPages {
  #hasText = false;
  #hasTextSinceHint = false;
  /** Hints of the cell being read, and of the cell with the most. */
  #ofCell = 0;
  #most = 0;
  /** Hints that stood before all text: the row as a whole moved on. */
  #before = 0;
  #cellsWithText = 0;
  #cellHasText = false;

  get isEmpty(): boolean {
    return !this.#hasText;
  }

  /** A row of one cell with text is a frame around a column of the page: it is cut where its pages are. */
  get hasOneCell(): boolean {
    return this.#cellsWithText === 1;
  }

  /** In the cell that may turn out to be the only one, behind its beginning. */
  get isWithinOneCell(): boolean {
    return this.hasOneCell && this.#cellHasText && this.#ofCell > this.#before;
  }

  begin(): void {
    this.#hasText = false;
    this.#most = 0;
    this.#before = 0;
    this.#cellsWithText = 0;
    this.beginCell();
  }

  beginCell(): void {
    this.#ofCell = 0;
    this.#hasTextSinceHint = false;
    this.#cellHasText = false;
  }

  written(): void {
    if (!this.#cellHasText) this.#cellsWithText += 1;
    this.#cellHasText = true;
    this.#hasText = true;
    this.#hasTextSinceHint = true;
  }

  /** A page begins here. True when the whole row stands on it. */
  movesOn(): boolean {
    if (this.#ofCell > 0 && !this.#hasTextSinceHint) return false;
    this.#ofCell += 1;
    this.#most = Math.max(this.#most, this.#ofCell);
    this.#hasTextSinceHint = false;
    if (this.#hasText || this.#before >= this.#ofCell) return false;
    this.#before = this.#ofCell;
    return true;
  }

  /** At the row's end: how many pages began within it. */
  pagesBegun(): number {
    return this.#most - this.#before;
  }
}
