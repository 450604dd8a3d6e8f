import { TextAllowance, TextBuilder } from "./text-builder.ts";

/** Text that runs on by itself while its group is open: the body, a text box, a note. */
interface Flow {
  readonly kind: "body" | "box" | "note";
  readonly out: TextBuilder;
  /** How many groups are open around its own. */
  readonly depth: number;
}

/** What an RTF file says, written down piece by piece: pages, and beside them what is anchored in their lines. */
export class RtfPages {
  readonly #allowance = new TextAllowance();
  /** What boxes and notes take is counted once more when they are written out. */
  readonly #beside = new TextAllowance();
  readonly #pages: string[] = [];
  readonly #outerFlows: Flow[] = [];
  #flow: Flow = { kind: "body", out: new TextBuilder(this.#allowance), depth: -1 };
  /** Boxes of the paragraph, and notes of the page, that are being read. */
  #boxes: string[] = [];
  #notes: string[] = [];
  /** The paragraph is one of a table: it goes on in its row. */
  #inRow = false;

  finish(): readonly string[] {
    while (this.#outerFlows.length > 0) this.#endFlow();
    this.#writeBoxes();
    if (this.#pages.length === 0 || !this.#flow.out.isEmpty || this.#notes.length > 0) this.#endPage();
    return this.#pages;
  }

  inline(text: string): void {
    this.#flow.out.inline(text);
  }

  /** The control words that move on; others do nothing. */
  move(word: string): void {
    switch (word) {
      case "par":
      case "line":
      case "sect":
        this.#endLine();
        break;
      case "row":
        this.#inRow = false;
        this.#endLine();
        break;
      case "tab":
        this.#flow.out.space();
        break;
      case "cell":
      case "nestcell":
        this.#flow.out.cell();
        break;
      case "page":
        if (this.#flow.kind === "body") this.#endPage();
        else this.#endLine();
        break;
    }
  }

  /** `\intbl` and `\pard`: is the paragraph one of a table? */
  paragraphInRow(inRow: boolean): void {
    this.#inRow = inRow;
  }

  /** The group that is open within `depth` others is a text of its own. */
  beginFlow(kind: "box" | "note", depth: number): void {
    if (this.#flow.depth === depth) return;
    this.#outerFlows.push(this.#flow);
    this.#flow = { kind, out: new TextBuilder(this.#beside), depth };
  }

  /** A group within `depth` others ends. */
  endGroup(depth: number): void {
    if (this.#flow.depth === depth) this.#endFlow();
  }

  #endFlow(): void {
    const { kind, out } = this.#flow;
    this.#flow = this.#outerFlows.pop() ?? this.#flow;
    const text = out.take();
    if (text === "") return;
    if (kind === "box") this.#boxes.push(text);
    else {
      this.#allowance.take(text.length);
      this.#notes.push(text);
    }
  }

  /** A paragraph or a line within a cell goes on in its row. */
  #endLine(): void {
    if (this.#inRow) this.#flow.out.space();
    else {
      this.#flow.out.line();
      this.#writeBoxes();
    }
  }

  /** Boxes stand behind the paragraph that they are anchored in. */
  #writeBoxes(): void {
    if (this.#boxes.length === 0 || this.#flow.kind !== "body") return;
    for (const box of this.#boxes) {
      this.#flow.out.line();
      this.#flow.out.verbatim(box);
    }
    this.#flow.out.line();
    this.#boxes = [];
  }

  #endPage(): void {
    this.#writeBoxes();
    this.#pages.push([this.#flow.out.take(), ...this.#notes].filter((text) => text !== "").join("\n"));
    this.#notes = [];
  }
}
