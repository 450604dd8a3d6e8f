import { decodeHTMLStrict } from "entities";
import { documentFault } from "../fault.ts";
import { type Book, readBook } from "./epub-book.ts";
import type { PageText } from "./format.ts";
import { htmlText } from "./html.ts";
import type { Package } from "./package.ts";
import { TextAllowance } from "./text-builder.ts";

/**
 * Reads a book: a page is an item of its spine (usually a chapter), labelled as the table of contents calls it, or with
 * a title or a heading of its own.
 */
export async function* readEpub(pack: Package): AsyncGenerator<PageText> {
  const allowance = new TextAllowance();
  const book = await readBook(pack);
  if (book === null) throw documentFault("corrupt_file", "parts_table_missing");
  const titles = new Titles(book);
  for (const part of book.spine) {
    const html = withCharacters((await pack.text(part)) ?? "");
    const { text, title } = htmlText(html, allowance, true);
    yield { label: titles.of(part, title, text), text, total: book.spine.length };
  }
}

/** XHTML has the named characters of HTML (`&eacute;`) from its DTD; XML by itself, and so its parser, has five. */
function withCharacters(html: string): string {
  return html.replace(/&([A-Za-z][A-Za-z0-9]{1,31});/g, (entity, name: string) =>
    OF_XML.has(name) ? entity : decodeHTMLStrict(entity),
  );
}

/** … in the ways that HTML lets them be written: as characters they would be markup. */
const OF_XML: ReadonlySet<string> = new Set(["amp", "lt", "gt", "quot", "apos", "AMP", "LT", "GT", "QUOT"]);

class Titles {
  readonly #book: Book;
  readonly #given = new Set<string>();

  constructor(book: Book) {
    this.#book = book;
    if (book.title !== null) this.#given.add(book.title);
  }

  /**
   * Programs write the book's title, or the same words, into the `<title>` of each chapter: then a place in it or its
   * heading tells it from the others.
   */
  of(part: string, title: string | null, text: string): string | null {
    const { contents, places } = this.#book;
    const says = title === null || this.#given.has(title) ? null : title;
    if (says !== null) this.#given.add(says);
    return contents.get(part) ?? says ?? places.get(part) ?? headingOf(text) ?? title;
  }
}

const HEADING_WITHIN_CHARS = 4096;
const LABEL_CHARS = 200;

function headingOf(text: string): string | null {
  return /^#{1,6} (.+)$/m.exec(text.slice(0, HEADING_WITHIN_CHARS))?.[1]?.slice(0, LABEL_CHARS) ?? null;
}
