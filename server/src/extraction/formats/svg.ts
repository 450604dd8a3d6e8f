import type { PageText } from "./format.ts";
import { TextAllowance, TextBuilder } from "./text-builder.ts";
import { type Attributes, type XmlHandler, xmlParser } from "./xml.ts";

/** What a drawing says: its titles, descriptions and texts, each on a line, in the order of the file. */
export function* readSvg(text: string): Generator<PageText> {
  const reader = new SvgReader();
  const parser = xmlParser(reader);
  parser.write(text);
  parser.end();
  yield { label: reader.title, text: reader.take(), total: 1 };
}

const TEXTS: ReadonlySet<string> = new Set(["title", "desc", "text", "foreignobject"]);
const SKIPPED: ReadonlySet<string> = new Set(["style", "script", "metadata"]);
const TITLE_CHARS = 200;

class SvgReader implements XmlHandler {
  readonly #out = new TextBuilder(new TextAllowance());
  #textDepth = 0;
  #skipDepth = 0;
  #depth = 0;
  #isTitle = false;
  #title = "";

  get title(): string | null {
    return this.#title.replace(/\s+/g, " ").trim().slice(0, TITLE_CHARS) || null;
  }

  take(): string {
    return this.#out.take();
  }

  open(name: string, attribute: Attributes): void {
    this.#depth += 1;
    // Of the drawing itself, not of a part.
    if (this.#depth === 2) this.#isTitle = name === "title";
    if (this.#skipDepth > 0 || SKIPPED.has(name) || isHidden(attribute)) this.#skipDepth += 1;
    else if (this.#textDepth > 0 || TEXTS.has(name.toLowerCase())) {
      this.#textDepth += 1;
      // A piece at a place of its own: the next line of a label, or a word beside it.
      if (this.#textDepth === 1) this.#out.line();
      else if (["x", "y", "dx", "dy"].some((place) => attribute(place) !== undefined) || name !== "tspan")
        this.#out.space();
    }
  }

  close(): void {
    this.#depth -= 1;
    if (this.#skipDepth > 0) this.#skipDepth -= 1;
    else if (this.#textDepth > 0) {
      this.#textDepth -= 1;
      if (this.#textDepth === 0) this.#out.line();
    }
  }

  text(text: string): void {
    if (this.#skipDepth > 0 || this.#textDepth === 0) return;
    if (this.#isTitle && this.#title.length < TITLE_CHARS) this.#title += text;
    this.#out.inline(text);
  }
}

function isHidden(attribute: Attributes): boolean {
  return (
    attribute("display") === "none" || /\bdisplay\s{0,9}:\s{0,9}none\b/i.test((attribute("style") ?? "").slice(0, 2000))
  );
}
