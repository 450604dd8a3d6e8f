/**
 * No text of the page, or text that stands for a drawing; of ruby the reading, which is written over the word
 * that it repeats.
 */
const UNSEEN: ReadonlySet<string> = new Set([
  ...["script", "style", "noscript", "template", "svg", "iframe"],
  ...["rt", "rp", "rtc"],
]);
const VOID: ReadonlySet<string> = new Set(
  "area base br col embed hr img input link meta param source track wbr".split(" "),
);

/**
 * What else ends an element whose end tag may be missing: the opening and the closing of others, when they stand in no
 * element of its own name or of `within`. A guess that ends too early shows a word too many; one that ends too late
 * would lose the rest of the page.
 */
interface OpenEnded {
  readonly opens: ReadonlySet<string>;
  readonly closes: ReadonlySet<string>;
  /** Containers: what stands in one that opened inside does not count. */
  readonly within: ReadonlySet<string>;
}

const NONE: ReadonlySet<string> = new Set();
const BLOCKS = new Set(
  (
    "address article aside blockquote body center dd details div dl dt fieldset figure footer form h1 h2 h3 h4 h5 h6 header hr html li main nav ol p " +
    "pre section table tbody td th tr ul"
  ).split(" "),
);
const TABLE = new Set(["table"]);
const LISTS = new Set(["ul", "ol", "menu", "dl", "table"]);
const RUBY: OpenEnded = {
  opens: new Set(["rt", "rp", "rb", "rtc", ...BLOCKS]),
  closes: new Set(["ruby", ...BLOCKS]),
  within: NONE,
};

const OPEN_ENDED: Readonly<Record<string, OpenEnded>> = {
  rt: RUBY,
  rp: RUBY,
  rtc: { ...RUBY, opens: new Set(["rb", ...BLOCKS]) },
  p: { opens: BLOCKS, closes: BLOCKS, within: NONE },
  li: { opens: new Set(["li"]), closes: new Set(["ul", "ol", "menu"]), within: LISTS },
  dt: { opens: new Set(["dt", "dd"]), closes: new Set(["dl"]), within: LISTS },
  dd: { opens: new Set(["dt", "dd"]), closes: new Set(["dl"]), within: LISTS },
  option: { opens: new Set(["option", "optgroup"]), closes: new Set(["select", "datalist", "optgroup"]), within: NONE },
  td: { opens: new Set(["td", "th", "tr", "tbody"]), closes: new Set(["tr", "tbody", "table"]), within: TABLE },
  th: { opens: new Set(["td", "th", "tr", "tbody"]), closes: new Set(["tr", "tbody", "table"]), within: TABLE },
  tr: {
    opens: new Set(["tr", "tbody", "tfoot"]),
    closes: new Set(["tbody", "thead", "tfoot", "table"]),
    within: TABLE,
  },
};

/** Follows the element that is being left out, by counting: there is no stack to go wrong, or to grow. */
export class LeftOut {
  #name: string | null = null;
  /** Set when its end tag may be missing. */
  #openEnded: OpenEnded | undefined;
  /**
   * Containers that are open within it, or elements of its name when its end tag may not be missing; itself included.
   */
  #depth = 0;

  get isWithin(): boolean {
    return this.#name !== null;
  }

  /** Whether the element that opens is left out. */
  open(name: string, hidden: boolean): boolean {
    if (this.#name !== null && !(this.#depth === 1 && this.#openEnded?.opens.has(name) === true)) {
      if (this.#counts(name)) this.#depth += 1;
      return true;
    }
    const isLeftOut = UNSEEN.has(name) || (hidden && !VOID.has(name));
    this.#name = isLeftOut ? name : null;
    if (!isLeftOut) return false;
    this.#openEnded = OPEN_ENDED[name];
    this.#depth = 1;
    return true;
  }

  /** Whether the end tag belongs to what is left out. */
  close(name: string): boolean {
    if (this.#name === null) return false;
    const own = name === this.#name;
    if (this.#depth === 1 && (own || this.#openEnded?.closes.has(name) === true)) {
      this.#name = null;
      return own;
    }
    if (this.#counts(name)) this.#depth -= 1;
    return true;
  }

  #counts(name: string): boolean {
    return this.#openEnded === undefined ? name === this.#name : this.#openEnded.within.has(name);
  }
}
