import type { OdfStyles } from "./odf-styles.ts";
import { TextAllowance, TextBuilder } from "./text-builder.ts";
import type { Attributes, XmlHandler } from "./xml.ts";

/**
 * Deleted text, scripts, the guides beside ruby text, what stands for a note in the line; remarks, except a sheet's.
 */
const SKIPPED: ReadonlySet<string> = new Set([
  "tracked-changes",
  "scripts",
  "ruby-text",
  "forms",
  "note-citation",
  // Headers and footers, which a flat file has in the part of the text.
  "master-styles",
]);
/**
 * What is drawn in a paragraph and may hold paragraphs of its own. Titles and descriptions of pictures are not in any.
 */
const DRAWN: ReadonlySet<string> = new Set(
  (
    "frame custom-shape rect ellipse circle polygon polyline regular-polygon path line connector caption measure " +
    "control g"
  ).split(" "),
);
/** Markdown has six levels of headings. */
const MAX_LEVEL = 6;

export type FlowKind = "body" | "box" | "note" | "cell" | "remark";

/** Text that runs on by itself: the body, a box that is drawn in a paragraph, a note, a cell of a sheet. */
class Flow {
  readonly kind: FlowKind;
  readonly out: TextBuilder;
  /** Of the element that it is. */
  readonly depth: number;
  textDepth = 0;
  cellDepth: number;
  /** Written before the paragraph's first text, so that it stands on the page where that is. */
  headingMark = "";
  /** Texts of the boxes that are drawn in the paragraph: they follow it. */
  boxes: string[] = [];

  constructor(kind: FlowKind, out: TextBuilder, depth: number) {
    this.kind = kind;
    this.out = out;
    this.depth = depth;
    this.cellDepth = kind === "cell" ? 1 : 0;
  }
}

/** What OpenDocument's elements mean for text, shared by texts, sheets and slides. */
export class OdfReader implements XmlHandler {
  protected readonly styles: OdfStyles;
  protected readonly out: TextBuilder;
  protected flow: Flow;
  readonly #outerFlows: Flow[] = [];
  /** What boxes and notes take is counted once more when they are written out. */
  readonly #beside = new TextAllowance();
  #depth = 0;
  #skipFrom = 0;

  constructor(styles: OdfStyles, allowance: TextAllowance) {
    this.styles = styles;
    this.out = new TextBuilder(allowance);
    this.flow = new Flow("body", this.out, 0);
  }

  open(name: string, attribute: Attributes): void {
    this.#depth += 1;
    if (this.#skipFrom > 0) return;
    if (SKIPPED.has(name) || this.leftOut(name, attribute)) this.#skipFrom = this.#depth;
    else this.element(name, attribute);
  }

  close(name: string): void {
    const depth = this.#depth;
    this.#depth -= 1;
    if (this.#skipFrom > 0) {
      if (depth === this.#skipFrom) this.#skipFrom = 0;
      return;
    }
    this.closed(name);
    if (this.flow.depth === depth) this.#endFlow();
  }

  text(text: string): void {
    if (this.flow.textDepth > 0 && this.#skipFrom === 0) this.write(text);
  }

  protected write(text: string): void {
    const { flow } = this;
    if (flow.headingMark !== "" && text.trim() !== "") {
      flow.out.paragraph();
      flow.out.inline(flow.headingMark);
      flow.headingMark = "";
    }
    flow.out.inline(text);
  }

  /** Is all that is in this element left out? */
  protected leftOut(name: string, attribute: Attributes): boolean {
    switch (name) {
      case "annotation":
        return true;
      case "section":
      case "hidden-text":
        return attribute("display") === "none" || attribute("is-hidden") === "true";
      case "span":
        return this.styles.hidden("text", attribute);
      case "p":
      case "h":
        return this.styles.hidden("paragraph", attribute);
      default:
        return false;
    }
  }

  /** Is what is drawn outside of paragraphs no part of the flow either? */
  protected get drawnApart(): boolean {
    return false;
  }

  protected element(name: string, attribute: Attributes): void {
    const { flow } = this;
    switch (name) {
      case "p":
      case "h":
        flow.textDepth += 1;
        flow.headingMark = name === "h" && flow.cellDepth === 0 ? this.#headingMark(attribute) : "";
        break;
      case "tab":
      case "s":
        flow.out.space();
        break;
      case "line-break":
        this.#breakLine();
        break;
      case "table-cell":
        flow.cellDepth += 1;
        break;
      case "note-body":
        this.beginFlow("note");
        break;
      default:
        if (DRAWN.has(name) && (flow.textDepth > 0 || this.drawnApart)) this.beginFlow("box");
        else if (flow.textDepth === 0) this.styles.open(name, attribute);
    }
  }

  protected closed(name: string): void {
    const { flow } = this;
    switch (name) {
      case "p":
      case "h":
        flow.textDepth -= 1;
        this.#endParagraph();
        break;
      case "table-cell":
        flow.cellDepth -= 1;
        flow.out.cell();
        break;
      case "table-row":
        flow.out.line();
        break;
    }
  }

  /** The element that is open now is a flow of its own, and `flowEnded` gets what it holds. */
  protected beginFlow(kind: FlowKind, out?: TextBuilder): void {
    this.#outerFlows.push(this.flow);
    this.flow = new Flow(kind, out ?? new TextBuilder(this.#beside), this.#depth);
  }

  protected flowEnded(_kind: FlowKind, text: string): void {
    if (text !== "") this.flow.boxes.push(text);
  }

  #endFlow(): void {
    const { kind, out } = this.flow;
    this.flow = this.#outerFlows.pop() ?? this.flow;
    this.flowEnded(kind, out.take());
  }

  #headingMark(attribute: Attributes): string {
    const level = Number(attribute("outline-level") ?? 1) || 1;
    return `${"#".repeat(Math.min(Math.max(level, 1), MAX_LEVEL))} `;
  }

  /** A paragraph or a line within a cell goes on in its row. */
  #breakLine(): void {
    if (this.flow.cellDepth > 0) this.flow.out.space();
    else this.flow.out.line();
  }

  #endParagraph(): void {
    const { flow } = this;
    this.#breakLine();
    for (const box of flow.boxes) {
      if (flow.cellDepth > 0) flow.out.inline(box);
      else flow.out.verbatim(box);
      this.#breakLine();
    }
    flow.boxes = [];
  }
}
