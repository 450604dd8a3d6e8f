import { DocumentPages } from "./document-pages.ts";
import type { TextAllowance } from "./text-builder.ts";
import { WordReader } from "./word-reader.ts";
import type { WordStyles } from "./word-styles.ts";
import type { Attributes } from "./xml.ts";

/** The body of a Word document, cut into pages. */
export class WordBody extends WordReader {
  readonly #notes: ReadonlyMap<string, string>;
  readonly #pages: DocumentPages;
  /** The paragraph being read is its section's last. */
  #sectionEnds = false;
  /** How the section being read begins: its description stands at its end. */
  #sectionType = "nextPage";
  /**
   * The page (from 0) that the section before ended, as long as it is not known whether this one begins on a new page.
   */
  #openEnd: number | null = null;

  /** `notes` by kind and id: `footnote 2`. */
  constructor(styles: WordStyles, notes: ReadonlyMap<string, string>, allowance: TextAllowance) {
    super(styles, allowance);
    this.#notes = notes;
    this.#pages = new DocumentPages(this.out, allowance);
  }

  finish(): readonly string[] {
    return this.#pages.finish();
  }

  /** A text box stands on the page of the paragraph that it is anchored in, whatever breaks it holds. */
  get #inBox(): boolean {
    return this.flow.out !== this.out;
  }

  get #inRow(): boolean {
    return this.flow.cellDepth > 0;
  }

  protected override write(text: string): void {
    super.write(text);
    if (this.#inRow && !this.#inBox && text.trim() !== "") this.#pages.writtenInRow();
  }

  protected override element(name: string, attribute: Attributes): void {
    if (name === "lastRenderedPageBreak") {
      if (!this.#inBox) this.#pages.begin(this.#inRow);
    } else if (name === "br" && attribute("type") === "page") this.#breakPage(attribute);
    else if (name.endsWith("Reference")) this.#refer(name.slice(0, -"Reference".length), attribute("id") ?? "");
    else {
      super.element(name, attribute);
      if (name === "tr" && !this.#inRow && !this.#inBox) this.#pages.beginRow();
      if (name === "tc" && this.flow.cellDepth === 1 && !this.#inBox) this.#pages.beginCell();
    }
  }

  protected override closed(name: string): void {
    super.closed(name);
    if (name === "tr" && !this.#inRow && !this.#inBox) this.#pages.endRow();
    if (name !== "p" || !this.#sectionEnds) return;
    this.#sectionEnds = false;
    this.#pages.endIfText();
    this.#openEnd = this.#pages.count - 1;
  }

  protected override paragraphBegins(onNewPage: boolean): void {
    if (onNewPage && !this.#inBox) this.#pages.beginParagraph(this.#inRow);
  }

  protected override property(name: string, attribute: Attributes): void {
    super.property(name, attribute);
    if (name === "sectPr") this.#sectionType = "nextPage";
    if (name === "type") this.#sectionType = attribute("val") ?? "";
  }

  protected override propertyClosed(name: string): void {
    super.propertyClosed(name);
    if (name !== "sectPr") return;
    this.#joinSections();
    this.#sectionEnds = true;
  }

  /** Word ends no page within a table or a box; its own hint says where one ended all the same. */
  #breakPage(attribute: Attributes): void {
    if (this.#inRow || this.#inBox) super.element("br", attribute);
    else if (!this.flow.hidden) this.#pages.end();
  }

  /**
   * Now the section's beginning is known: it goes on where the one before ended, or leaves a page empty to begin on an
   * odd one.
   */
  #joinSections(): void {
    const before = this.#openEnd;
    this.#openEnd = null;
    if (before === null || before < 0) return;
    const numberOfNext = before + 2;
    if (this.#sectionType === "continuous" || this.#sectionType === "nextColumn") this.#pages.join(before);
    else if (this.#sectionType === (numberOfNext % 2 === 0 ? "oddPage" : "evenPage"))
      this.#pages.insertEmpty(before + 1);
  }

  #refer(kind: string, id: string): void {
    const note = this.#notes.get(`${kind} ${id}`);
    if (note !== undefined && !this.flow.hidden) this.#pages.note(note);
  }
}
