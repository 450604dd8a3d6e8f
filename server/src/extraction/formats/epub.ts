import { posix } from "node:path";
import { documentFault } from "../fault.ts";
import type { PageText } from "./format.ts";
import { htmlText } from "./html.ts";
import type { Package } from "./package.ts";
import { resolvePart } from "./relations.ts";
import { TextAllowance } from "./text-builder.ts";

/** Reads a book: a page is an item of its spine (usually a chapter), labelled with the item's title. */
export async function* readEpub(pack: Package): AsyncGenerator<PageText> {
  const allowance = new TextAllowance();
  const spine = await spineOf(pack);
  for (const part of spine) {
    const html = (await pack.text(part)) ?? "";
    const { text, title } = htmlText(html, allowance, true);
    yield { label: title, text, total: spine.length };
  }
}

async function spineOf(pack: Package): Promise<readonly string[]> {
  const book = await rootFile(pack);
  const folder = posix.dirname(book);
  const items = new Map<string, string>();
  const spine: string[] = [];
  const found = await pack.xml(book, {
    open: (name, attribute) => {
      const [id, href] = [attribute("id"), attribute("href")];
      if (name === "item" && id !== undefined && href !== undefined)
        items.set(id, resolvePart(folder, unescaped(href)));
      const part = name === "itemref" ? items.get(attribute("idref") ?? "") : undefined;
      if (part !== undefined) spine.push(part);
    },
  });
  if (!found) throw documentFault("corrupt_file", "Its table of parts is missing.");
  return spine;
}

async function rootFile(pack: Package): Promise<string> {
  let path = "";
  await pack.xml("META-INF/container.xml", {
    open: (name, attribute) => {
      if (name === "rootfile" && path === "") path = attribute("full-path") ?? "";
    },
  });
  return path;
}

/** Addresses in a book are URLs; the names of its parts are not. */
function unescaped(href: string): string {
  const path = href.split("#")[0] ?? "";
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}
