import { init, type WrappedPdfiumModule } from "@embedpdf/pdfium";
import { charactersOf, lettersOf, placeOf } from "./letters.ts";
import type { DrawAnswer, DrawRequest, Mark, Wanted } from "./messages.ts";

/**
 * Draws pages of PDFs: the same PDFium that the server reads them with, in a worker under a policy of its own. It has
 * the file's bytes and nothing else: no cookie it could read, no document, no eval. A file that hangs or breaks it
 * ends a worker, not the page (reader.ts).
 */

interface OpenFile {
  readonly fileId: string;
  readonly document: number;
  readonly memory: number;
}

let library: Promise<WrappedPdfiumModule> | null = null;
let open: OpenFile | null = null;

addEventListener("message", (event: MessageEvent<DrawRequest>) => {
  const { id } = event.data;
  draw(event.data).then(
    (answer) => postMessage(answer, { transfer: "pixels" in answer ? [answer.pixels] : [] }),
    (error: unknown) => postMessage({ id, says: error instanceof Error ? error.message : String(error) }),
  );
});

async function load(): Promise<WrappedPdfiumModule> {
  const answer = await fetch(new URL("pdfium.wasm", import.meta.url));
  if (!answer.ok) throw new Error("The part that draws PDFs did not come. Load the page again.");
  const loaded = await init({ wasmBinary: await answer.arrayBuffer() });
  loaded.PDFiumExt_Init();
  return loaded;
}

async function draw(request: DrawRequest): Promise<DrawAnswer> {
  library ??= load();
  const pdfium = await library.catch((error: unknown) => {
    library = null;
    throw error;
  });
  const document = openDocument(pdfium, request);
  const page = pdfium.FPDF_LoadPage(document, request.page - 1);
  if (page === 0)
    throw new Error("This page of the PDF is damaged and cannot be drawn. Its text may be there all the same.");
  try {
    const size = sizeOf(pdfium, page, request.width);
    return {
      id: request.id,
      ...size,
      pixels: pixelsOf(pdfium, page, size),
      pages: pdfium.FPDF_GetPageCount(document),
      marks: request.find === null ? [] : marksOf(pdfium, page, request.find),
    };
  } finally {
    pdfium.FPDF_ClosePage(page);
  }
}

function openDocument(pdfium: WrappedPdfiumModule, { fileId, bytes }: DrawRequest): number {
  if (open?.fileId === fileId) return open.document;
  if (bytes === null) throw new Error("The file is not here.");
  if (open !== null) {
    pdfium.FPDF_CloseDocument(open.document);
    pdfium.pdfium.wasmExports.free(open.memory);
    open = null;
  }
  const memory = pdfium.pdfium.wasmExports.malloc(bytes.byteLength);
  heapOf(pdfium).set(new Uint8Array(bytes), memory);
  const document = pdfium.FPDF_LoadMemDocument(memory, bytes.byteLength, "");
  if (document === 0) {
    pdfium.pdfium.wasmExports.free(memory);
    throw new Error("This PDF cannot be drawn: it is damaged, or protected with a password.");
  }
  open = { fileId, document, memory };
  return document;
}

/** 16 million pixels are 64 MB: no page needs more to be read. */
const MOST_PIXELS = 16_000_000;

function sizeOf(pdfium: WrappedPdfiumModule, page: number, wanted: number) {
  const [pageWidth, pageHeight] = [pdfium.FPDF_GetPageWidthF(page), pdfium.FPDF_GetPageHeightF(page)];
  if (!(pageWidth > 0) || !(pageHeight > 0)) throw new Error("This page of the PDF has no size.");
  const scale = Math.min(wanted / pageWidth, Math.sqrt(MOST_PIXELS / (pageWidth * pageHeight)));
  return { width: Math.max(1, Math.floor(pageWidth * scale)), height: Math.max(1, Math.floor(pageHeight * scale)) };
}

const WHITE = 0xffffffff;
/** FPDF_ANNOT: notes and stamps too. FPDF_REVERSE_BYTE_ORDER: red first, as a canvas wants it. */
const FLAGS = 0x01 | 0x10;

function pixelsOf(pdfium: WrappedPdfiumModule, page: number, { width, height }: { width: number; height: number }) {
  const bitmap = pdfium.FPDFBitmap_Create(width, height, 1);
  if (bitmap === 0) throw new Error("There is too little memory to draw this page.");
  try {
    pdfium.FPDFBitmap_FillRect(bitmap, 0, 0, width, height, WHITE);
    pdfium.FPDF_RenderPageBitmap(bitmap, page, 0, 0, width, height, 0, FLAGS);
    const at = pdfium.FPDFBitmap_GetBuffer(bitmap);
    return heapOf(pdfium).slice(at, at + width * height * 4).buffer;
  } finally {
    pdfium.FPDFBitmap_Destroy(bitmap);
  }
}

/** The passage, line by line, and the words of the question in it. */
function marksOf(pdfium: WrappedPdfiumModule, page: number, { before, text, words }: Wanted): readonly Mark[] {
  const textPage = pdfium.FPDFText_LoadPage(page);
  if (textPage === 0) return [];
  try {
    const letters = lettersOf(charactersOn(pdfium, textPage));
    const wanted = lettersOf(charactersOf(text));
    const begin = lettersOf(charactersOf(before)).text.length;
    const passage = placeOf(letters, wanted.text, begin);
    const marks = passage === null ? [] : rectsOf(pdfium, page, textPage, passage, false);
    for (const [start, end] of words) {
      const word = lettersOf(charactersOf(text.slice(start, end))).text;
      const at = begin + lettersOf(charactersOf(text.slice(0, start))).text.length;
      const place = placeOf(letters, word, at);
      if (place !== null) marks.push(...rectsOf(pdfium, page, textPage, place, true));
    }
    return marks;
  } finally {
    pdfium.FPDFText_ClosePage(textPage);
  }
}

function* charactersOn(pdfium: WrappedPdfiumModule, textPage: number): Generator<readonly [number, string]> {
  const count = pdfium.FPDFText_CountChars(textPage);
  for (let index = 0; index < count; index++) {
    const point = pdfium.FPDFText_GetUnicode(textPage, index);
    if (point > 0 && point <= 0x10ffff && !(point >= 0xd800 && point <= 0xdfff))
      yield [index, String.fromCodePoint(point)];
  }
}

function rectsOf(
  pdfium: WrappedPdfiumModule,
  page: number,
  textPage: number,
  [first, last]: readonly [number, number],
  isWord: boolean,
): Mark[] {
  const marks: Mark[] = [];
  const scratch = pdfium.pdfium.wasmExports.malloc(40);
  const read = (offset: number) => pdfium.pdfium.getValue(scratch + offset, "double");
  const count = pdfium.FPDFText_CountRects(textPage, first, last - first + 1);
  for (let i = 0; i < count; i++) {
    if (!pdfium.FPDFText_GetRect(textPage, i, scratch, scratch + 8, scratch + 16, scratch + 24)) continue;
    const corners = [
      onPage(pdfium, page, scratch + 32, read(0), read(8)),
      onPage(pdfium, page, scratch + 32, read(16), read(24)),
    ];
    const [xs, ys] = [corners.map(([x]) => x), corners.map(([, y]) => y)];
    const [left, top] = [Math.min(...xs), Math.min(...ys)];
    const [right, bottom] = [Math.max(...xs), Math.max(...ys)];
    // Printers' marks stand outside of what a page shows.
    if (right <= 0 || bottom <= 0 || left >= 1 || top >= 1) continue;
    marks.push({ left, top, width: right - left, height: bottom - top, isWord });
  }
  pdfium.pdfium.wasmExports.free(scratch);
  return marks;
}

const GRID = 10_000;

/** A point of the page as shares of what is drawn; PDFium knows of rotation and boxes. */
function onPage(
  pdfium: WrappedPdfiumModule,
  page: number,
  at: number,
  x: number,
  y: number,
): readonly [number, number] {
  pdfium.FPDF_PageToDevice(page, 0, 0, GRID, GRID, 0, x, y, at, at + 4);
  return [pdfium.pdfium.getValue(at, "i32") / GRID, pdfium.pdfium.getValue(at + 4, "i32") / GRID];
}

/** The library's typings leave it out. Memory that grew is a new array: never kept over a call. */
function heapOf({ pdfium }: WrappedPdfiumModule): Uint8Array<ArrayBuffer> {
  if ("HEAPU8" in pdfium && pdfium.HEAPU8 instanceof Uint8Array && pdfium.HEAPU8.buffer instanceof ArrayBuffer)
    return new Uint8Array(pdfium.HEAPU8.buffer);
  throw new Error("PDFium shows no memory");
}
