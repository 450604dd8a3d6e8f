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

export type StyleFamily = "paragraph" | "text" | "table" | "table-row" | "drawing-page";

/**
 * The styles of an OpenDocument file: those that an author named (styles.xml), and those that a program made for single
 * paragraphs (content.xml), which are based on them. They come before the text that uses them.
 */
export class OdfStyles {
  readonly #styles = new Map<string, OdfStyle>();
  #style: OdfStyle | null = null;

  /**
   * Those that an author named. Most files' say nothing that matters here, and are longer than their text: looking is
   * quicker than parsing.
   */
  async readNamed(pack: XmlSource): Promise<void> {
    const xml = await pack.text("styles.xml");
    if (xml === null || !SAYS_SOMETHING.test(xml)) return;
    const parser = xmlParser({ open: (name, attribute) => this.open(name, attribute) });
    parser.write(xml);
    parser.end();
  }

  /** Of each element that opens outside the text. */
  open(name: string, attribute: Attributes): void {
    if (name === "style") this.#begin(attribute);
    else if (this.#style !== null) readProperties(this.#style, name, attribute);
  }

  /** A new page begins before it: its own break, or another kind of page. */
  pageBefore(family: StyleFamily, name: string | undefined): boolean {
    return this.#inherited(family, name, "pageBefore") ?? false;
  }

  pageAfter(family: StyleFamily, name: string | undefined): boolean {
    return this.#inherited(family, name, "pageAfter") ?? false;
  }

  hidden(family: StyleFamily, name: string | undefined): boolean {
    return this.#inherited(family, name, "hidden") ?? false;
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
  }

  #inherited<Key extends "pageBefore" | "pageAfter" | "hidden">(
    family: StyleFamily,
    name: string | undefined,
    key: Key,
  ): OdfStyle[Key] | null {
    if (name === undefined) return null;
    let style = this.#styles.get(`${family} ${name}`);
    for (let depth = 0; style !== undefined && depth < MAX_DEPTH; depth++) {
      if (style[key] !== null) return style[key];
      style = this.#styles.get(style.parent);
    }
    return null;
  }
}

/** What `readProperties` looks for; either quote will do. */
const SAYS_SOMETHING = /:(?:break-before|break-after)=["']page|:master-page-name=["'][^"']|:display=["'](?:none|false)/;

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
