import { type TextAllowance, TextBuilder } from "./text-builder.ts";
import { type Attributes, isTrue, type XmlHandler } from "./xml.ts";

const TITLE_CHARS = 200;

/**
 * DrawingML's paragraphs and tables: a slide, its notes, or the text boxes of a sheet. Left out are fields that only
 * repeat the slide's number or date, hidden shapes, and what is written a second time for old programs.
 */
export class DrawingReader implements XmlHandler {
  readonly #out: TextBuilder;
  #depth = 0;
  /** Depth of the element that is being left out with all that is in it; 0 = none. */
  #skipFrom = 0;
  #textDepth = 0;
  #inField = false;
  #cellDepth = 0;
  #inTitle = false;
  #title = "";

  constructor(allowance: TextAllowance) {
    this.#out = new TextBuilder(allowance);
  }

  get title(): string | null {
    const title = this.#title.replace(/\s+/g, " ").trim().slice(0, TITLE_CHARS);
    return title === "" ? null : title;
  }

  take(): string {
    return this.#out.take();
  }

  open(name: string, attribute: Attributes): void {
    this.#depth += 1;
    if (this.#skipFrom > 0) return;
    if (name === "Fallback") this.#skipFrom = this.#depth;
    // sp > nvSpPr > cNvPr: a shape says within itself that it is hidden, before its text.
    else if (name === "cNvPr" && isTrue(attribute("hidden"))) this.#skipFrom = Math.max(1, this.#depth - 2);
    else if (name === "t") this.#textDepth += 1;
    else if (name === "br") this.#out.line();
    else if (name === "tab") this.#out.space();
    else if (name === "tc") this.#cellDepth += 1;
    else if (name === "fld") this.#inField = /^(slidenum|datetime)/.test(attribute("type") ?? "");
    else if (name === "ph") this.#inTitle = this.#title === "" && /^(title|ctrTitle)$/.test(attribute("type") ?? "");
  }

  close(name: string): void {
    this.#depth -= 1;
    if (this.#skipFrom > 0) {
      if (this.#depth < this.#skipFrom) this.#skipFrom = 0;
    } else if (name === "t") this.#textDepth -= 1;
    else if (name === "fld") this.#inField = false;
    else if (name === "sp") this.#inTitle = false;
    else if (name === "p") this.#endParagraph();
    else if (name === "tr") this.#out.line();
    else if (name === "tc") {
      this.#cellDepth -= 1;
      this.#out.cell();
    }
  }

  text(text: string): void {
    if (this.#textDepth === 0 || this.#skipFrom > 0 || this.#inField) return;
    if (this.#inTitle && this.#title.length < TITLE_CHARS) this.#title += text;
    this.#out.inline(text);
  }

  #endParagraph(): void {
    if (this.#inTitle) this.#title += " ";
    if (this.#cellDepth > 0) this.#out.space();
    else this.#out.line();
  }
}
