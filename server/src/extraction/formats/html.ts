import { Tokenizer } from "htmlparser2";
import type { PageText } from "./format.ts";
import { TextAllowance, TextBuilder } from "./text-builder.ts";

/** One page: HTML has no others. */
export function* readHtml(html: string): Generator<PageText> {
  yield { label: null, text: htmlText(html, new TextAllowance()).text, total: 1 };
}

export interface HtmlText {
  readonly text: string;
  /** Of `<title>`, or of the first heading when there is none; null when there is neither. */
  readonly title: string | null;
}

/**
 * The text of HTML as a reader sees it. Headings begin with `#`, blocks stand on lines of their own, cells of a row are parted
 * by a bar. Unlike "readability" extractors it drops no part of the page: what a customer uploaded must be findable.
 *
 * It works on the tokenizer's events and keeps no stack of open elements, so nesting costs nothing: htmlparser2's `Parser`
 * shifts its stack for every tag, and 200 000 nested elements took it 13 s. `xml`: XHTML, where `<script/>` is closed.
 */
export function htmlText(html: string, allowance: TextAllowance, xml = false): HtmlText {
  const walker = new HtmlWalker(allowance);
  let opened = "";
  const nameAt = (start: number, end: number) => {
    const name = html.slice(start, end).toLowerCase();
    return name.slice(name.indexOf(":") + 1);
  };
  const tokenizer = new Tokenizer(
    { xmlMode: xml, decodeEntities: true },
    {
      onopentagname: (start, end) => {
        opened = nameAt(start, end);
        walker.open(opened);
      },
      onselfclosingtag: () => {
        if (xml || opened === "svg") walker.close(opened);
      },
      onclosetag: (start, end) => walker.close(nameAt(start, end)),
      ontext: (start, end) => walker.text(html.slice(start, end)),
      ontextentity: (codePoint) => walker.text(String.fromCodePoint(codePoint)),
      oncdata: (start, end, endOffset) => walker.text(html.slice(start, end - endOffset)),
      ...IGNORED,
    },
  );
  tokenizer.write(html);
  tokenizer.end();
  return walker.result();
}

const IGNORED = {
  onattribdata: () => {},
  onattribentity: () => {},
  onattribend: () => {},
  onattribname: () => {},
  oncomment: () => {},
  ondeclaration: () => {},
  onend: () => {},
  onopentagend: () => {},
  onprocessinginstruction: () => {},
} as const;

const UNSEEN: ReadonlySet<string> = new Set(["script", "style", "noscript", "template", "svg", "iframe"]);
const HEADINGS: ReadonlySet<string> = new Set(["h1", "h2", "h3", "h4", "h5", "h6"]);
const CELLS: ReadonlySet<string> = new Set(["td", "th"]);
const PARAGRAPHS: ReadonlySet<string> = new Set([
  "p",
  "blockquote",
  "pre",
  "table",
  "ul",
  "ol",
  "dl",
  "hr",
  "figure",
  ...HEADINGS,
]);
const LINES: ReadonlySet<string> = new Set(
  (
    "address article aside body br caption center dd details dialog div dt fieldset figcaption footer form header hgroup html " +
    "legend li main menu nav option p section summary tbody tfoot thead title tr"
  ).split(" "),
);

class HtmlWalker {
  readonly #out: TextBuilder;
  #unseen: string | null = null;
  #unseenDepth = 0;
  #preDepth = 0;
  #capture: { readonly name: string; text: string } | null = null;
  #title: string | null = null;
  #heading: string | null = null;

  constructor(allowance: TextAllowance) {
    this.#out = new TextBuilder(allowance);
  }

  open(name: string): void {
    if (this.#unseen !== null) {
      if (name === this.#unseen) this.#unseenDepth += 1;
      return;
    }
    if (UNSEEN.has(name)) {
      this.#unseen = name;
      this.#unseenDepth = 1;
      return;
    }
    this.#break(name);
    if (name === "pre") this.#preDepth += 1;
    if (name === "title" || HEADINGS.has(name)) this.#capture = { name, text: "" };
    if (HEADINGS.has(name)) this.#out.inline(`${"#".repeat(Number(name.slice(1)))} `);
    if (name === "li") this.#out.inline("- ");
  }

  close(name: string): void {
    if (this.#unseen !== null) {
      if (name === this.#unseen) this.#unseenDepth -= 1;
      if (this.#unseenDepth === 0) this.#unseen = null;
      return;
    }
    if (name === "pre" && this.#preDepth > 0) this.#preDepth -= 1;
    if (name === this.#capture?.name) this.#keepCapture();
    this.#break(name);
  }

  text(text: string): void {
    if (this.#unseen !== null) return;
    if (this.#capture !== null && this.#capture.text.length < TITLE_CHARS)
      this.#capture.text += text.slice(0, CAPTURE_CHARS);
    if (this.#preDepth > 0) this.#out.verbatim(text);
    else this.#out.inline(text);
  }

  result(): HtmlText {
    return { text: this.#out.take(), title: this.#title ?? this.#heading };
  }

  #break(name: string): void {
    if (CELLS.has(name)) this.#out.cell();
    else if (PARAGRAPHS.has(name)) this.#out.paragraph();
    else if (LINES.has(name)) this.#out.line();
  }

  #keepCapture(): void {
    const text = this.#capture?.text.replace(/\s+/g, " ").trim().slice(0, TITLE_CHARS) ?? "";
    if (text !== "" && this.#capture?.name === "title") this.#title ??= text;
    else if (text !== "") this.#heading ??= text;
    this.#capture = null;
  }
}

const TITLE_CHARS = 200;
/** Of one piece of text: enough for a title and the white space around it. */
const CAPTURE_CHARS = 4096;
