import { documentFault } from "../fault.ts";
import type { PageText } from "./format.ts";
import type { Package } from "./package.ts";
import { mainPart, relationsOf } from "./relations.ts";
import { TextAllowance, TextBuilder } from "./text-builder.ts";
import type { Attributes, XmlHandler } from "./xml.ts";

/**
 * Reads a Word document. A page ends where the file stores a break: one that the author set, or one that Word remembered from
 * its last layout; a file with neither has one page. Notes and comments stand at the end of the page that refers to them.
 * Deleted text, field codes, headers and footers are left out.
 */
export async function* readDocx(pack: Package): AsyncGenerator<PageText> {
  const allowance = new TextAllowance();
  const main = await mainPart(pack, "word/document.xml");
  const notes = new Map<string, string>();
  for (const { type, target } of await relationsOf(pack, main)) {
    const kind = NOTE_PARTS[type];
    if (kind !== undefined) await pack.xml(target, new NotesReader(kind, notes, allowance));
  }
  const body = new BodyReader(notes, allowance);
  if (!(await pack.xml(main, body))) throw documentFault("corrupt_file", "Its main part is missing.");
  const pages = body.finish();
  for (const text of pages) yield { label: null, text, total: pages.length };
}

/** Relation type → the element that holds one note, whose name with "Reference" refers to it. */
const NOTE_PARTS: Readonly<Record<string, string>> = {
  footnotes: "footnote",
  endnotes: "endnote",
  comments: "comment",
};

/** Subtrees whose text is not the document's: deleted or moved away, doubled for old programs, field codes, definitions. */
const SKIPPED: ReadonlySet<string> = new Set([
  "del",
  "moveFrom",
  "Fallback",
  "instrText",
  "delText",
  "sectPrChange",
  "pPrChange",
  "rPrChange",
]);

/** What WordprocessingML's elements mean for text, shared by body and notes. */
class WordReader implements XmlHandler {
  protected readonly out: TextBuilder;
  #skipDepth = 0;
  #propertiesDepth = 0;
  #textDepth = 0;
  #cellDepth = 0;

  constructor(allowance: TextAllowance) {
    this.out = new TextBuilder(allowance);
  }

  open(name: string, attribute: Attributes): void {
    if (this.#skipDepth > 0 || SKIPPED.has(name)) {
      this.#skipDepth += 1;
    } else if (name === "pPr" || name === "rPr" || name === "sectPr" || this.#propertiesDepth > 0) {
      this.#propertiesDepth += 1;
      this.property(name, attribute);
    } else if (name === "t") {
      this.#textDepth += 1;
    } else {
      this.element(name, attribute);
    }
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
    if (this.#textDepth > 0 && this.#skipDepth === 0) this.out.inline(text);
  }

  protected element(name: string, _attribute: Attributes): void {
    if (name === "tab" || name === "ptab") this.out.space();
    else if (name === "br" || name === "cr") this.out.line();
    else if (name === "noBreakHyphen") this.out.inline("\u2011");
    else if (name === "tc") this.#cellDepth += 1;
    else if (name === "tr") this.out.line();
  }

  protected closed(name: string): void {
    // A paragraph within a cell goes on in its row.
    if (name === "p") this.#cellDepth > 0 ? this.out.space() : this.out.line();
    else if (name === "tr" || name === "tbl") this.out.line();
    else if (name === "tc") {
      this.#cellDepth -= 1;
      this.out.cell();
    }
  }

  protected property(_name: string, _attribute: Attributes): void {}
  protected propertyClosed(_name: string): void {}
}

class NotesReader extends WordReader {
  readonly #kind: string;
  readonly #notes: Map<string, string>;
  #key: string | null = null;

  constructor(kind: string, notes: Map<string, string>, allowance: TextAllowance) {
    super(allowance);
    this.#kind = kind;
    this.#notes = notes;
  }

  protected override element(name: string, attribute: Attributes): void {
    if (name === this.#kind) this.#key = `${this.#kind} ${attribute("id") ?? ""}`;
    else super.element(name, attribute);
  }

  protected override closed(name: string): void {
    super.closed(name);
    if (name !== this.#kind || this.#key === null) return;
    const text = this.out.take();
    if (text !== "") this.#notes.set(this.#key, text);
    this.#key = null;
  }
}

class BodyReader extends WordReader {
  readonly #notes: ReadonlyMap<string, string>;
  readonly #allowance: TextAllowance;
  readonly #pages: string[] = [];
  #notesOfPage: string[] = [];
  /** The paragraph being read is its section's last. */
  #sectionEnds = false;
  /** How the section being read begins: its description stands at its end. */
  #sectionType = "nextPage";
  /** The page (from 0) that the section before ended, as long as it is not known whether this one begins on a new page. */
  #openEnd: number | null = null;
  /** Text of the page that the last section ended and this one goes on with. */
  #carried = "";

  constructor(notes: ReadonlyMap<string, string>, allowance: TextAllowance) {
    super(allowance);
    this.#notes = notes;
    this.#allowance = allowance;
  }

  finish(): readonly string[] {
    if (this.#pages.length === 0 || !this.out.isEmpty || this.#carried !== "" || this.#notesOfPage.length > 0)
      this.#endPage();
    return this.#pages;
  }

  protected override element(name: string, attribute: Attributes): void {
    if (name === "br" && attribute("type") === "page") this.#endPage();
    // Word writes its hint behind the author's own break as well: only one with text before it is another page.
    else if (name === "lastRenderedPageBreak") this.#endPageWithText();
    else if (name.endsWith("Reference")) this.#refer(name.slice(0, -"Reference".length), attribute("id") ?? "");
    else super.element(name, attribute);
  }

  protected override property(name: string, attribute: Attributes): void {
    const value = attribute("val") ?? "";
    const level = name === "pStyle" ? Number(/^heading\s*([1-9])$/i.exec(value)?.[1] ?? 0) : 0;
    if (level > 0) this.out.paragraph();
    if (level > 0) this.out.inline(`${"#".repeat(level)} `);
    if (name === "pageBreakBefore" && value !== "0" && value !== "false") this.#endPageWithText();
    if (name === "sectPr") this.#sectionType = "nextPage";
    if (name === "type") this.#sectionType = value;
  }

  protected override propertyClosed(name: string): void {
    if (name !== "sectPr") return;
    this.#joinSections();
    this.#sectionEnds = true;
  }

  protected override closed(name: string): void {
    super.closed(name);
    if (name !== "p" || !this.#sectionEnds) return;
    this.#sectionEnds = false;
    this.#endPageWithText();
    this.#openEnd = this.#pages.length - 1;
  }

  /** Now the section's beginning is known: it goes on where the one before ended, or leaves a page empty to begin on an odd one. */
  #joinSections(): void {
    const before = this.#openEnd;
    this.#openEnd = null;
    if (before === null || before < 0) return;
    const numberOfNext = before + 2;
    if (this.#sectionType === "continuous" || this.#sectionType === "nextColumn") {
      const [text = "", following] = this.#pages.splice(before, 2);
      if (following === undefined) this.#carried = text;
      else this.#pages.splice(before, 0, `${text}\n${following}`);
    } else if (this.#sectionType === (numberOfNext % 2 === 0 ? "oddPage" : "evenPage")) {
      this.#pages.splice(before + 1, 0, "");
    }
  }

  #refer(kind: string, id: string): void {
    const note = this.#notes.get(`${kind} ${id}`);
    if (note === undefined) return;
    // Referring to one long note a million times must not cost a million times its text.
    this.#allowance.take(note.length);
    this.#notesOfPage.push(note);
  }

  #endPageWithText(): void {
    if (!this.out.isEmpty) this.#endPage();
  }

  #endPage(): void {
    this.#pages.push([this.#carried, this.out.take(), ...this.#notesOfPage].filter((text) => text !== "").join("\n"));
    this.#carried = "";
    this.#notesOfPage = [];
  }
}
