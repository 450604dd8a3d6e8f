import { posix } from "node:path";
import type { Package } from "./package.ts";
import { resolvePart } from "./relations.ts";
import type { Attributes, XmlHandler } from "./xml.ts";

export interface Book {
  readonly title: string | null;
  /** The parts that are read, in their order. */
  readonly spine: readonly string[];
  /** What the table of contents calls a part of the spine … */
  readonly contents: ReadonlyMap<string, string>;
  /** … and what it calls the first place within one. */
  readonly places: ReadonlyMap<string, string>;
}

/** Null: the book has no list of its parts. */
export async function readBook(pack: Package): Promise<Book | null> {
  const part = await rootFile(pack);
  const list = new PartList(posix.dirname(part));
  if (!(await pack.xml(part, list))) return null;
  const contents = new Map<string, string>();
  const places = new Map<string, string>();
  const wanted = new Set(list.spine);
  // A book of version 3 may have both: the older one is for older readers.
  for (const table of [list.nav, list.ncx]) {
    if (table === null || contents.size > 0 || places.size > 0) continue;
    const folder = posix.dirname(table);
    await pack.xml(
      table,
      new ContentsReader(table === list.nav, (href, title) => {
        const target = resolvePart(folder, unescaped(href));
        const titles = href.includes("#") ? places : contents;
        if (title !== "" && wanted.has(target) && !titles.has(target)) titles.set(target, title);
      }),
    );
  }
  return { title: list.title, spine: list.spine, contents, places };
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

const TITLE_CHARS = 200;

function shortened(text: string): string {
  return text.replace(/\s+/g, " ").trim().slice(0, TITLE_CHARS);
}

/** The book's package document: its title, its parts, which of them are read, and where its tables of contents are. */
class PartList implements XmlHandler {
  readonly spine: string[] = [];
  nav: string | null = null;
  ncx: string | null = null;
  readonly #folder: string;
  readonly #parts = new Map<string, string>();
  #title = "";
  #inTitle = false;

  constructor(folder: string) {
    this.#folder = folder;
  }

  get title(): string | null {
    const title = shortened(this.#title);
    return title === "" ? null : title;
  }

  open(name: string, attribute: Attributes): void {
    if (name === "title") this.#inTitle = this.#title === "";
    else if (name === "item") this.#item(attribute);
    else if (name === "itemref") {
      const part = this.#parts.get(attribute("idref") ?? "");
      if (part !== undefined) this.spine.push(part);
    }
  }

  close(name: string): void {
    if (name === "title") this.#inTitle = false;
  }

  text(text: string): void {
    if (this.#inTitle && this.#title.length < TITLE_CHARS) this.#title += text.slice(0, TITLE_CHARS);
  }

  #item(attribute: Attributes): void {
    const [id, href] = [attribute("id"), attribute("href")];
    if (id === undefined || href === undefined) return;
    const part = resolvePart(this.#folder, unescaped(href));
    this.#parts.set(id, part);
    if (attribute("media-type") === "application/x-dtbncx+xml") this.ncx ??= part;
    if (attribute("properties")?.split(" ").includes("nav")) this.nav ??= part;
  }
}

/** A table of contents: `<a href>` within the `<nav>` that is called "toc" (EPUB 3), or `<navPoint>` (NCX). */
class ContentsReader implements XmlHandler {
  readonly #isNav: boolean;
  readonly #entry: (href: string, title: string) => void;
  #inContents: boolean;
  #inTitle = false;
  #href = "";
  #title = "";

  constructor(isNav: boolean, entry: (href: string, title: string) => void) {
    this.#isNav = isNav;
    this.#inContents = !isNav;
    this.#entry = entry;
  }

  open(name: string, attribute: Attributes): void {
    if (name === "nav") this.#inContents = (attribute("type") ?? "toc") === "toc";
    else if (!this.#inContents) return;
    else if (this.#isNav ? name === "a" : name === "navLabel") {
      this.#inTitle = true;
      this.#title = "";
      this.#href = attribute("href") ?? "";
    } else if (!this.#isNav && name === "content") this.#entry(attribute("src") ?? "", shortened(this.#title));
  }

  close(name: string): void {
    if (name === "nav") this.#inContents = false;
    else if (this.#isNav ? name === "a" : name === "navLabel") {
      if (this.#isNav && this.#inTitle) this.#entry(this.#href, shortened(this.#title));
      this.#inTitle = false;
    }
  }

  text(text: string): void {
    if (this.#inTitle && this.#title.length < TITLE_CHARS) this.#title += text.slice(0, TITLE_CHARS);
  }
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
