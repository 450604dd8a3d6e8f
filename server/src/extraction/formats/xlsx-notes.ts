import { DrawingReader } from "./drawingml.ts";
import type { Package } from "./package.ts";
import { type Relation, relationsOf } from "./relations.ts";
import { type TextAllowance, TextBuilder } from "./text-builder.ts";
import { RunReader, unescaped } from "./xlsx-strings.ts";
import type { Attributes, XmlHandler } from "./xml.ts";

/**
 * What a sheet holds beside its cells: the text boxes of its drawing, then the notes of its cells, each after its
 * cell's name.
 */
export async function besideCells(pack: Package, sheet: string, allowance: TextAllowance): Promise<readonly string[]> {
  const relations = await relationsOf(pack, sheet);
  const texts: string[] = [];
  for (const { target } of partsOf(relations, "drawing")) {
    const reader = new DrawingReader(allowance);
    await pack.xml(target, reader);
    texts.push(reader.take());
  }
  for (const type of ["comments", "threadedComment"]) {
    for (const { target } of partsOf(relations, type)) {
      const reader = new NotesReader(allowance);
      await pack.xml(target, reader);
      texts.push(reader.take());
    }
  }
  return texts.filter((text) => text !== "");
}

function partsOf(relations: readonly Relation[], type: string): readonly Relation[] {
  return relations.filter((relation) => relation.type === type);
}

/** How the names of those authors begin that are no people. */
const THREAD = "tc={";

/**
 * Notes, and comments of a thread, which stand a second time among the notes: "[Threaded comment] Your version of Excel
 * …".
 */
class NotesReader implements XmlHandler {
  readonly #out: TextBuilder;
  /** By place: whether the author is a thread (`tc={…}`). */
  readonly #authorIsThread: boolean[] = [];
  readonly #runs = new RunReader((text) => {
    this.#write(text);
  });
  /** How the author's name begins; null = not within one. */
  #author: string | null = null;
  #skipped = false;
  /** Within the text of a comment of a thread, which has no runs. */
  #inPlainText = false;
  #inThread = false;

  constructor(allowance: TextAllowance) {
    this.#out = new TextBuilder(allowance);
  }

  take(): string {
    return this.#out.take();
  }

  open(name: string, attribute: Attributes): void {
    if (name === "author") this.#author = "";
    else if (name === "comment" || name === "threadedComment") {
      this.#skipped = this.#authorIsThread[Number(attribute("authorId") ?? -1)] ?? false;
      this.#write(`${attribute("ref") ?? ""}: `);
      this.#inThread = name === "threadedComment";
    } else if (name === "text") this.#inPlainText = this.#inThread;
    else this.#runs.open(name);
  }

  close(name: string): void {
    if (name === "author") {
      this.#authorIsThread.push(this.#author === THREAD);
      this.#author = null;
    } else if (name === "comment" || name === "threadedComment") {
      this.#out.line();
      this.#skipped = false;
    } else if (name === "text") this.#inPlainText = false;
    else this.#runs.close(name);
  }

  text(text: string): void {
    if (this.#author !== null) this.#author += text.slice(0, THREAD.length - this.#author.length);
    else if (this.#inPlainText) this.#write(text);
    else this.#runs.text(text);
  }

  #write(text: string): void {
    if (!this.#skipped) this.#out.inline(unescaped(text));
  }
}
