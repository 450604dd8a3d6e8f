import type { Package } from "./package.ts";
import { type Attributes, isOn, type XmlHandler } from "./xml.ts";

/** What a style means for text, with what it inherits. */
export interface WordStyle {
  /** 1 = `#`; 0 = no heading. */
  readonly level: number;
  readonly pageBreakBefore: boolean;
  /** Null: it does not say. */
  readonly hidden: boolean | null;
}

const NO_STYLE: WordStyle = { level: 0, pageBreakBefore: false, hidden: null };

/** What one style says itself; null = nothing, so the style that it is based on counts. */
interface OwnStyle {
  basedOn: string | null;
  level: number | null;
  pageBreakBefore: boolean | null;
  hidden: boolean | null;
}

/**
 * A Word document's styles. Heading styles are told by their name, which is the same in every language (`heading 1`)
 * where their id is not (`berschrift1`), or by their outline level; all of it is inherited.
 */
export class WordStyles {
  readonly #own: ReadonlyMap<string, OwnStyle>;
  readonly #resolved = new Map<string, WordStyle>();

  private constructor(own: ReadonlyMap<string, OwnStyle>) {
    this.#own = own;
  }

  /** `part` may be missing. */
  static async read(pack: Package, part: string): Promise<WordStyles> {
    const reader = new StylesReader();
    await pack.xml(part, reader, NO_PARAGRAPHS);
    return new WordStyles(reader.styles);
  }

  of(id: string): WordStyle {
    const known = id === "" ? NO_STYLE : this.#resolved.get(id);
    if (known !== undefined) return known;
    const style = {
      level: this.#inherited(id, "level") ?? headingNamed(id) ?? 0,
      pageBreakBefore: this.#inherited(id, "pageBreakBefore") ?? false,
      hidden: this.#inherited(id, "hidden"),
    };
    if (this.#own.has(id)) this.#resolved.set(id, style);
    return style;
  }

  #inherited<Key extends keyof WordStyle>(id: string, key: Key): OwnStyle[Key] | null {
    let style = this.#own.get(id);
    for (let depth = 0; style !== undefined && depth < MAX_DEPTH; depth++) {
      if (style[key] !== null) return style[key];
      style = this.#own.get(style.basedOn ?? "");
    }
    return null;
  }
}

/** Of most files of styles the most: Word describes nine parts of each of a hundred tables, and four hundred names. */
const NO_PARAGRAPHS = [
  { start: '<w:style w:type="table"', end: "</w:style>" },
  { start: "<w:latentStyles ", end: "</w:latentStyles>" },
] as const;

/** The level that a name or an id says; null = it is no heading's. */
function headingNamed(name: string): number | null {
  const digit = /^heading\s?([1-9])$/i.exec(name)?.[1];
  return digit === undefined ? null : Number(digit);
}

/** Word has no more than 4 079 styles of an author's own; a chain of them that goes on longer than this is a ring. */
const MAX_STYLES = 10_000;
const MAX_DEPTH = 20;
/** `outlineLvl` counts from 0; this is body text. */
const BODY_TEXT = 9;

class StylesReader implements XmlHandler {
  readonly styles = new Map<string, OwnStyle>();
  #style: OwnStyle | null = null;
  /** Deeper than this stand formats of parts of a table, which are no paragraph's. */
  #inTablePart = false;

  open(name: string, attribute: Attributes): void {
    const value = attribute("val");
    if (name === "style") this.#begin(attribute("styleId"));
    else if (name === "tblStylePr") this.#inTablePart = true;
    else if (this.#style === null || this.#inTablePart) return;
    else if (name === "name") this.#style.level = headingNamed(value ?? "") ?? this.#style.level;
    else if (name === "basedOn") this.#style.basedOn = value ?? null;
    else if (name === "outlineLvl") this.#style.level ??= outlineLevel(value);
    else if (name === "pageBreakBefore") this.#style.pageBreakBefore = isOn(value);
    else if (name === "vanish") this.#style.hidden = isOn(value);
  }

  close(name: string): void {
    if (name === "style") this.#style = null;
    else if (name === "tblStylePr") this.#inTablePart = false;
  }

  #begin(id: string | undefined): void {
    this.#style = { basedOn: null, level: null, pageBreakBefore: null, hidden: null };
    if (id !== undefined && this.styles.size < MAX_STYLES) this.styles.set(id, this.#style);
  }
}

/** The level of an `outlineLvl`, from 1; 0 = body text. */
export function outlineLevel(value: string | undefined): number {
  const level = Number(value ?? BODY_TEXT);
  return Number.isInteger(level) && level >= 0 && level < BODY_TEXT ? level + 1 : 0;
}
