import { documentFault } from "../fault.ts";
import type { PageText } from "./format.ts";
import { OdfSheets } from "./odf-sheets.ts";
import { OdfSlides } from "./odf-slides.ts";
import { OdfStyles } from "./odf-styles.ts";
import { OdfText } from "./odf-text.ts";
import type { XmlSource } from "./package.ts";
import { TextAllowance } from "./text-builder.ts";

type Kind = "odt" | "ods" | "odp";

/**
 * Reads OpenDocument. A page is a table (ODS) or a slide (ODP) with its name; in a text (ODT) it ends where the file
 * stores a break, in a paragraph's style, in a style that it is based on, or as a memory of the last layout; without
 * any there is one. Hidden sheets and slides keep their numbers and are empty; hidden sections and hidden text are left
 * out.
 */
export async function* readOpenDocument(pack: XmlSource, kind: Kind): AsyncGenerator<PageText> {
  const styles = new OdfStyles();
  await styles.readNamed(pack);
  const reader = readerOf(kind, styles);
  if (!(await pack.xml("content.xml", reader))) throw documentFault("corrupt_file", "main_part_missing");
  yield* reader.finish();
}

function readerOf(kind: Kind, styles: OdfStyles): OdfText | OdfSheets | OdfSlides {
  const allowance = new TextAllowance();
  switch (kind) {
    case "odt":
      return new OdfText(styles, allowance);
    case "ods":
      return new OdfSheets(styles, allowance);
    case "odp":
      return new OdfSlides(styles, allowance);
  }
}
