import type { FileWarning } from "../errors.ts";
import { LIMITS } from "../limits.ts";
import { shownType } from "./declared-type.ts";
import type { AnalysedChunk, ExtractedPage, ExtractionEvent, ExtractionFault } from "./extractor.ts";
import { permanentFault } from "./fault.ts";
import { type Finding, type ReaderFaultCode, sayFault, sayWarning } from "./findings.ts";
import { FORMATS } from "./formats/format.ts";
import { type ChunkRange, type Frame, ProtocolError, type SaidWarning } from "./protocol.ts";

/**
 * What one reader says of one document, believed as far as it can be checked: a reader that was taken over may say
 * anything. Order, numbers and sums are held to what the product's own reader can give; whatever is beyond throws
 * ProtocolError.
 */
export class ReaderAnswer {
  page: ExtractedPage | null = null;
  /** What the document did wrong, as its reader tells it; it counts when the reader is done. */
  fault: ExtractionFault | null = null;
  readonly #declaredType: string;
  #typed = false;
  #warned = false;
  #chars = 0;
  #progress = 0;
  #chunkStart = -1;
  /** Of the page that came last. */
  #chunks = 0;
  #chunkChars = 0;

  constructor(declaredType: string) {
    this.#declaredType = declaredType;
  }

  /** How many pages have come. */
  get pages(): number {
    return this.page?.page ?? 0;
  }

  /** What the consumer gets of a frame; null for what is not for it. */
  eventOf({ message, text }: Frame): ExtractionEvent | null {
    if (this.fault !== null && message.kind !== "done") throw new ProtocolError("something behind the fault");
    switch (message.kind) {
      case "type":
        return this.#typeOf(message.detected, message.titleTokens);
      case "page":
        return { kind: "page", page: this.#nextPage(message.page, message.label, text) };
      case "chunks":
        if (message.ranges.length === 0) throw new ProtocolError("chunks without a chunk");
        return { kind: "chunks", chunks: message.ranges.map((range) => this.#chunkOf(range)) };
      case "progress":
        return this.#progressOf(message.done, message.total);
      case "warnings":
        return { kind: "warnings", warnings: this.#ofReadPages(message.warnings) };
      case "fault":
        this.fault = this.#faultOf(message.code, message.finding);
        return null;
      case "done":
        if (!this.#typed && this.fault === null) throw new ProtocolError("neither a type nor a fault");
        return null;
      case "ready":
        throw new ProtocolError("ready in the middle of a document");
    }
  }

  #typeOf(detected: string, titleTokens: string): ExtractionEvent {
    if (this.#typed || !KNOWN_TYPES.has(detected)) throw new ProtocolError("no type of ours, or a second one");
    if (titleTokens.length > MAX_TITLE_TOKENS_CHARS || !isClean(titleTokens))
      throw new ProtocolError("no title's tokens");
    this.#typed = true;
    return { kind: "type", detected, titleTokens };
  }

  #nextPage(page: number, label: string | null, text: string): ExtractedPage {
    if (!this.#typed || this.#warned) throw new ProtocolError("a page before the type, or behind the warnings");
    this.#chars += text.length;
    if (page !== this.pages + 1) throw new ProtocolError("pages out of order");
    if (page > LIMITS.extractedPages || this.#chars > LIMITS.extractedChars) throw new ProtocolError("too much text");
    if (label !== null && (label.length > LIMITS.pageLabelChars || !label.isWellFormed()))
      throw new ProtocolError("no label of a page");
    this.page = { page, label, text };
    this.#chunkStart = -1;
    this.#chunks = 0;
    this.#chunkChars = 0;
    return this.page;
  }

  /** Once a page, when it has come. */
  #progressOf(done: number, total: number | null): ExtractionEvent {
    if (done !== this.pages || done === this.#progress) throw new ProtocolError("progress without a page");
    if (total !== null && (total < done || total > LIMITS.extractedPages))
      throw new ProtocolError("no number of pages");
    this.#progress = done;
    return { kind: "progress", done, total };
  }

  /** The reader sends ranges only; the text is cut here, out of the page that came before. */
  #chunkOf([charStart, charEnd, tokens]: ChunkRange): AnalysedChunk {
    const { page } = this;
    const chars = charEnd - charStart;
    if (this.#warned) throw new ProtocolError("a chunk behind the warnings");
    if (page === null || chars <= 0 || charEnd > page.text.length || chars > LIMITS.chunkMaxChars)
      throw new ProtocolError("a chunk outside its page");
    this.#chunks += 1;
    this.#chunkChars += chars;
    // Chunks overlap by a sixth; twice the page is more than they ever are.
    if (charStart <= this.#chunkStart || this.#chunkChars > 2 * page.text.length + LIMITS.chunkMaxChars)
      throw new ProtocolError("chunks out of order, or more than the page has");
    if (this.#chunks > MAX_CHUNKS_OF_FEW_CHARS + page.text.length / MIN_CHARS_PER_CHUNK)
      throw new ProtocolError("more chunks than the page has");
    if (tokens.length > MAX_TOKEN_CHARS_PER_CHAR * chars + LIMITS.chunkMaxChars || !isClean(tokens))
      throw new ProtocolError("more tokens than the chunk has words");
    this.#chunkStart = charStart;
    return { page: page.page, charStart, charEnd, text: page.text.slice(charStart, charEnd), tokens };
  }

  /** Once, and of pages that have come, each once and in order. The words are ours. */
  #ofReadPages(warnings: readonly SaidWarning[]): readonly FileWarning[] {
    if (!this.#typed || this.#warned) throw new ProtocolError("warnings before the type, or twice");
    this.#warned = true;
    return warnings.map(({ code, finding, pages }) => {
      const message = sayWarning(code, finding);
      if (message === null) throw new ProtocolError("no warning of ours");
      for (const [index, page] of pages.entries())
        if (page <= (pages[index - 1] ?? 0) || page > this.pages) throw new ProtocolError("a warning of no page");
      return { code, message, pages };
    });
  }

  /** The words are ours here as well: the reader only says which. */
  #faultOf(code: ReaderFaultCode, finding: Finding | null): ExtractionFault {
    if (finding === null) return permanentFault(code, null);
    const detail = sayFault(code, finding, { pages: this.pages, type: shownType(this.#declaredType) });
    if (detail === null) throw new ProtocolError("no fault of ours");
    return permanentFault(code, detail);
  }
}

const KNOWN_TYPES: ReadonlySet<string> = new Set(Object.values(FORMATS));

/** Of a file's name and title together, analysed. */
const MAX_TITLE_TOKENS_CHARS = 16 * (LIMITS.filenameChars + LIMITS.titleChars);
/**
 * A character of Chinese gives four (two pairs, spaces); one letter of Arabic is spelled out in eighteen, and with dots
 * between in fifty for each two.
 */
const MAX_TOKEN_CHARS_PER_CHAR = 32;

/**
 * They are of some 1 200, and a page's last one may be of one. Where white space fills more than a chunk, up to ten end
 * before it, each half as long as the one before (chunking/chunk-page.ts).
 */
const MIN_CHARS_PER_CHUNK = 50;
const MAX_CHUNKS_OF_FEW_CHARS = 16;

function isClean(tokens: string): boolean {
  return tokens.isWellFormed() && !tokens.includes("\0");
}
