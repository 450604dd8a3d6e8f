import { documentFault } from "../fault.ts";
import { DrawingReader } from "./drawingml.ts";
import type { PageText } from "./format.ts";
import type { Package } from "./package.ts";
import { mainPart, relationsOf } from "./relations.ts";
import { skippedPage } from "./skipped-page.ts";
import { TextAllowance } from "./text-builder.ts";

/**
 * Reads a presentation: a page is a slide, in the show's order, labelled with its title; the speaker's notes follow its
 * text. A hidden slide keeps its number and is empty.
 */
export async function* readPptx(pack: Package): AsyncGenerator<PageText> {
  const allowance = new TextAllowance();
  const slides = await slidesOf(pack);
  for (const slide of slides) {
    const reader = new DrawingReader(allowance);
    let hidden = false;
    await pack.xml(slide, {
      open: (name, attribute) => {
        if (name === "sld") hidden = attribute("show") === "0" || attribute("show") === "false";
        reader.open(name, attribute);
      },
      close: (name) => reader.close(name),
      text: (text) => reader.text(text),
    });
    if (hidden) {
      yield skippedPage("hidden_slides", slides.length);
      continue;
    }
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
  if (!found) throw documentFault("corrupt_file", "main_part_missing");
  return slides;
}

async function notesOf(pack: Package, slide: string, allowance: TextAllowance): Promise<string> {
  const notes = (await relationsOf(pack, slide)).find(({ type }) => type === "notesSlide");
  if (notes === undefined) return "";
  const reader = new DrawingReader(allowance);
  await pack.xml(notes.target, reader);
  return reader.take();
}
