import { LIMITS } from "../../limits.ts";
import { documentFault } from "../fault.ts";
import type { PageText } from "./format.ts";
import type { Package } from "./package.ts";
import { mainPart, type Relation, relationsOf } from "./relations.ts";
import { serialDate } from "./serial-date.ts";
import { TextAllowance, TextBuilder } from "./text-builder.ts";
import type { Attributes, XmlHandler } from "./xml.ts";

/**
 * Reads a workbook: a page is a sheet, labelled with its name; a line is a row, its filled cells parted by bars. Formulas give
 * their stored result, dates are written out. Only cells that are there are read, so one at XFD1048576 costs one cell.
 */
export async function* readXlsx(pack: Package): AsyncGenerator<PageText> {
  const allowance = new TextAllowance();
  const main = await mainPart(pack, "xl/workbook.xml");
  const relations = await relationsOf(pack, main);
  const { sheets, date1904 } = await readWorkbook(pack, main, relations);
  const workbook: Workbook = {
    strings: await readSharedStrings(pack, partOf(relations, "sharedStrings")),
    dateStyles: await readDateStyles(pack, partOf(relations, "styles")),
    date1904,
  };
  for (const sheet of sheets) {
    const reader = new SheetReader(workbook, allowance);
    await pack.xml(sheet.part, reader);
    yield { label: sheet.name, text: reader.take(), total: sheets.length };
  }
}

interface Workbook {
  readonly strings: readonly string[];
  /** Which cell formats (`s="…"`) show a date. */
  readonly dateStyles: readonly boolean[];
  readonly date1904: boolean;
}

function partOf(relations: readonly Relation[], type: string): string {
  return relations.find((relation) => relation.type === type)?.target ?? "";
}

async function readWorkbook(pack: Package, main: string, relations: readonly Relation[]) {
  const targets = new Map(relations.map(({ id, target }) => [id, target]));
  const sheets: { readonly name: string | null; readonly part: string }[] = [];
  let date1904 = false;
  const found = await pack.xml(main, {
    open: (name, attribute) => {
      if (name === "workbookPr") date1904 = isTrue(attribute("date1904"));
      const part = name === "sheet" ? targets.get(attribute("r:id") ?? attribute("id") ?? "") : undefined;
      if (part !== undefined) sheets.push({ name: attribute("name") ?? null, part });
    },
  });
  if (!found) throw documentFault("corrupt_file", "Its main part is missing.");
  return { sheets, date1904 };
}

async function readSharedStrings(pack: Package, part: string): Promise<readonly string[]> {
  const allowance = new TextAllowance();
  const strings: string[] = [];
  let current = "";
  const run = new RunReader((text) => {
    allowance.take(text.length);
    current += text;
  });
  await pack.xml(part, {
    open: (name) => run.open(name),
    close: (name) => {
      run.close(name);
      if (name !== "si") return;
      if (strings.length >= SHARED_STRINGS)
        throw documentFault("too_complex", `It holds more than ${SHARED_STRINGS} different strings.`);
      strings.push(current);
      current = "";
    },
    text: (text) => run.text(text),
  });
  return strings;
}

/** Five million references are 40 MB of the child's heap, before any text. */
const SHARED_STRINGS = 5_000_000;

/** The text of a rich string's runs, without the phonetic guides beside them. */
class RunReader implements XmlHandler {
  readonly #write: (text: string) => void;
  #textDepth = 0;
  #phoneticDepth = 0;

  constructor(write: (text: string) => void) {
    this.#write = write;
  }

  open(name: string): void {
    if (name === "t") this.#textDepth += 1;
    else if (name === "rPh") this.#phoneticDepth += 1;
  }

  close(name: string): void {
    if (name === "t") this.#textDepth -= 1;
    else if (name === "rPh") this.#phoneticDepth -= 1;
  }

  text(text: string): void {
    if (this.#textDepth > 0 && this.#phoneticDepth === 0) this.#write(text);
  }
}

/** Built-in number formats that show a date or a time (ECMA-376, 18.8.30). */
const BUILT_IN_DATES: ReadonlySet<number> = new Set([
  14, 15, 16, 17, 18, 19, 20, 21, 22, 27, 28, 29, 30, 31, 34, 35, 36, 45, 46, 47, 50, 57,
]);

async function readDateStyles(pack: Package, part: string): Promise<readonly boolean[]> {
  const ownDates = new Set<number>();
  const styles: boolean[] = [];
  let inCellFormats = false;
  await pack.xml(part, {
    open: (name, attribute) => {
      if (name === "numFmt" && isDateFormat(attribute("formatCode") ?? "")) ownDates.add(Number(attribute("numFmtId")));
      if (name === "cellXfs") inCellFormats = true;
      if (name !== "xf" || !inCellFormats) return;
      const format = Number(attribute("numFmtId"));
      styles.push(BUILT_IN_DATES.has(format) || ownDates.has(format));
    },
    close: (name) => {
      if (name === "cellXfs") inCellFormats = false;
    },
  });
  return styles;
}

/** Letters of day, month, year, hour or second outside quoted text, colours and conditions. */
function isDateFormat(code: string): boolean {
  return /[dmyhs]/i.test(code.slice(0, 255).replace(/"[^"]*"|\[[^\]]*\]|\\.|General/gi, ""));
}

class SheetReader implements XmlHandler {
  readonly #workbook: Workbook;
  readonly #out: TextBuilder;
  readonly #inline = new RunReader((text) => {
    this.#take(text);
  });
  #type = "n";
  #style = 0;
  #inValue = false;
  #value = "";

  constructor(workbook: Workbook, allowance: TextAllowance) {
    this.#workbook = workbook;
    this.#out = new TextBuilder(allowance);
  }

  take(): string {
    return this.#out.take();
  }

  open(name: string, attribute: Attributes): void {
    if (name === "c") {
      this.#type = attribute("t") ?? "n";
      this.#style = Number(attribute("s") ?? 0);
      this.#value = "";
    } else if (name === "v") this.#inValue = true;
    else this.#inline.open(name);
  }

  close(name: string): void {
    if (name === "v") this.#inValue = false;
    else if (name === "c") this.#endCell();
    else if (name === "row") this.#out.line();
    else this.#inline.close(name);
  }

  text(text: string): void {
    if (this.#inValue) this.#take(text);
    else if (this.#type === "inlineStr") this.#inline.text(text);
  }

  #take(text: string): void {
    if (this.#value.length + text.length > LIMITS.extractedChars)
      throw documentFault("too_complex", "One cell holds too much text.");
    this.#value += text;
  }

  #endCell(): void {
    const shown = this.#shown().trim();
    if (shown === "") return;
    this.#out.inline(shown);
    this.#out.cell();
  }

  #shown(): string {
    const { strings, dateStyles, date1904 } = this.#workbook;
    if (this.#type === "s") return strings[Number(this.#value)] ?? "";
    if (this.#type === "b") return isTrue(this.#value) ? "TRUE" : "FALSE";
    if (this.#type !== "n" || this.#value === "" || dateStyles[this.#style] !== true) return this.#value;
    return serialDate(Number(this.#value), date1904) ?? this.#value;
  }
}

function isTrue(value: string | undefined): boolean {
  return value === "1" || value === "true";
}
