import { DocumentPages } from "./document-pages.ts";
import type { PageText } from "./format.ts";
import { type FlowKind, OdfReader } from "./odf-reader.ts";
import type { OdfStyles } from "./odf-styles.ts";
import type { TextAllowance } from "./text-builder.ts";
import type { Attributes } from "./xml.ts";

/** A text (ODT), cut into pages where the file stores a break. */
export class OdfText extends OdfReader {
  readonly #pages: DocumentPages;
  /** Of the paragraph, and of the outermost table, that are being read. */
  #pageAfterParagraph = false;
  #pageAfterTable = false;
  #tableDepth = 0;

  constructor(styles: OdfStyles, allowance: TextAllowance) {
    super(styles, allowance);
    this.#pages = new DocumentPages(this.out, allowance);
  }

  finish(): readonly PageText[] {
    const texts = this.#pages.finish();
    return texts.map((text) => ({ label: null, text, total: texts.length }));
  }

  /** Boxes and notes stand on the page of their paragraph, whatever breaks they hold. */
  get #inBody(): boolean {
    return this.flow.kind === "body";
  }

  get #inRow(): boolean {
    return this.flow.cellDepth > 0;
  }

  protected override write(text: string): void {
    super.write(text);
    if (this.#inBody && this.#inRow && text.trim() !== "") this.#pages.writtenInRow();
  }

  protected override element(name: string, attribute: Attributes): void {
    super.element(name, attribute);
    if (!this.#inBody) return;
    if (name === "soft-page-break") this.#pages.begin(this.#inRow);
    else if (name === "p" || name === "h") {
      if (this.styles.pageBefore("paragraph", attribute)) this.#pages.beginParagraph(this.#inRow);
      this.#pageAfterParagraph = !this.#inRow && this.styles.pageAfter("paragraph", attribute);
    } else if (name === "table") this.#beginTable(attribute);
    else if (name === "table-row" && !this.#inRow) {
      if (this.styles.pageBefore("table-row", attribute)) this.#pages.begin(false);
      this.#pages.beginRow();
    } else if (name === "table-cell" && this.flow.cellDepth === 1) this.#pages.beginCell();
  }

  protected override closed(name: string): void {
    super.closed(name);
    if (!this.#inBody) return;
    if (name === "table-row" && !this.#inRow) this.#pages.endRow();
    else if (name === "table") this.#endTable();
    else if ((name === "p" || name === "h") && this.#pageAfterParagraph && this.flow.textDepth === 0) {
      this.#pageAfterParagraph = false;
      this.#pages.endIfText();
    }
  }

  protected override flowEnded(kind: FlowKind, text: string): void {
    if (kind !== "note") super.flowEnded(kind, text);
    else if (text !== "") this.#pages.note(text);
  }

  #beginTable(attribute: Attributes): void {
    this.#tableDepth += 1;
    if (this.#tableDepth > 1) return;
    if (this.styles.pageBefore("table", attribute)) this.#pages.begin(false);
    this.#pageAfterTable = this.styles.pageAfter("table", attribute);
  }

  #endTable(): void {
    this.#tableDepth -= 1;
    if (this.#tableDepth === 0 && this.#pageAfterTable) this.#pages.endIfText();
  }
}
