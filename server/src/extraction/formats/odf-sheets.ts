import type { PageText } from "./format.ts";
import { type FlowKind, OdfReader } from "./odf-reader.ts";
import type { OdfStyles } from "./odf-styles.ts";
import { plainNumber } from "./plain-number.ts";
import { LayoutAllowance, SheetRows } from "./sheet-row.ts";
import { skippedPage } from "./skipped-page.ts";
import { TextAllowance, TextBuilder } from "./text-builder.ts";
import type { Attributes } from "./xml.ts";

interface Cell {
  readonly column: number;
  readonly count: number;
  readonly text: string;
}

/**
 * A spreadsheet (ODS): a page is a table with its name; a line is a row, then come text boxes and remarks, each after
 * its cell's name.
 */
export class OdfSheets extends OdfReader {
  readonly #pages: PageText[] = [];
  readonly #layout = new LayoutAllowance();
  readonly #rows: SheetRows;
  readonly #cellText = new TextBuilder(new TextAllowance());
  #boxes: string[] = [];
  #remarks: string[] = [];
  #name: string | null = null;
  #hidden = false;
  /** Row and column from 0, and how often the row and the cell being read stand there. */
  #row = 0;
  #rowCount = 1;
  #column = 0;
  #cellCount = 1;
  #cells: Cell[] = [];
  /** Shown when the cell holds no paragraph. */
  #value = "";

  constructor(styles: OdfStyles, allowance: TextAllowance) {
    super(styles, allowance);
    this.#rows = new SheetRows(this.out, this.#layout);
  }

  finish(): readonly PageText[] {
    return this.#pages.map((page) => ({ ...page, total: this.#pages.length }));
  }

  protected override get drawnApart(): boolean {
    return this.flow.kind !== "box";
  }

  protected override leftOut(name: string, attribute: Attributes): boolean {
    if (name === "annotation") return false;
    // Copies of other files' sheets, which formulas refer to, and cells that others cover.
    if (name === "table") return attribute("name")?.startsWith("'file:") ?? false;
    if (name === "covered-table-cell") this.#column += countOf(attribute("number-columns-repeated"));
    return name === "covered-table-cell" || super.leftOut(name, attribute);
  }

  protected override element(name: string, attribute: Attributes): void {
    const inBody = this.flow.kind === "body";
    if (name === "table" && inBody) this.#beginTable(attribute);
    else if (name === "table-row" && inBody) this.#rowCount = countOf(attribute("number-rows-repeated"));
    else if (name === "table-cell" && inBody) this.#beginCell(attribute);
    else if (name === "annotation") this.beginFlow("remark");
    else {
      if (name === "p") this.#value = "";
      super.element(name, attribute);
    }
  }

  protected override closed(name: string): void {
    const inBody = this.flow.kind === "body";
    if (name === "table" && inBody) this.#endTable();
    else if (name === "table-row" && inBody) this.#endRow();
    else if (name === "table-cell" && this.flow.kind === "cell" && this.flow.cellDepth === 1) return;
    else super.closed(name);
  }

  protected override flowEnded(kind: FlowKind, text: string): void {
    if (kind === "cell") this.#endCell(text === "" ? this.#value : text);
    else if (kind === "remark" && text !== "") this.#remarks.push(`${cellName(this.#column, this.#row)}: ${text}`);
    else if (text !== "") this.#boxes.push(text);
  }

  #beginTable(attribute: Attributes): void {
    this.#name = attribute("name") ?? null;
    this.#hidden = this.styles.hidden("table", attribute);
    this.#row = 0;
  }

  #endTable(): void {
    const texts = [this.out.take(), ...this.#boxes, ...this.#remarks].filter((text) => text !== "");
    this.#pages.push(this.#hidden ? skippedPage("hidden_sheets") : { label: this.#name, text: texts.join("\n\n") });
    this.#boxes = [];
    this.#remarks = [];
  }

  #beginCell(attribute: Attributes): void {
    this.#cellCount = countOf(attribute("number-columns-repeated"));
    this.#value = shownValue(attribute);
    this.beginFlow("cell", this.#cellText);
  }

  #endCell(text: string): void {
    if (text !== "") this.#cells.push({ column: this.#column, count: this.#cellCount, text });
    this.#column += this.#cellCount;
  }

  #endRow(): void {
    const cells = this.#cells;
    const chars = cells.reduce((sum, { text }) => sum + text.length, 1);
    const times = cells.length === 0 ? 0 : this.#layout.times(this.#rowCount, chars);
    for (let time = 0; time < times; time++) this.#writeRow(cells);
    this.#row += this.#rowCount;
    this.#column = 0;
    this.#cells = [];
  }

  #writeRow(cells: readonly Cell[]): void {
    for (const { column, count, text } of cells) {
      const times = this.#layout.times(count, text.length);
      for (let time = 0; time < times; time++) this.#rows.cell(column + time, text);
    }
    this.#rows.endRow();
  }
}

/** How often a row or a cell stands there; programs claim a million for what is left of a sheet. */
function countOf(repeated: string | undefined): number {
  const count = Number(repeated ?? 1);
  return Number.isSafeInteger(count) && count > 0 ? Math.min(count, MAX_ROWS) : 1;
}

const MAX_ROWS = 2 ** 20;

/** What a cell shows that holds only its value: some programs leave the paragraph to the reader. */
function shownValue(attribute: Attributes): string {
  const number = attribute("value");
  if (number === undefined) return valueWithoutNumber(attribute);
  const value = Number(number);
  if (!Number.isFinite(value)) return number;
  return attribute("value-type") === "percentage" ? `${plainNumber(value * 100)}%` : plainNumber(value);
}

function valueWithoutNumber(attribute: Attributes): string {
  const [time, truth] = [attribute("time-value"), attribute("boolean-value")];
  if (time !== undefined) return clockTime(time);
  return attribute("date-value") ?? truth?.toUpperCase() ?? attribute("string-value") ?? "";
}

/** XML Schema's duration as a clock shows it: `PT25H30M00S` is 25:30:00. */
function clockTime(duration: string): string {
  const parts = /^(-?)PT(\d{1,9})H(\d{1,2})M(\d{1,2})/.exec(duration);
  if (parts === null) return duration;
  const [, sign = "", hours = "", minutes = "", seconds = ""] = parts;
  return `${sign}${[hours, minutes, seconds].map((part) => part.padStart(2, "0")).join(":")}`;
}

/** `AB12`; both count from 0. */
function cellName(column: number, row: number): string {
  let letters = "";
  for (let rest = column + 1; rest > 0; rest = Math.floor((rest - 1) / 26))
    letters = String.fromCharCode(0x41 + ((rest - 1) % 26)) + letters;
  return `${letters}${row + 1}`;
}
