import { type SymbolFont, symbolFont, withSymbols } from "./symbol-fonts.ts";
import { TextAllowance, TextBuilder } from "./text-builder.ts";
import { outlineLevel, type WordStyles } from "./word-styles.ts";
import { type Attributes, isOn, type XmlHandler } from "./xml.ts";

/**
 * Subtrees whose text is not the document's: deleted or moved away, doubled for old programs, field codes, the guides
 * of ruby text.
 */
const SKIPPED: ReadonlySet<string> = new Set(["del", "moveFrom", "Fallback", "instrText", "delText", "rt"]);
/** What properties were before a change. */
const FORMER: ReadonlySet<string> = new Set(["sectPrChange", "pPrChange", "rPrChange"]);
const PROPERTIES: ReadonlySet<string> = new Set(["pPr", "rPr", "sectPr"]);
/** Markdown has six levels of headings. */
const MAX_LEVEL = 6;

/** Text that runs on by itself: the body, a note, a text box. */
class Flow {
  readonly out: TextBuilder;
  cellDepth = 0;
  /** Written before the paragraph's first text, so that it stands on the page where that is. */
  headingMark = "";
  /** The paragraph's end was deleted: the next one goes on in its line. */
  joined = false;
  paragraphHidden = false;
  hidden = false;
  symbols: SymbolFont | null = null;
  /** Texts of the boxes that are anchored in the paragraph: they follow it. */
  boxes: string[] = [];

  constructor(out: TextBuilder) {
    this.out = out;
  }
}

/** What a paragraph says of itself; null = its style counts. */
interface ParagraphProperties {
  style: string;
  level: number | null;
  pageBreakBefore: boolean | null;
}

/** What WordprocessingML's elements mean for text, shared by body and notes. */
export class WordReader implements XmlHandler {
  protected readonly out: TextBuilder;
  protected flow: Flow;
  readonly #styles: WordStyles;
  /** What boxes take is counted once more when they are written out. */
  readonly #beside = new TextAllowance();
  readonly #outerFlows: Flow[] = [];
  #skipDepth = 0;
  #propertiesDepth = 0;
  /** Which properties are being read: a paragraph's, a run's, a section's. */
  #propertiesOf = "";
  #inParagraphMark = false;
  #paragraph: ParagraphProperties = { style: "", level: null, pageBreakBefore: null };
  #textDepth = 0;

  constructor(styles: WordStyles, allowance: TextAllowance) {
    this.#styles = styles;
    this.out = new TextBuilder(allowance);
    this.flow = new Flow(this.out);
  }

  open(name: string, attribute: Attributes): void {
    if (this.#skipDepth > 0) this.#skipDepth += 1;
    else if (this.#propertiesDepth > 0) this.#openProperty(name, attribute);
    else if (name === "t") this.#textDepth += 1;
    else if (PROPERTIES.has(name)) {
      this.#propertiesOf = name;
      this.#openProperty(name, attribute);
    } else if (SKIPPED.has(name)) this.#skipDepth = 1;
    else this.element(name, attribute);
  }

  close(name: string): void {
    if (this.#skipDepth > 0) this.#skipDepth -= 1;
    else if (this.#propertiesDepth > 0) {
      this.#propertiesDepth -= 1;
      this.propertyClosed(name);
    } else if (name === "t") this.#textDepth -= 1;
    else this.closed(name);
  }

  text(text: string): void {
    if (this.#textDepth === 0 || this.#skipDepth > 0) return;
    this.write(this.flow.symbols === null ? text : withSymbols(text, this.flow.symbols));
  }

  /** Text within a line. */
  protected write(text: string): void {
    const { flow } = this;
    if (flow.hidden) return;
    if (flow.headingMark !== "" && text.trim() !== "") {
      flow.out.paragraph();
      flow.out.inline(flow.headingMark);
      flow.headingMark = "";
    }
    flow.out.inline(text);
  }

  protected element(name: string, attribute: Attributes): void {
    const { flow } = this;
    switch (name) {
      case "p":
        flow.headingMark = "";
        flow.paragraphHidden = false;
        break;
      case "r":
        flow.hidden = flow.paragraphHidden;
        flow.symbols = null;
        break;
      case "tab":
      case "ptab":
        flow.out.space();
        break;
      case "br":
      case "cr":
        this.#breakLine();
        break;
      case "noBreakHyphen":
        this.write("\u2011");
        break;
      case "sym":
        this.#symbol(attribute("font") ?? "", attribute("char") ?? "");
        break;
      case "tc":
        flow.cellDepth += 1;
        break;
      case "tr":
        flow.out.line();
        break;
      case "txbxContent":
        this.#outerFlows.push(flow);
        this.flow = new Flow(new TextBuilder(this.#beside));
        break;
    }
  }

  protected closed(name: string): void {
    const { flow } = this;
    if (name === "p") this.#endParagraph();
    else if (name === "tr" || name === "tbl") flow.out.line();
    else if (name === "tc") {
      flow.cellDepth -= 1;
      flow.out.cell();
    } else if (name === "txbxContent") {
      this.flow = this.#outerFlows.pop() ?? flow;
      const text = flow.out.take();
      if (text !== "" && !this.flow.hidden) this.flow.boxes.push(text);
    }
  }

  /** A paragraph's properties are known, and nothing of it is written yet. */
  protected paragraphBegins(_onNewPage: boolean): void {}

  #openProperty(name: string, attribute: Attributes): void {
    if (FORMER.has(name)) this.#skipDepth = 1;
    else {
      this.#propertiesDepth += 1;
      this.property(name, attribute);
    }
  }

  protected property(name: string, attribute: Attributes): void {
    if (this.#propertiesOf === "rPr") this.#runProperty(name, attribute);
    else if (this.#propertiesOf === "pPr") this.#paragraphProperty(name, attribute);
  }

  protected propertyClosed(name: string): void {
    if (this.#propertiesOf !== "pPr") return;
    if (name === "rPr") this.#inParagraphMark = false;
    if (name === "pPr") this.#beginParagraph();
  }

  #paragraphProperty(name: string, attribute: Attributes): void {
    const paragraph = this.#paragraph;
    if (name === "pPr") this.#paragraph = { style: "", level: null, pageBreakBefore: null };
    else if (name === "rPr") this.#inParagraphMark = true;
    else if (this.#inParagraphMark) {
      if (name === "del" || name === "moveFrom") this.flow.joined = true;
    } else if (name === "pStyle") paragraph.style = attribute("val") ?? "";
    else if (name === "outlineLvl") paragraph.level = outlineLevel(attribute("val"));
    else if (name === "pageBreakBefore") paragraph.pageBreakBefore = isOn(attribute("val"));
  }

  #beginParagraph(): void {
    const { level, pageBreakBefore } = this.#paragraph;
    const style = this.#styles.of(this.#paragraph.style);
    const { flow } = this;
    const shownLevel = Math.min(level ?? style.level, MAX_LEVEL);
    // Within a row, and in the middle of a line, a mark would be no heading's.
    flow.headingMark = shownLevel > 0 && flow.cellDepth === 0 ? `${"#".repeat(shownLevel)} ` : "";
    flow.paragraphHidden = style.hidden ?? false;
    this.paragraphBegins(pageBreakBefore ?? style.pageBreakBefore);
  }

  #runProperty(name: string, attribute: Attributes): void {
    const { flow } = this;
    if (name === "vanish") flow.hidden = isOn(attribute("val"));
    else if (name === "rStyle") flow.hidden = this.#styles.of(attribute("val") ?? "").hidden ?? flow.hidden;
    else if (name === "rFonts") flow.symbols = symbolFont(attribute("ascii") ?? attribute("hAnsi") ?? "");
  }

  #symbol(font: string, code: string): void {
    const char = symbolFont(font)?.(Number.parseInt(code, 16));
    if (char !== undefined) this.write(char);
  }

  /** A paragraph or a line within a cell goes on in its row. */
  #breakLine(): void {
    if (this.flow.hidden) return;
    if (this.flow.cellDepth > 0) this.flow.out.space();
    else this.flow.out.line();
  }

  #endParagraph(): void {
    const { flow } = this;
    flow.hidden = false;
    if (!flow.joined) this.#breakLine();
    flow.joined = false;
    for (const box of flow.boxes) {
      if (flow.cellDepth > 0) flow.out.inline(box);
      else flow.out.verbatim(box);
      this.#breakLine();
    }
    flow.boxes = [];
  }
}
