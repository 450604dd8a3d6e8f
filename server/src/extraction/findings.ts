import { FILE_WARNINGS, type FileWarningCode } from "../errors.ts";
import { LIMITS } from "../limits.ts";

/**
 * All that a reader can say of a document beside its pages, in the server's own words. It names an entry, and the
 * server builds the sentence: no text of a reader that was taken over reaches a log, an error or a warning.
 *
 * Slots: `{page}` is the page being read and `{pages}` how many have come, as the server counted them; `{type}` is the
 * declared type, as the server knows it; `{name}` is one of FINDING_NAMES.
 */
export const FAULT_FINDINGS = {
  empty_text: {
    no_bytes: "The file has no bytes.",
    white_space: "The file holds nothing but white space.",
    image: "It is an image ({name}): run OCR on it and upload the result.",
    scan_page: "Its page holds images and no text: it is a scan. Run OCR on it and upload the result.",
    scan_pages: "Its {pages} pages hold images and no text: it is a scan. Run OCR on it and upload the result.",
    no_text_page: "Its page holds no text.",
    no_text_pages: "Its {pages} pages hold no text.",
  },
  garbled_text: {
    taken_for_windows_1252: "UTF-8 that was taken for Windows-1252: save it as UTF-8",
    taken_for_windows_1251: "UTF-8 that was taken for Windows-1251: save it as UTF-8",
    characters_lost: "characters were lost before the upload",
    fonts_without_characters: "the fonts do not say which characters they draw; OCR reads what they show",
  },
  type_mismatch: {
    plain_text: "content_type says {type}, the content is plain text.",
    binary: "content_type says {type}, the content is binary.",
  },
  unsupported_file_type: {
    old_office: "It is of the older Office formats (DOC, XLS, PPT, MSG): save it as DOCX, XLSX or PPTX.",
    word_2003_xml: "It is Word 2003 XML: open it in Word and save it as DOCX.",
    word_xml: "It is Word XML: open it in Word and save it as DOCX.",
    excel_2003_xml: "It is Excel 2003 XML: open it in Excel and save it as XLSX.",
    flat_open_document: "It is a flat OpenDocument file, and no text, spreadsheet or presentation.",
    open_document_drawing: "It is an OpenDocument drawing, chart or formula: export it as PDF.",
    iwork: "It is a Keynote, Pages or Numbers document: export it as PDF, or as PPTX, DOCX or XLSX.",
    xlsb: "It is a binary Excel workbook (XLSB): save it as XLSX.",
    visio: "It is a Visio drawing: export it as PDF.",
    xps: "It is an XPS document: print it as PDF.",
    program: "It is a program and no document.",
    zip_archive: "It is a ZIP archive: unpack it and upload the documents.",
  },
  encrypted_file: {
    drm: "The book is protected (DRM).",
  },
  corrupt_file: {
    zip_directory: "Its ZIP directory is damaged or cut off.",
    part_damaged: "Its part {name} is damaged.",
    other_part_damaged: "Reading stopped on page {page}: one of its parts is damaged.",
    main_part_missing: "Its main part is missing.",
    parts_table_missing: "Its table of parts is missing.",
    no_mail: "It is not a mail that can be read.",
    /** By an error that no reader foresaw; the name is its class's. */
    stumbled: "Reading stopped on page {page}: {name}.",
  },
  too_complex: {
    many_pages: `It has more than ${LIMITS.extractedPages} pages.`,
    many_messages: `It has more than ${LIMITS.extractedPages} messages.`,
    many_characters: `It holds more than ${LIMITS.extractedChars} characters of text.`,
    page_characters: `Page {page} holds more than ${LIMITS.extractedChars} characters.`,
    cell_characters: "One cell holds too much text.",
    many_strings: `It holds more than ${LIMITS.sharedStrings} different strings.`,
    many_parts: `It has more than ${LIMITS.zipEntries} parts.`,
    part_size: "Its part {name} unpacks to more than is read.",
    other_part_size: "Reading stopped on page {page}: one of its parts unpacks to more than is read.",
    many_lines: `It has more than ${LIMITS.mimeLines} lines.`,
    mail_depth: `Its MIME parts are past a nesting depth of ${LIMITS.mimeDepth} levels.`,
    mail_header: `It is past a header size of ${LIMITS.mimeHeaderBytes} bytes.`,
    mail_groups: "Its groups of addresses nest too deep.",
    group_depth: `It nests deeper than ${LIMITS.xmlDepth} groups.`,
    xml_depth: `Its XML nests deeper than ${LIMITS.xmlDepth} elements.`,
    reader_trapped: "Reading stopped on page {page}.",
  },
  extraction_memory: {
    pdf_memory: "It does not fit into the PDF reader's memory.",
    reader_trapped: "Reading stopped on page {page}.",
  },
} as const satisfies Readonly<Record<string, Readonly<Record<string, string>>>>;

/** What pages are warned of; it goes in brackets behind the sentence of the code. No slots. */
export const WARNING_FINDINGS = {
  garbled_text: FAULT_FINDINGS.garbled_text,
  empty_page: {
    damaged_page: "they are damaged",
    picture_page: "pictures, perhaps scans: OCR gives them text",
  },
  part_skipped: {
    hidden_sheets: "hidden sheets",
    hidden_slides: "hidden slides",
    nested_messages: `messages more than ${LIMITS.nestedMessages} deep within others`,
  },
} as const satisfies Readonly<Record<FileWarningCode, Readonly<Record<string, string>>>>;

/** Codes of faults that a reader can find: `internal` and `extraction_timeout` are the server's to say. */
export type ReaderFaultCode = keyof typeof FAULT_FINDINGS;
export type FaultFinding<Code extends ReaderFaultCode> = keyof (typeof FAULT_FINDINGS)[Code] & string;
export type WarningFinding<Code extends FileWarningCode> = keyof (typeof WARNING_FINDINGS)[Code] & string;

/** A fault's finding as it crosses the protocol, where `id` and `name` may be anything. */
export interface Finding {
  readonly id: string;
  /** For its `{name}`. */
  readonly name?: string | undefined;
}

/** What the server knows of the document itself. */
export interface Seen {
  /** Pages that have come. */
  readonly pages: number;
  /** The declared one, as a message may show it. */
  readonly type: string;
}

/** The sentence; null when no reader of ours says that. */
export function sayFault(code: ReaderFaultCode, { id, name }: Finding, seen: Seen): string | null {
  const sentences: Readonly<Record<string, string>> = FAULT_FINDINGS[code];
  const sentence = Object.hasOwn(sentences, id) ? sentences[id] : undefined;
  if (sentence === undefined || sentence.includes("{name}") !== (name !== undefined)) return null;
  if (name !== undefined && !isFindingName(name)) return null;
  const slots = { ...seen, page: seen.pages + 1, name };
  return sentence.replace(/\{(page|pages|type|name)\}/g, (_, slot: keyof typeof slots) => `${slots[slot]}`);
}

/** As a warning has it; null when no reader of ours says that. */
export function sayWarning(code: FileWarningCode, id: string): string | null {
  const details: Readonly<Record<string, string>> = WARNING_FINDINGS[code];
  const detail = Object.hasOwn(details, id) ? details[id] : undefined;
  return detail === undefined ? null : `${FILE_WARNINGS[code]} (${detail})`;
}

/** For `{name}`; `#` stands for a number of at most five digits. */
const FINDING_NAMES: ReadonlySet<string> = new Set([
  // Images.
  ...["PNG", "JPEG", "GIF", "TIFF", "WebP", "BMP"],
  // Classes of errors; the last one is every other's.
  ...["TypeError", "RangeError", "ReferenceError", "SyntaxError", "URIError", "RuntimeError", "Error"],
  // Parts of documents, as the programs that write them call them.
  ...["[Content_Types].xml", "_rels/.rels", "mimetype", "content.xml", "styles.xml"],
  ...["META-INF/container.xml", "META-INF/manifest.xml", "META-INF/encryption.xml"],
  ...["word/document.xml", "word/styles.xml", "word/footnotes.xml", "word/endnotes.xml", "word/comments.xml"],
  ...["word/_rels/document.xml.rels", "xl/workbook.xml", "xl/sharedStrings.xml", "xl/styles.xml"],
  ...[
    "xl/worksheets/sheet#.xml",
    "xl/worksheets/_rels/sheet#.xml.rels",
    "xl/comments#.xml",
    "xl/drawings/drawing#.xml",
  ],
  ...["xl/_rels/workbook.xml.rels", "ppt/presentation.xml", "ppt/_rels/presentation.xml.rels"],
  ...["ppt/slides/slide#.xml", "ppt/slides/_rels/slide#.xml.rels", "ppt/notesSlides/notesSlide#.xml"],
]);

/** Of a part: an unusual one is not named. */
export function isFindingName(name: string): boolean {
  return FINDING_NAMES.has(name.replace(/[1-9]\d{0,4}/, "#"));
}
