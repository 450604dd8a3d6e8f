import { init, type WrappedPdfiumModule } from "@embedpdf/pdfium";
import { LIMITS } from "../../limits.ts";
import { DocumentFault, documentFault, ReaderTrap } from "../fault.ts";
import type { PageText } from "./format.ts";
import { languageScore } from "./garbled.ts";
import { capWasmMemory } from "./wasm-memory.ts";

// Not imported: launch.mjs says why.
const { readFileSync } = process.getBuiltinModule("node:fs");
const { createRequire } = process.getBuiltinModule("node:module");

/**
 * Reads a PDF with PDFium (WASM), a page at a time: label and text in PDFium's reading order. Objects are closed page
 * by page. A page that cannot be loaded is an empty page, so that one bad page loses neither the others nor their
 * numbers. After a trap the instance is in an unknown state: ReaderTrap tells the child to end.
 */
export async function* readPdf(bytes: Buffer): AsyncGenerator<PageText> {
  const memoryBytes = bytes.length > LIMITS.pdfSmallBytes ? LIMITS.pdfMemoryBytes : LIMITS.pdfSmallMemoryBytes;
  const library = await pdfium(memoryBytes);
  let document: OpenDocument | null = null;
  try {
    document = openDocument(library, bytes);
    const total = library.FPDF_GetPageCount(document.handle);
    const seen = { text: false, images: false, language: false };
    for (let page = 0; page < total; page++) {
      const found = readPage(library, document.handle, page, seen);
      yield { label: pageLabel(library, document.handle, page), ...found, total };
    }
    if (!seen.text) throw noText(total, seen.images);
  } catch (error) {
    if (error instanceof DocumentFault) throw error;
    document = null;
    throw error instanceof ReaderTrap ? error : trapped(library, memoryBytes);
  } finally {
    document?.close();
  }
}

function noText(total: number, images: boolean): Error {
  if (total === 1) return documentFault("empty_text", images ? "scan_page" : "no_text_page");
  return documentFault("empty_text", images ? "scan_pages" : "no_text_pages");
}

const instances = new Map<number, Promise<WrappedPdfiumModule>>();

/**
 * An instance for the child's life, whose memory may grow to `memoryBytes` and not to the 2 GB that the module asks
 * for. There are two: one for small files, one for the others. What a page needs grows with its bytes, except for a
 * bomb's: 712 bytes filled 512 MiB in 3.7 s of processor time, and fill the small instance in 1.2 s. No honest file of
 * up to limits.pdfSmallBytes that was tried let the memory grow beyond its first size; 400 000 lines in a file of 1.5
 * MB took 97 MiB. A bomb that is padded beyond that still meets limits.pdfMemoryBytes.
 */
function pdfium(memoryBytes: number): Promise<WrappedPdfiumModule> {
  const known = instances.get(memoryBytes);
  if (known !== undefined) return known;
  const loading = loadPdfium(memoryBytes);
  instances.set(memoryBytes, loading);
  return loading;
}

async function loadPdfium(memoryBytes: number): Promise<WrappedPdfiumModule> {
  const path = createRequire(import.meta.url).resolve("@embedpdf/pdfium/pdfium.wasm");
  const wasm = capWasmMemory(readFileSync(path), memoryBytes);
  const library = await init({ wasmBinary: wasm.buffer });
  library.PDFiumExt_Init();
  return library;
}

interface OpenDocument {
  readonly handle: number;
  close(): void;
}

/** FPDF_GetLastError: the file needs a password, or another security handler. */
const PASSWORD = 4;
const SECURITY = 5;

/** PDFium reads from the copy for as long as the document is open. */
function openDocument(library: WrappedPdfiumModule, bytes: Buffer): OpenDocument {
  const copy = allocate(library, bytes.length);
  heapOf(library).set(bytes, copy);
  const handle = library.FPDF_LoadMemDocument(copy, bytes.length, "");
  if (handle === 0) {
    const code = library.FPDF_GetLastError();
    library.pdfium.wasmExports.free(copy);
    throw documentFault(code === PASSWORD || code === SECURITY ? "encrypted_file" : "corrupt_file");
  }
  return {
    handle,
    close: () => {
      library.FPDF_CloseDocument(handle);
      library.pdfium.wasmExports.free(copy);
    },
  };
}

interface Seen {
  text: boolean;
  images: boolean;
  /** A page read as a language: the fonts of the document say which characters they draw. */
  language: boolean;
}

function readPage(library: WrappedPdfiumModule, document: number, index: number, seen: Seen): Omit<PageText, "label"> {
  const page = library.FPDF_LoadPage(document, index);
  if (page === 0) return { text: "", warnings: [{ code: "empty_page", finding: "damaged_page" }] };
  const textPage = library.FPDFText_LoadPage(page);
  const text = textPage === 0 ? "" : allText(library, textPage);
  const unreadable = textPage !== 0 && isUnreadable(library, textPage, text, seen);
  if (textPage !== 0) library.FPDFText_ClosePage(textPage);
  const blank = text.trim() === "";
  if (!blank) seen.text = true;
  const isPicture = blank && holdsImage(library, page);
  if (isPicture) seen.images = true;
  library.FPDF_ClosePage(page);
  if (unreadable) return { text, unreadable: "fonts_without_characters" };
  return isPicture ? { text, warnings: [PICTURE] } : { text };
}

const PICTURE = { code: "empty_page", finding: "picture_page" } as const;

/** Characters of a page that are asked for their mapping: each question crosses into WebAssembly. */
const ASKED = 24;
/** From this share on it is looked at as a text … */
const DOUBTFUL_SHARE = 0.05;
/** … and from this on it is none, whatever it looks like. */
const LOST_SHARE = 0.3;
/** languageScore: of a page that there are doubts about, and of one without. */
const DOUBTFUL_SCORE = -4.3;
const EXCHANGED_SCORE = -4.85;

/**
 * A font without a mapping from its glyphs to characters gives their numbers: controls, private characters, or other
 * letters than those that it draws. PDFium tells where it guessed, and often guesses right; so the text decides.
 */
function isUnreadable(library: WrappedPdfiumModule, textPage: number, text: string, seen: Seen): boolean {
  if (text.length === 0) return false;
  const lost = (text.slice(0, LOST_SAMPLE_CHARS).match(LOST)?.length ?? 0) / Math.min(text.length, LOST_SAMPLE_CHARS);
  if (lost >= LOST_SHARE) return true;
  const doubtful = lost >= DOUBTFUL_SHARE || guessedShare(library, textPage) >= DOUBTFUL_SHARE;
  if (!doubtful && seen.language) return false;
  const score = languageScore(text, doubtful);
  if (score !== null && score > DOUBTFUL_SCORE) seen.language = true;
  return doubtful ? score !== null && score <= DOUBTFUL_SCORE : score !== null && score <= EXCHANGED_SCORE;
}

const LOST_SAMPLE_CHARS = 2 * 1024;
/** PDFium writes U+FFFE for a hyphen at a line's end. */
const LOST = /[\u0001-\u0008\u000e-\u001f\u0080-\u009f\ufffd\uffff\p{Co}]/gu;

function guessedShare(library: WrappedPdfiumModule, textPage: number): number {
  const count = library.FPDFText_CountChars(textPage);
  const step = Math.max(1, Math.floor(count / ASKED));
  let asked = 0;
  let guessed = 0;
  for (let at = 0; at < count && asked < ASKED; at += step) {
    asked += 1;
    if (library.FPDFText_HasUnicodeMapError(textPage, at) === 1) guessed += 1;
  }
  return asked === 0 ? 0 : guessed / asked;
}

function allText(library: WrappedPdfiumModule, textPage: number): string {
  const count = library.FPDFText_CountChars(textPage);
  if (count <= 0) return "";
  if (count > LIMITS.extractedChars) throw documentFault("too_complex", "page_characters");
  // One unit more for the closing zero; a character beyond the BMP takes two.
  return readUtf16(library, (count * 2 + 1) * 2, (buffer) => library.FPDFText_GetText(textPage, 0, count, buffer) * 2);
}

function pageLabel(library: WrappedPdfiumModule, document: number, index: number): string | null {
  const size = library.FPDF_GetPageLabel(document, index, 0, 0);
  if (size <= 2 || size > LABEL_MAX_BYTES) return null;
  const label = readUtf16(library, size, (buffer) => library.FPDF_GetPageLabel(document, index, buffer, size)).trim();
  return label === "" ? null : label;
}

const LABEL_MAX_BYTES = 400;

/** Lets PDFium fill a buffer with UTF-16 and a closing zero; `fill` returns how many bytes it wrote. */
function readUtf16(library: WrappedPdfiumModule, sizeBytes: number, fill: (buffer: number) => number): string {
  const buffer = allocate(library, sizeBytes);
  const written = Math.min(fill(buffer), sizeBytes);
  const text = Buffer.from(heapOf(library).buffer, buffer, Math.max(0, written - 2)).toString("utf16le");
  library.pdfium.wasmExports.free(buffer);
  return text;
}

const IMAGE_OBJECT = 3;
/** A page with more drawings than this before its first image is no scan. */
const OBJECTS_LOOKED_AT = 1000;

function holdsImage(library: WrappedPdfiumModule, page: number): boolean {
  const count = Math.min(library.FPDFPage_CountObjects(page), OBJECTS_LOOKED_AT);
  for (let index = 0; index < count; index++) {
    if (library.FPDFPageObj_GetType(library.FPDFPage_GetObject(page, index)) === IMAGE_OBJECT) return true;
  }
  return false;
}

function allocate(library: WrappedPdfiumModule, sizeBytes: number): number {
  const pointer = library.pdfium.wasmExports.malloc(sizeBytes);
  if (pointer === 0) throw new ReaderTrap(documentFault("extraction_memory", "pdf_memory"));
  return pointer;
}

/** The library's typings leave it out. Memory that grew is a new array: never kept over a call. */
function heapOf({ pdfium }: WrappedPdfiumModule): Uint8Array {
  if ("HEAPU8" in pdfium && pdfium.HEAPU8 instanceof Uint8Array) return pdfium.HEAPU8;
  throw new Error("PDFium shows no memory");
}

/** PDFium ends with a trap when it cannot allocate, and on an inner assertion; the size of its memory tells which. */
function trapped(library: WrappedPdfiumModule, memoryBytes: number): ReaderTrap {
  const full = heapOf(library).length > memoryBytes * 0.75;
  return new ReaderTrap(documentFault(full ? "extraction_memory" : "too_complex", "reader_trapped"));
}
