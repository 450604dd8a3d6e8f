import { cutToBytes } from "./json.ts";
import { MCP_LIMITS } from "./limits.ts";

/**
 * A piece of one page's text. Places are UTF-16 code units of the page's text, as searches name them; `to` is
 * exclusive.
 */
export interface PageText {
  readonly label: string | null;
  readonly from: number;
  readonly to: number;
  readonly text: string;
  /** Whether the page goes on behind it. */
  readonly more: boolean;
}

/** What an answer of `GET …/text?page=n` has before the text. Within a string its quotes would be escaped. */
const TEXT_BEGINS = '"text":"';

/**
 * Reads one page's text out of `GET /v1/knowledge/files/{id}/text?page=n` as it comes, from a place on and for as
 * long as it fits. A page may be a whole book of 30 MB (a text file has one page), and none of it is kept but the
 * piece; nothing behind it is read.
 */
export async function readPageText(
  answer: AsyncIterable<Uint8Array>,
  { from, maxBytes }: { readonly from: number; readonly maxBytes: number },
): Promise<PageText> {
  const decoder = new TextDecoder();
  let head = "";
  let scan: JsonStringScan | null = null;
  for await (const chunk of answer) {
    const text = decoder.decode(chunk, { stream: true });
    if (scan !== null) scan.push(text);
    else {
      head += text;
      const begins = head.indexOf(TEXT_BEGINS);
      if (begins === -1 && head.length > MCP_LIMITS.pageHeadBytes) break;
      if (begins === -1) continue;
      scan = new JsonStringScan(from, maxBytes);
      scan.push(head.slice(begins + TEXT_BEGINS.length));
      head = head.slice(0, begins);
    }
    if (scan.isDone) break;
  }
  if (scan === null) throw new Error("the answer holds no page's text");
  return { label: labelIn(head), ...scan.found() };
}

/** `…"pages":[{"page":3,"label":"Summary",` */
function labelIn(head: string): string | null {
  const page: unknown = JSON.parse(`${head.slice(head.lastIndexOf('{"page":'))}"text":""}`);
  if (typeof page !== "object" || page === null || !("label" in page)) return null;
  return typeof page.label === "string" ? page.label : null;
}

/** What stands between two quotes of JSON, from a place on, at most so much that it fits into `maxBytes` as JSON. */
class JsonStringScan {
  readonly #from: number;
  readonly #maxBytes: number;
  /** The place of the next code unit. */
  #place = 0;
  #kept = "";
  /** The beginning of an escape whose rest has not come. */
  #half = "";
  #ended = false;

  constructor(from: number, maxBytes: number) {
    this.#from = from;
    this.#maxBytes = maxBytes;
  }

  get isDone(): boolean {
    // Each code unit takes a byte or more.
    return this.#ended || this.#kept.length > this.#maxBytes;
  }

  push(piece: string): void {
    const text = this.#half + piece;
    this.#half = "";
    for (let at = 0; at < text.length && !this.isDone; ) {
      const special = endOfPlain(text, at);
      this.#take(text.slice(at, special));
      if (special === text.length) return;
      if (text[special] === '"') {
        this.#ended = true;
        return;
      }
      const end = special + (text[special + 1] === "u" ? 6 : 2);
      if (end > text.length) {
        this.#half = text.slice(special);
        return;
      }
      this.#take(String(JSON.parse(`"${text.slice(special, end)}"`)));
      at = end;
    }
  }

  found(): Omit<PageText, "label"> {
    // A place in the middle of a character is the one behind it.
    const kept = /^[\udc00-\udfff]/.test(this.#kept) ? this.#kept.slice(1) : this.#kept;
    const from = Math.min(this.#from, this.#place) + this.#kept.length - kept.length;
    const text = cutToBytes(kept, this.#maxBytes);
    return { from, to: from + text.length, text, more: !this.#ended || text.length < kept.length };
  }

  #take(units: string): void {
    const known = Math.max(0, this.#from - this.#place);
    this.#place += units.length;
    if (known < units.length) this.#kept += units.slice(known, known + this.#maxBytes + 1);
  }
}

const QUOTE_OR_ESCAPE = /["\\]/g;

/** Where the next quote or escape stands, or the text ends. */
function endOfPlain(text: string, at: number): number {
  QUOTE_OR_ESCAPE.lastIndex = at;
  return QUOTE_OR_ESCAPE.exec(text)?.index ?? text.length;
}
