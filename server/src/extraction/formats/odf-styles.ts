import type { XmlSource } from "./package.ts";
import { withoutElements } from "./passed-over.ts";
import { type Attributes, xmlParser } from "./xml.ts";

/** What styles say that matters to text; null = nothing, so the style that it is based on counts. */
interface OdfStyle {
  /** The name of the style that it is based on, which is of the same family. */
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
  /** By family, then by name. */
  readonly #styles = new Map<string, Map<string, OdfStyle>>();
  #count = 0;
  #style: OdfStyle | null = null;
  /** What any style says: where none hides anything, nobody need look for the styles of a hundred thousand spans. */
  readonly #said = new Set<Saying>();

  /**
   * Those that an author named. Most files' say nothing that matters here, and are longer than their text: looking is
   * quicker than parsing.
   */
  async readNamed(pack: XmlSource): Promise<void> {
    const xml = await pack.textWith("styles.xml", SAYS_SOMETHING);
    const named = xml === null ? [] : [...withoutElements(xml, PASSED_OVER)];
    if (!named.some((piece) => SAYS_SOMETHING.test(piece))) return;
    const parser = xmlParser({ open: (name, attribute) => this.open(name, attribute) });
    for (const piece of named) parser.write(piece);
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
    const family = this.#family(attribute("family") ?? "");
    // Only "" says that the kind of page stays what it is.
    const masterPage = attribute("master-page-name");
    this.#style = {
      parent: attribute("parent-style-name") ?? "",
      pageBefore: masterPage === undefined || masterPage === "" ? null : true,
      pageAfter: null,
      hidden: null,
    };
    this.#count += 1;
    if (this.#count <= MAX_STYLES) family.set(attribute("name") ?? "", this.#style);
    this.#note(this.#style);
  }

  #family(name: string): Map<string, OdfStyle> {
    const known = this.#styles.get(name);
    if (known !== undefined) return known;
    const family = new Map<string, OdfStyle>();
    if (this.#styles.size < MAX_STYLES) this.#styles.set(name, family);
    return family;
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
    const styles = this.#styles.get(family);
    let style = name === undefined ? undefined : styles?.get(name);
    for (let depth = 0; style !== undefined && depth < MAX_DEPTH; depth++) {
      if (style[what] !== null) return style[what];
      style = styles?.get(style.parent);
    }
    return false;
  }
}

/** What `readProperties` looks for; either quote will do. */
const SAYS_SOMETHING = /:(?:break-before|break-after)=["']page|:master-page-name=["'][^"']|:display=["'](?:none|false)/;

/**
 * Numbers and bullets are not read, and are most of what a program writes that describes ten levels of each list.
 * Headers and footers, and what is made for them alone, are no part of the text.
 */
const PASSED_OVER = [
  { start: "<text:list-style ", end: "</text:list-style>" },
  { start: "<office:automatic-styles>", end: "</office:automatic-styles>" },
  { start: "<office:master-styles>", end: "</office:master-styles>" },
] as const;

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
