import { LIMITS } from "../../limits.ts";
import type { TextBuilder } from "./text-builder.ts";

/**
 * Writes rows of a sheet into its text: filled cells with bars between, and a bar for each empty cell before the row's
 * last filled one, so that a value stands under its heading whatever is missing. A gap of more than
 * limits.sheetGapCells is one bar, as is every gap once those of the document took limits.sheetLayoutChars: a cell at
 * XFD1048576 costs one cell.
 */
export class SheetRows {
  readonly #out: TextBuilder;
  readonly #layout: LayoutAllowance;
  /** Columns count from 0. */
  #firstColumn = 0;
  #nextColumn = 0;
  #rowIsEmpty = true;

  constructor(out: TextBuilder, layout: LayoutAllowance) {
    this.#out = out;
    this.#layout = layout;
  }

  /** Where the sheet's own first column is: a table that begins in column F has five empty columns in no row. */
  begin(firstColumn: number): void {
    this.#firstColumn = firstColumn;
    this.#nextColumn = firstColumn;
  }

  /** A filled cell; `text` is not empty. Those of a row come from left to right. */
  cell(column: number, text: string): void {
    const empty = Math.max(0, column - this.#nextColumn);
    if (this.#rowIsEmpty) this.#pad("| ", empty);
    else if (empty === 0) this.#out.cell();
    else this.#pad(" |", empty + 1);
    this.#out.inline(text);
    this.#rowIsEmpty = false;
    this.#nextColumn = column + 1;
  }

  endRow(): void {
    this.#out.line();
    this.#rowIsEmpty = true;
    this.#nextColumn = this.#firstColumn;
  }

  #pad(bar: string, count: number): void {
    if (count <= LIMITS.sheetGapCells && this.#layout.take(count * bar.length))
      this.#out.inline(`${bar.repeat(count)} `);
    else if (!this.#rowIsEmpty) this.#out.cell();
  }
}

/**
 * What the sheets of a document may still cost beside their own text: bars for empty cells, repeats of equal cells and
 * rows.
 */
export class LayoutAllowance {
  #leftChars: number = LIMITS.sheetLayoutChars;

  /** False when they are too many. */
  take(chars: number): boolean {
    if (chars > this.#leftChars) return false;
    this.#leftChars -= chars;
    return true;
  }

  /**
   * How often something of so many characters is written that is said to stand there `count` times: all of them, or
   * once.
   */
  times(count: number, chars: number): number {
    return count <= LIMITS.sheetRepeats && this.take((count - 1) * (chars + 3)) ? count : 1;
  }
}
