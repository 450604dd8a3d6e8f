import { documentFault } from "../fault.ts";
import type { PageText } from "./format.ts";
import type { Package } from "./package.ts";
import { mainPart, relationsOf } from "./relations.ts";
import { TextAllowance, TextBuilder } from "./text-builder.ts";
import type { Attributes, XmlHandler } from "./xml.ts";

/** Reads a presentation: a page is a slide, in the show's order, labelled with its title; the speaker's notes follow its text. */
export async function* readPptx(pack: Package): AsyncGenerator<PageText> {
  const allowance = new TextAllowance();
  const slides = await slidesOf(pack);
  for (const slide of slides) {
    const reader = new SlideReader(allowance);
    await pack.xml(slide, reader);
    const notes = await notesOf(pack, slide, allowance);
    yield {
      label: reader.title,
      text: [reader.take(), notes].filter((text) => text !== "").join("\n\n"),
      total: slides.length,
    };
  }
}

async function slidesOf(pack: Package): Promise<readonly string[]> {
  const main = await mainPart(pack, "ppt/presentation.xml");
  const targets = new Map((await relationsOf(pack, main)).map(({ id, target }) => [id, target]));
  const slides: string[] = [];
  const found = await pack.xml(main, {
    open: (name, attribute) => {
      // Two attributes share the local name: the slide's own number, and the relation's id under a prefix.
      const target = name === "sldId" ? targets.get(attribute("r:id") ?? attribute("id") ?? "") : undefined;
      if (target !== undefined) slides.push(target);
    },
  });
  if (!found) throw documentFault("corrupt_file", "Its main part is missing.");
  return slides;
}

async function notesOf(pack: Package, slide: string, allowance: TextAllowance): Promise<string> {
  const notes = (await relationsOf(pack, slide)).find(({ type }) => type === "notesSlide");
  if (notes === undefined) return "";
  const reader = new SlideReader(allowance);
  await pack.xml(notes.target, reader);
  return reader.take();
}

const TITLE_CHARS = 200;

/** DrawingML's paragraphs and tables. Fields that only repeat the slide's number or date are left out. */
class SlideReader implements XmlHandler {
  readonly #out: TextBuilder;
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
    if (name === "t") this.#textDepth += 1;
    else if (name === "br") this.#out.line();
    else if (name === "tab") this.#out.space();
    else if (name === "tc") this.#cellDepth += 1;
    else if (name === "fld") this.#inField = /^(slidenum|datetime)/.test(attribute("type") ?? "");
    else if (name === "ph") this.#inTitle = this.#title === "" && /^(title|ctrTitle)$/.test(attribute("type") ?? "");
  }

  close(name: string): void {
    if (name === "t") this.#textDepth -= 1;
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
    if (this.#textDepth === 0 || this.#inField) return;
    if (this.#inTitle && this.#title.length < TITLE_CHARS) this.#title += text;
    this.#out.inline(text);
  }

  #endParagraph(): void {
    if (this.#inTitle) this.#title += " ";
    if (this.#cellDepth > 0) this.#out.space();
    else this.#out.line();
  }
}
