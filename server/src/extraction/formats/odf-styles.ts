import type { XmlSource } from "./package.ts";
import { type Attributes, xmlParser } from "./xml.ts";

/** What styles say that matters to text; null = nothing, so the style that it is based on counts. */
interface OdfStyle {
  readonly key: string;
  readonly parent: string;
  pageBefore: boolean | null;
  pageAfter: boolean | null;
  hidden: boolean | null;
}

type Saying = "pageBefore" | "pageAfter" | "hidden";

export type StyleFamily = "paragraph" | "text" | "table" | "table-row" | "drawing-page";

/**
 * The styles of an OpenDocument file: those that an author named (styles.xml), and those that a program made for single
 * paragraphs (content.xml), which are based on them. They come before the text that uses them.
 */
export class OdfStyles {
  readonly #styles = new Map<string, OdfStyle>();
  #style: OdfStyle | null = null;
  /** What any style says: where none hides anything, nobody need look for the styles of a hundred thousand spans. */
  readonly #said = new Set<Saying>();

  /**
   * Those that an author named. Most files' say nothing that matters here, and are longer than their text: looking is
   * quicker than parsing.
   */
  async readNamed(pack: XmlSource): Promise<void> {
    const xml = await pack.text("styles.xml");
    if (xml === null || !SAYS_SOMETHING.test(xml)) return;
    const parser = xmlParser({ open: (name, attribute) => this.open(name, attribute) });
    for (const piece of withoutListStyles(xml)) parser.write(piece);
    parser.end();
  }

  /** Of each element that opens outside the text. */
  open(name: string, attribute: Attributes): void {
    if (name === "style") this.#begin(attribute);
    else if (this.#style !== null) {
      readProperties(this.#style, name, attribute);
      this.#note(this.#style);
    }
  }

  /** A new page begins before the element that has the attributes: its own break, or another kind of page. */
  pageBefore(family: StyleFamily, attribute: Attributes): boolean {
    return this.#says("pageBefore", family, attribute);
  }

  pageAfter(family: StyleFamily, attribute: Attributes): boolean {
    return this.#says("pageAfter", family, attribute);
  }

  hidden(family: StyleFamily, attribute: Attributes): boolean {
    return this.#says("hidden", family, attribute);
  }

  #begin(attribute: Attributes): void {
    const family = attribute("family") ?? "";
    // Only "" says that the kind of page stays what it is.
    const masterPage = attribute("master-page-name");
    this.#style = {
      key: `${family} ${attribute("name") ?? ""}`,
      parent: `${family} ${attribute("parent-style-name") ?? ""}`,
      pageBefore: masterPage === undefined || masterPage === "" ? null : true,
      pageAfter: null,
      hidden: null,
    };
    if (this.#styles.size < MAX_STYLES) this.#styles.set(this.#style.key, this.#style);
    this.#note(this.#style);
  }

  #note({ pageBefore, pageAfter, hidden }: OdfStyle): void {
    if (pageBefore === true) this.#said.add("pageBefore");
    if (pageAfter === true) this.#said.add("pageAfter");
    if (hidden === true) this.#said.add("hidden");
  }

  /** The style itself, or the next one that it is based on and that says anything about it. */
  #says(what: Saying, family: StyleFamily, attribute: Attributes): boolean {
    if (!this.#said.has(what)) return false;
    const name = attribute("style-name");
    let style = name === undefined ? undefined : this.#styles.get(`${family} ${name}`);
    for (let depth = 0; style !== undefined && depth < MAX_DEPTH; depth++) {
      if (style[what] !== null) return style[what];
      style = this.#styles.get(style.parent);
    }
    return false;
  }
}

/** What `readProperties` looks for; either quote will do. */
const SAYS_SOMETHING = /:(?:break-before|break-after)=["']page|:master-page-name=["'][^"']|:display=["'](?:none|false)/;

const LIST_STYLE = "<text:list-style ";
const LIST_STYLE_END = "</text:list-style>";

/** Numbers and bullets are not read, and are most of what a program writes that describes ten levels of each list. */
function* withoutListStyles(xml: string): Generator<string> {
  let from = 0;
  for (;;) {
    const start = xml.indexOf(LIST_STYLE, from);
    const end = start === -1 ? -1 : listStyleEnd(xml, start);
    yield xml.slice(from, end === -1 ? undefined : start);
    if (end === -1) return;
    from = end;
  }
}

/** -1: it has none. */
function listStyleEnd(xml: string, start: number): number {
  const tagEnd = xml.indexOf(">", start);
  if (tagEnd === -1 || xml.charAt(tagEnd - 1) === "/") return tagEnd === -1 ? -1 : tagEnd + 1;
  const end = xml.indexOf(LIST_STYLE_END, tagEnd);
  return end === -1 ? -1 : end + LIST_STYLE_END.length;
}

/**
 * A program makes a style for each way in which a paragraph differs: books have thousands. A chain that goes on longer
 * than this is a ring.
 */
const MAX_STYLES = 65_536;
const MAX_DEPTH = 20;

function readProperties(style: OdfStyle, name: string, attribute: Attributes): void {
  switch (name) {
    case "paragraph-properties":
    case "table-properties":
    case "table-row-properties": {
      const before = attribute("break-before");
      const after = attribute("break-after");
      if (before !== undefined) style.pageBefore ??= before === "page";
      if (after !== undefined) style.pageAfter = after === "page";
      if (name === "table-properties" && attribute("display") === "false") style.hidden = true;
      break;
    }
    case "text-properties":
      if (attribute("display") !== undefined) style.hidden = attribute("display") === "none";
      break;
    case "drawing-page-properties":
      if (attribute("visibility") === "hidden") style.hidden = true;
      break;
  }
}
