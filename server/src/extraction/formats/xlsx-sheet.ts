import { LIMITS } from "../../limits.ts";
import { documentFault } from "../fault.ts";
import { showNumber } from "./number-format.ts";
import { type LayoutAllowance, SheetRows } from "./sheet-row.ts";
import { type TextAllowance, TextBuilder } from "./text-builder.ts";
import { RunReader, unescaped } from "./xlsx-strings.ts";
import type { CellFormats } from "./xlsx-styles.ts";
import { type Attributes, isTrue, type XmlHandler } from "./xml.ts";

/** What the cells of all sheets refer to. */
export interface Workbook {
  readonly strings: readonly string[];
  readonly formats: CellFormats;
  readonly date1904: boolean;
  readonly layout: LayoutAllowance;
}

/** The cells of one sheet, row by row. Only those that are there are read. */
export class SheetReader implements XmlHandler {
  readonly #workbook: Workbook;
  readonly #out: TextBuilder;
  readonly #rows: SheetRows;
  readonly #inline = new RunReader((text) => {
    this.#take(text);
  });
  #column = -1;
  #type = "n";
  #style = 0;
  #inValue = false;
  #value = "";

  constructor(workbook: Workbook, allowance: TextAllowance) {
    this.#workbook = workbook;
    this.#out = new TextBuilder(allowance);
    this.#rows = new SheetRows(this.#out, workbook.layout);
  }

  take(): string {
    return this.#out.take();
  }

  open(name: string, attribute: Attributes): void {
    if (name === "c") {
      this.#column = columnOf(attribute("r")) ?? this.#column + 1;
      this.#type = attribute("t") ?? "n";
      this.#style = Number(attribute("s") ?? 0);
      this.#value = "";
    } else if (name === "v") this.#inValue = true;
    else if (name === "dimension") this.#rows.begin(columnOf(attribute("ref")) ?? 0);
    else this.#inline.open(name);
  }

  close(name: string): void {
    if (name === "v") this.#inValue = false;
    else if (name === "c") this.#endCell();
    else if (name === "row") {
      this.#rows.endRow();
      this.#column = -1;
    } else this.#inline.close(name);
  }

  text(text: string): void {
    if (this.#inValue) this.#take(text);
    else if (this.#type === "inlineStr") this.#inline.text(text);
  }

  #take(text: string): void {
    if (this.#value.length + text.length > LIMITS.extractedChars) throw documentFault("too_complex", "cell_characters");
    this.#value += text;
  }

  #endCell(): void {
    const shown = this.#shown().trim();
    if (shown !== "") this.#rows.cell(this.#column, shown);
  }

  #shown(): string {
    const { strings, formats, date1904 } = this.#workbook;
    const value = this.#value;
    switch (this.#type) {
      case "s":
        return strings[Number(value)] ?? "";
      case "b":
        return isTrue(value) ? "TRUE" : "FALSE";
      case "n": {
        const number = Number(value);
        return value === "" || !Number.isFinite(number) ? value : showNumber(number, formats.of(this.#style), date1904);
      }
      default:
        return unescaped(value);
    }
  }
}

/** Column of a reference like `AB12`, from 0; null when it is none. */
function columnOf(reference: string | undefined): number | null {
  let column = 0;
  for (let at = 0; reference !== undefined && at < MAX_COLUMN_LETTERS; at++) {
    const letter = reference.charCodeAt(at) - 0x40;
    if (!(letter >= 1 && letter <= 26)) break;
    column = column * 26 + letter;
  }
  return column === 0 ? null : column - 1;
}

/** XFD is the last. */
const MAX_COLUMN_LETTERS = 3;
