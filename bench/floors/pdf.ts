import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { init, type WrappedPdfiumModule } from "@embedpdf/pdfium";

/**
 * The extraction library alone: every page's text of a PDF in memory, without a process of its own, labels or limits.
 */
export class BarePdf {
  readonly #library: WrappedPdfiumModule;

  private constructor(library: WrappedPdfiumModule) {
    this.#library = library;
  }

  static async load(): Promise<BarePdf> {
    const wasm = readFileSync(createRequire(import.meta.url).resolve("@embedpdf/pdfium/pdfium.wasm"));
    const library = await init({ wasmBinary: new Uint8Array(wasm).buffer });
    library.PDFiumExt_Init();
    return new BarePdf(library);
  }

  /** Characters of all pages. */
  read(bytes: Uint8Array): number {
    const library = this.#library;
    const { malloc, free } = library.pdfium.wasmExports;
    const copy = malloc(bytes.length);
    heapOf(library).set(bytes, copy);
    const document = library.FPDF_LoadMemDocument(copy, bytes.length, "");
    let chars = 0;
    for (let index = 0; index < library.FPDF_GetPageCount(document); index++) {
      const page = library.FPDF_LoadPage(document, index);
      const text = library.FPDFText_LoadPage(page);
      const count = library.FPDFText_CountChars(text);
      const buffer = malloc((count * 2 + 1) * 2);
      const written = library.FPDFText_GetText(text, 0, count, buffer);
      chars += Buffer.from(heapOf(library).buffer, buffer, written * 2).toString("utf16le").length;
      free(buffer);
      library.FPDFText_ClosePage(text);
      library.FPDF_ClosePage(page);
    }
    library.FPDF_CloseDocument(document);
    free(copy);
    return chars;
  }
}

/** The library's typings leave it out. */
function heapOf({ pdfium }: WrappedPdfiumModule): Uint8Array {
  if ("HEAPU8" in pdfium && pdfium.HEAPU8 instanceof Uint8Array) return pdfium.HEAPU8;
  throw new Error("PDFium shows no memory");
}
