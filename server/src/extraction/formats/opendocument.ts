import { documentFault } from "../fault.ts";
import type { PageText } from "./format.ts";
import type { XmlSource } from "./package.ts";
import { TextAllowance, TextBuilder } from "./text-builder.ts";
import type { Attributes, XmlHandler } from "./xml.ts";

type Kind = "odt" | "ods" | "odp";

/**
 * Reads OpenDocument. A page is a table (ODS) or a slide (ODP) with its name; in a text (ODT) it ends where the file stores a break,
 * and without any there is one. Repeat counts are never expanded: a few bytes can claim a million equal rows.
 */
export async function* readOpenDocument(pack: XmlSource, kind: Kind): AsyncGenerator<PageText> {
  const reader = new ContentReader(kind, new TextAllowance());
  if (!(await pack.xml("content.xml", reader))) throw documentFault("corrupt_file", "Its main part is missing.");
  const pages = reader.finish();
  for (const page of pages) yield { ...page, total: pages.length };
}

/** Deleted text, remarks, scripts and the guides beside ruby text. */
const SKIPPED: ReadonlySet<string> = new Set([
  "tracked-changes",
  "annotation",
  "scripts",
  "ruby-text",
  "forms",
  "note-citation",
]);
/** Markdown has six levels of headings. */
const MAX_LEVEL = 6;

class ContentReader implements XmlHandler {
  readonly #kind: Kind;
  readonly #out: TextBuilder;
  readonly #pages: PageText[] = [];
  /** Paragraph styles that begin a page. */
  readonly #breakStyles = new Set<string>();
  #style = "";
  #label: string | null = null;
  #skipDepth = 0;
  #textDepth = 0;
  #cellDepth = 0;
  #tableDepth = 0;

  constructor(kind: Kind, allowance: TextAllowance) {
    this.#kind = kind;
    this.#out = new TextBuilder(allowance);
  }

  finish(): readonly PageText[] {
    if (this.#pages.length === 0 || !this.#out.isEmpty) this.#endPage();
    return this.#pages;
  }

  open(name: string, attribute: Attributes): void {
    if (this.#skipDepth > 0 || SKIPPED.has(name)) {
      this.#skipDepth += 1;
      return;
    }
    switch (name) {
      case "style":
        this.#style = attribute("name") ?? "";
        break;
      case "paragraph-properties":
        if (attribute("break-before") === "page") this.#breakStyles.add(this.#style);
        break;
      case "soft-page-break":
        this.#endTextPage();
        break;
      case "p":
      case "h":
        this.#openParagraph(name, attribute);
        break;
      case "tab":
      case "s":
        this.#out.space();
        break;
      case "line-break":
        this.#out.line();
        break;
      case "table":
        this.#tableDepth += 1;
        if (this.#kind === "ods" && this.#tableDepth === 1) this.#label = attribute("name") ?? null;
        break;
      case "table-cell":
        this.#cellDepth += 1;
        break;
      case "page":
        if (this.#kind === "odp") this.#label = attribute("name") ?? null;
        break;
    }
  }

  close(name: string): void {
    if (this.#skipDepth > 0) {
      this.#skipDepth -= 1;
      return;
    }
    switch (name) {
      case "p":
      case "h":
        this.#textDepth -= 1;
        if (this.#cellDepth > 0) this.#out.space();
        else this.#out.line();
        break;
      case "table-cell":
        this.#cellDepth -= 1;
        this.#out.cell();
        break;
      case "table-row":
        this.#out.line();
        break;
      case "table":
        this.#tableDepth -= 1;
        if (this.#kind === "ods" && this.#tableDepth === 0) this.#endPage();
        break;
      case "page":
        if (this.#kind === "odp") this.#endPage();
        break;
    }
  }

  text(text: string): void {
    if (this.#textDepth > 0 && this.#skipDepth === 0) this.#out.inline(text);
  }

  #openParagraph(name: string, attribute: Attributes): void {
    this.#textDepth += 1;
    if (this.#breakStyles.has(attribute("style-name") ?? "")) this.#endTextPage();
    if (name !== "h") return;
    const level = Math.min(Number(attribute("outline-level") ?? 1) || 1, MAX_LEVEL);
    this.#out.paragraph();
    this.#out.inline(`${"#".repeat(level)} `);
  }

  #endTextPage(): void {
    if (this.#kind === "odt" && !this.#out.isEmpty) this.#endPage();
  }

  #endPage(): void {
    this.#pages.push({ label: this.#label, text: this.#out.take() });
    this.#label = null;
  }
}
