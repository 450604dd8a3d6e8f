import { Tokenizer } from "htmlparser2";
import type { PageText } from "./format.ts";
import { LeftOut } from "./html-left-out.ts";
import { TextAllowance, TextBuilder } from "./text-builder.ts";

/** One page: HTML has no others. */
export function* readHtml(html: string): Generator<PageText> {
  yield { label: null, text: htmlText(html, new TextAllowance(), isXhtml(html)).text, total: 1 };
}

/** It says so at its start; browsers go by the media type, which uploads seldom have right. */
function isXhtml(html: string): boolean {
  const head = html.slice(0, 1024);
  return head.trimStart().startsWith("<?xml") || head.includes("http://www.w3.org/1999/xhtml");
}

export interface HtmlText {
  readonly text: string;
  /** Of `<title>`, or of the first heading when there is none; null when there is neither. */
  readonly title: string | null;
}

/**
 * The text of HTML as a reader sees it. Headings begin with `#`, blocks stand on lines of their own, cells of a row
 * are parted by a bar. Unlike "readability" extractors it drops no part of the page: what a customer uploaded must
 * be findable.
 *
 * It works on the tokenizer's events and keeps no stack of open elements, so nesting costs nothing: htmlparser2's
 * `Parser` shifts its stack for every tag, and 200 000 nested elements took it 13 s. `xhtml`: `<script/>` is closed.
 * Entities are HTML's in both.
 */
export function htmlText(html: string, allowance: TextAllowance, xhtml = false): HtmlText {
  const walker = new HtmlWalker(allowance);
  const nameAt = (start: number, end: number) => {
    const name = html.slice(start, end).toLowerCase();
    return name.slice(name.indexOf(":") + 1);
  };
  let opened = "";
  let attribute = "";
  let hidden = false;
  let style = "";
  const open = () => walker.open(opened, hidden || (style !== "" && HIDING.test(style)));
  const tokenizer = new Tokenizer(
    { xmlMode: false, decodeEntities: true, recognizeSelfClosing: xhtml },
    {
      ...IGNORED,
      onopentagname: (start, end) => {
        opened = nameAt(start, end);
        hidden = false;
        style = "";
      },
      onattribname: (start, end) => {
        // Most are neither, and told by their length.
        const length = end - start;
        attribute = length === "hidden".length || length === "style".length ? html.slice(start, end).toLowerCase() : "";
        if (attribute === "hidden") hidden = true;
      },
      onattribdata: (start, end) => {
        // `until-found` is there for whoever searches.
        if (attribute === "hidden" && html.slice(start, end).toLowerCase() === "until-found") hidden = false;
        if (attribute === "style") style += html.slice(start, Math.min(end, start + STYLE_CHARS));
      },
      onopentagend: open,
      onselfclosingtag: () => {
        open();
        if (xhtml || opened === "svg") walker.close(opened);
      },
      onclosetag: (start, end) => walker.close(nameAt(start, end)),
      ontext: (start, end) => walker.text(html.slice(start, end)),
      ontextentity: (codePoint) => walker.text(String.fromCodePoint(codePoint)),
      oncdata: (start, end, endOffset) => walker.text(html.slice(start, end - endOffset)),
    },
  );
  tokenizer.write(html);
  tokenizer.end();
  return walker.result();
}

const HIDING = /\bdisplay\s{0,9}:\s{0,9}none\b/i;
const STYLE_CHARS = 2000;

const IGNORED = {
  onattribentity: () => {},
  onattribend: () => {},
  oncomment: () => {},
  ondeclaration: () => {},
  onend: () => {},
  onprocessinginstruction: () => {},
} as const;

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
/**
 * What ends a row whose own end is missing; a table within a row, and a heading, tell that the outer table is a layout.
 */
const TABLE_PARTS: ReadonlySet<string> = new Set(["table", "tbody", "thead", "tfoot", "caption"]);

class HtmlWalker {
  readonly #out: TextBuilder;
  readonly #leftOut = new LeftOut();
  #preDepth = 0;
  #capture: { readonly name: string; text: string } | null = null;
  #title: string | null = null;
  #heading: string | null = null;

  constructor(allowance: TextAllowance) {
    this.#out = new TextBuilder(allowance);
  }

  open(name: string, hidden: boolean): void {
    const wasWithin = this.#leftOut.isWithin;
    const isLeftOut = this.#leftOut.open(name, hidden);
    // A hidden block still ends the line before it.
    if (!wasWithin || !isLeftOut) this.#break(name);
    if (isLeftOut) return;
    if (name === "tr") this.#out.row();
    if (CELLS.has(name)) this.#out.cell();
    if (name === "pre") this.#preDepth += 1;
    if (name === "title" || HEADINGS.has(name)) this.#capture = { name, text: "" };
    if (HEADINGS.has(name)) this.#out.inline(`${"#".repeat(Number(name.slice(1)))} `);
    if (name === "li") this.#out.inline("- ");
  }

  close(name: string): void {
    if (this.#leftOut.close(name)) return;
    if (name === "pre" && this.#preDepth > 0) this.#preDepth -= 1;
    if (name === this.#capture?.name) this.#keepCapture();
    this.#break(name);
  }

  text(text: string): void {
    if (this.#leftOut.isWithin) return;
    if (this.#capture !== null && this.#capture.text.length < TITLE_CHARS)
      this.#capture.text += text.slice(0, CAPTURE_CHARS);
    if (this.#preDepth > 0) this.#out.verbatim(text);
    else this.#out.inline(text);
  }

  result(): HtmlText {
    return { text: this.#out.take(), title: this.#title ?? this.#heading };
  }

  #break(name: string): void {
    if (name === "tr" || TABLE_PARTS.has(name) || HEADINGS.has(name)) this.#out.endRow();
    if (PARAGRAPHS.has(name)) this.#out.paragraph();
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
