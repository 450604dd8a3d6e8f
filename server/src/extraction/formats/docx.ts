import { documentFault } from "../fault.ts";
import type { PageText } from "./format.ts";
import type { Package } from "./package.ts";
import { mainPart, type Relation, relationsOf } from "./relations.ts";
import { TextAllowance } from "./text-builder.ts";
import { WordBody } from "./word-body.ts";
import { WordReader } from "./word-reader.ts";
import { WordStyles } from "./word-styles.ts";
import type { Attributes } from "./xml.ts";

/**
 * Reads a Word document. A page ends where the file stores a break: one that the author set, in a paragraph or by a
 * style, a section, or one that Word remembered from its last layout; a file with none of them has one page. Notes and
 * comments stand at the end of the page that refers to them. Deleted and hidden text, field codes, headers and footers
 * are left out.
 */
export async function* readDocx(pack: Package): AsyncGenerator<PageText> {
  const allowance = new TextAllowance();
  const main = await mainPart(pack, "word/document.xml");
  const relations = await relationsOf(pack, main);
  const styles = await WordStyles.read(pack, relations.find(({ type }) => type === "styles")?.target ?? "");
  const notes = await readNotes(pack, relations, styles, allowance);
  const body = new WordBody(styles, notes, allowance);
  if (!(await pack.xml(main, body))) throw documentFault("corrupt_file", "main_part_missing");
  const pages = body.finish();
  for (const text of pages) yield { label: null, text, total: pages.length };
}

/** Relation type → the element that holds one note, whose name with "Reference" refers to it. */
const NOTE_PARTS: ReadonlyMap<string, string> = new Map([
  ["footnotes", "footnote"],
  ["endnotes", "endnote"],
  ["comments", "comment"],
]);

/** By kind and id: `footnote 2`. */
async function readNotes(
  pack: Package,
  relations: readonly Relation[],
  styles: WordStyles,
  allowance: TextAllowance,
): Promise<ReadonlyMap<string, string>> {
  const notes = new Map<string, string>();
  for (const { type, target } of relations) {
    const kind = NOTE_PARTS.get(type);
    if (kind !== undefined) await pack.xml(target, new NotesReader(kind, notes, styles, allowance));
  }
  return notes;
}

class NotesReader extends WordReader {
  readonly #kind: string;
  readonly #notes: Map<string, string>;
  #key: string | null = null;

  constructor(kind: string, notes: Map<string, string>, styles: WordStyles, allowance: TextAllowance) {
    super(styles, allowance);
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
