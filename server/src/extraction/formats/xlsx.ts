import { documentFault } from "../fault.ts";
import type { PageText } from "./format.ts";
import type { Package } from "./package.ts";
import { mainPart, type Relation, relationsOf } from "./relations.ts";
import { LayoutAllowance } from "./sheet-row.ts";
import { skippedPage } from "./skipped-page.ts";
import { TextAllowance } from "./text-builder.ts";
import { besideCells } from "./xlsx-notes.ts";
import { SheetReader, type Workbook } from "./xlsx-sheet.ts";
import { readSharedStrings } from "./xlsx-strings.ts";
import { CellFormats } from "./xlsx-styles.ts";
import { isTrue } from "./xml.ts";

/**
 * Reads a workbook: a page is a sheet, labelled with its name; a line is a row, its cells parted by bars, then come
 * text boxes and notes. Formulas give their stored result, numbers are shown as their cells show them. A hidden sheet
 * keeps its number and is empty; hidden rows and columns are read: a filter that is set, or a group that is folded,
 * hides them from the eye and from nobody's knowledge.
 */
export async function* readXlsx(pack: Package): AsyncGenerator<PageText> {
  const allowance = new TextAllowance();
  const main = await mainPart(pack, "xl/workbook.xml");
  const relations = await relationsOf(pack, main);
  const { sheets, date1904 } = await readSheets(pack, main, relations);
  const workbook: Workbook = {
    strings: await readSharedStrings(pack, partOf(relations, "sharedStrings")),
    formats: await CellFormats.read(pack, partOf(relations, "styles")),
    date1904,
    layout: new LayoutAllowance(),
  };
  for (const { name, part, hidden } of sheets) {
    if (hidden) {
      yield skippedPage("hidden_sheets", sheets.length);
      continue;
    }
    const reader = new SheetReader(workbook, allowance);
    await pack.xml(part, reader);
    const texts = [reader.take(), ...(await besideCells(pack, part, allowance))];
    yield { label: name, text: texts.filter((text) => text !== "").join("\n\n"), total: sheets.length };
  }
}

function partOf(relations: readonly Relation[], type: string): string {
  return relations.find((relation) => relation.type === type)?.target ?? "";
}

interface Sheet {
  readonly name: string | null;
  readonly part: string;
  readonly hidden: boolean;
}

async function readSheets(pack: Package, main: string, relations: readonly Relation[]) {
  const targets = new Map(relations.map(({ id, target }) => [id, target]));
  const sheets: Sheet[] = [];
  let date1904 = false;
  const found = await pack.xml(main, {
    open: (name, attribute) => {
      if (name === "workbookPr") date1904 = isTrue(attribute("date1904"));
      const part = name === "sheet" ? targets.get(attribute("r:id") ?? attribute("id") ?? "") : undefined;
      if (part === undefined) return;
      sheets.push({ name: attribute("name") ?? null, part, hidden: /hidden$/i.test(attribute("state") ?? "") });
    },
  });
  if (!found) throw documentFault("corrupt_file", "main_part_missing");
  return { sheets, date1904 };
}
