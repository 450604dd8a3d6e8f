import { chunkPage } from "../chunking/chunk-page.ts";
import { LIMITS } from "../limits.ts";
import { titleTokenText, tokenText } from "../search-index/analyze.ts";
import type { ReceivedDocument } from "./child-io.ts";
import { DocumentFault, documentFault, ReaderTrap } from "./fault.ts";
import { isFindingName } from "./findings.ts";
import { FORMATS, type FormatInput, type PageText } from "./formats/format.ts";
import { readJson } from "./formats/json-text.ts";
import { readPlainText } from "./formats/plain-text.ts";
import { loadedOnce } from "./loaded-once.ts";
import { PageWarnings } from "./page-warnings.ts";
import { type ChildMessage, type ChunkRange, TOKEN_CHARS_TOGETHER } from "./protocol.ts";
import { Readability } from "./readability.ts";
import { type Sniffed, sniff } from "./sniff.ts";

/** `more`: others follow (child-io.ts). */
type Send = (message: ChildMessage, text?: string, more?: boolean) => void;

/**
 * The whole work on one document, inside the child: sniff, read page by page, clean, chunk, analyse, send.
 * Whatever the document does wrong is sent as a `fault`. `again: false` = the process has been left in an unknown
 * state and must end.
 */
export async function readDocument(document: ReceivedDocument, send: Send): Promise<{ readonly again: boolean }> {
  const { header, bytes } = document;
  try {
    const input = { bytes, filename: header.filename, declaredType: header.declaredType };
    const sniffed = await sniff(input);
    const titleTokens = titleTokenText(header.filename, header.title);
    send({ kind: "type", detected: FORMATS[sniffed.format], titleTokens }, "", true);
    const written = { chars: 0, hasText: false };
    const reading = new Readability();
    const warnings = new PageWarnings();
    let page = 0;
    for await (const found of await pagesOf(sniffed, input)) {
      page += 1;
      sendPage(found, page, written, send);
      send({ kind: "progress", done: page, total: found.total ?? null }, "", !header.pageByPage);
      warnings.add(page, [...(found.warnings ?? []), ...reading.judge(found)]);
    }
    if (!written.hasText) throw documentFault("empty_text");
    if (!reading.hasReadable) throw documentFault("garbled_text", reading.reason);
    const all = warnings.all();
    if (all.length > 0) send({ kind: "warnings", warnings: all }, "", true);
    return { again: true };
  } catch (error) {
    return { again: sendFault(error, send) };
  }
}

/** Each reader is loaded when a document needs it: a child that only sees text starts in half the time. */
const READERS = {
  pdf: loadedOnce(() => import("./formats/pdf.ts")),
  html: loadedOnce(() => import("./formats/html.ts")),
  docx: loadedOnce(() => import("./formats/docx.ts")),
  pptx: loadedOnce(() => import("./formats/pptx.ts")),
  xlsx: loadedOnce(() => import("./formats/xlsx.ts")),
  openDocument: loadedOnce(() => import("./formats/opendocument.ts")),
  flatDocument: loadedOnce(() => import("./formats/flat-opendocument.ts")),
  epub: loadedOnce(() => import("./formats/epub.ts")),
  rtf: loadedOnce(() => import("./formats/rtf.ts")),
  svg: loadedOnce(() => import("./formats/svg.ts")),
  eml: loadedOnce(() => import("./formats/eml.ts")),
  mbox: loadedOnce(() => import("./formats/mbox.ts")),
};

async function pagesOf(sniffed: Sniffed, input: FormatInput): Promise<AsyncIterable<PageText> | Iterable<PageText>> {
  const { bytes } = input;
  const { format, text = "", skippedBytes = 0, pack } = sniffed;
  switch (format) {
    case "pdf":
      return (await READERS.pdf()).readPdf(bytes);
    case "html":
      return (await READERS.html()).readHtml(text);
    case "json":
      return readJson(text);
    case "csv":
    case "markdown":
    case "text":
      return readPlainText(text);
    case "docx":
      return (await READERS.docx()).readDocx(required(pack));
    case "pptx":
      return (await READERS.pptx()).readPptx(required(pack));
    case "xlsx":
      return (await READERS.xlsx()).readXlsx(required(pack));
    case "odt":
    case "ods":
    case "odp":
      return (await READERS.openDocument()).readOpenDocument(
        pack ?? (await READERS.flatDocument()).flatOpenDocument(text),
        format,
      );
    case "epub":
      return (await READERS.epub()).readEpub(required(pack));
    case "rtf":
      return (await READERS.rtf()).readRtf(bytes.subarray(skippedBytes));
    case "svg":
      return (await READERS.svg()).readSvg(text);
    case "eml":
      return (await READERS.eml()).readEml(bytes, text);
    case "mbox":
      return (await READERS.mbox()).readMbox(bytes, text);
  }
}

function required<T>(part: T | undefined): T {
  if (part === undefined) throw new Error("sniffing did not open the package");
  return part;
}

function sendPage(found: PageText, page: number, written: { chars: number; hasText: boolean }, send: Send): void {
  const text = cleanText(found.text);
  written.chars += text.length;
  // Where the number is known, nothing is read before it is judged.
  if ((found.total ?? page) > LIMITS.extractedPages) {
    throw documentFault("too_complex", "many_pages");
  }
  if (written.chars > LIMITS.extractedChars) {
    throw documentFault("too_complex", "many_characters");
  }
  send({ kind: "page", page, label: found.label?.slice(0, LIMITS.pageLabelChars).toWellFormed() ?? null }, text, true);
  let batch: ChunkRange[] = [];
  let tokenChars = 0;
  for (const chunk of chunkPage(text)) {
    written.hasText = true;
    const tokens = tokenText(chunk.text);
    batch.push([chunk.charStart, chunk.charEnd, tokens]);
    tokenChars += tokens.length;
    if (batch.length === LIMITS.chunksPerWrite || tokenChars > TOKEN_CHARS_TOGETHER) {
      send({ kind: "chunks", ranges: batch }, "", true);
      batch = [];
      tokenChars = 0;
    }
  }
  if (batch.length > 0) send({ kind: "chunks", ranges: batch }, "", true);
}

/**
 * Line ends are LF, form feeds are line ends, other controls and noncharacters are gone (PDFium writes U+FFFE where it
 * joined a hyphenated word), lone surrogates are U+FFFD: so the text survives JSON, UTF-8 and every database with its
 * offsets intact.
 */
function cleanText(text: string): string {
  let clean = "";
  for (let at = 0; at < text.length; ) {
    const end = pieceEnd(text, at);
    clean += flat(cleanPiece(text.slice(at, end)));
    at = end;
  }
  return clean.trimEnd();
}

function cleanPiece(text: string): string {
  if (!UNCLEAN.test(text)) return text;
  return text
    .replace(/\r\n?|[\f\v\u2028\u2029]/g, "\n")
    .replace(/[\u0000-\u0008\u000e-\u001f\u007f\ufffe\uffff]/g, "")
    .toWellFormed();
}

/** Whatever the three steps might change. Most pages have none, and to look once takes a third of their time. */
const UNCLEAN = /[\u0000-\u0008\u000b-\u001f\u007f\u2028\u2029\ud800-\udfff\ufffe\uffff]/;

/**
 * V8 keeps an object for each match: in one piece, 24 MB of form feeds, or of short lines with CRLF, filled the heap.
 */
const PIECE_CHARS = 64 * 1024;

/** Never between CR and LF, nor within a surrogate pair. */
function pieceEnd(text: string, from: number): number {
  const end = from + PIECE_CHARS;
  return /[\r\ud800-\udbff]/.test(text.charAt(end - 1)) ? end - 1 : end;
}

/** V8 leaves what `replace` gives as a tree of its parts, 32 bytes each, until somebody looks at a character of it. */
function flat(text: string): string {
  text.charCodeAt(0);
  return text;
}

/** Returns whether the child is still fit to go on. */
function sendFault(error: unknown, send: Send): boolean {
  const { code, finding } = faultOf(error);
  send({ kind: "fault", code, finding }, "", true);
  return error instanceof DocumentFault;
}

function faultOf(error: unknown): DocumentFault {
  if (error instanceof DocumentFault) return error;
  if (error instanceof ReaderTrap) return error.fault;
  // A reader stumbled over what it did not expect. The file is what its owner can change, so it is called damaged,
  // with the place.
  const name = error instanceof Error && isFindingName(error.name) ? error.name : "Error";
  return documentFault("corrupt_file", "stumbled", name);
}
