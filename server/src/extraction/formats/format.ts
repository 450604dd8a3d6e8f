import type { FileWarningCode } from "../../errors.ts";
import type { WarningFinding } from "../findings.ts";

/**
 * One page as its reader found it; read-document.ts numbers, cleans, chunks and sends it. A reader yields one page
 * after another and keeps none that it has yielded. It throws DocumentFault for what is wrong with the document, and
 * anything else only for a defect of ours.
 */
export interface PageText {
  /** The page's own name, or null. */
  readonly label: string | null;
  readonly text: string;
  /** How many pages there will be, when the reader knows. */
  readonly total?: number;
  /** Set when the reader knows that the text is none, and why; for the message. */
  readonly unreadable?: GarbledReason;
  /** What its text does not show. */
  readonly warnings?: readonly PageWarning[];
}

/** What happened to a text that is none. */
export type GarbledReason = WarningFinding<"garbled_text">;

/** What of a page is missing; pages are gathered by it (page-warnings.ts). */
export type PageWarning = {
  readonly [Code in FileWarningCode]: { readonly code: Code; readonly finding: WarningFinding<Code> };
}[FileWarningCode];

export interface FormatInput {
  readonly bytes: Buffer;
  readonly filename: string;
  readonly declaredType: string;
}

/** Every format that is read. The key is also what sniff.ts answers. */
export const FORMATS = {
  pdf: "application/pdf",
  docx: "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
  pptx: "application/vnd.openxmlformats-officedocument.presentationml.presentation",
  xlsx: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
  odt: "application/vnd.oasis.opendocument.text",
  ods: "application/vnd.oasis.opendocument.spreadsheet",
  odp: "application/vnd.oasis.opendocument.presentation",
  epub: "application/epub+zip",
  rtf: "application/rtf",
  html: "text/html",
  svg: "image/svg+xml",
  eml: "message/rfc822",
  mbox: "application/mbox",
  json: "application/json",
  csv: "text/csv",
  markdown: "text/markdown",
  text: "text/plain",
} as const;

export type Format = keyof typeof FORMATS;
