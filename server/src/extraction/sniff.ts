import { documentFault } from "./fault.ts";
import { charsetOf, decodeText } from "./formats/decode-text.ts";
import { FORMATS, type Format, type FormatInput } from "./formats/format.ts";
import type { Package } from "./formats/package.ts";

/**
 * What a document is. Known magic always wins over the declaration. Within text the declaration wins, then the extension, then
 * the guess, because text types cannot be told apart. `text` is there when finding out meant decoding it.
 */
export interface Sniffed {
  readonly format: Format;
  readonly text?: string;
  /** The opened ZIP, when that is what it is. */
  readonly pack?: Package;
}

/** Throws ExtractionFault for what is not read, and for what contradicts its declaration. */
export async function sniff(input: FormatInput): Promise<Sniffed> {
  const { bytes } = input;
  const declared = declaredKind(input.declaredType);
  const expected = declared ?? extensionKind(input.filename);
  if (bytes.length === 0) throw documentFault("empty_text", "The file has no bytes.");
  const known = await sniffMagic(bytes, expected);
  if (known !== null) return known;

  const charset = charsetOf(input.declaredType) ?? charsetOf(metaTag(bytes));
  const text = await decodeText(bytes, charset);
  if (text === null) throw unknownBinary(input.declaredType, declared);
  if (declared !== null && !isText(declared)) {
    throw documentFault("type_mismatch", `content_type says ${shown(input.declaredType)}, the content is plain text.`);
  }
  if (text.trim() === "") throw documentFault("empty_text", "The file holds nothing but white space.");
  const format = expected !== null && isText(expected) ? expected : guessText(text);
  return { format, text };
}

/** `<meta charset>`, which HTML puts into its first 1 024 bytes; "" when there is none. */
function metaTag(bytes: Buffer): string {
  const tags = bytes
    .subarray(0, 1024)
    .toString("latin1")
    .matchAll(/<meta\b[^>]*/gi);
  return tags.map(([tag]) => tag).find((tag) => /charset/i.test(tag)) ?? "";
}

/** A binary format of which only the name is known: its content is looked at nevertheless. */
type DeclaredKind = Format | "binary";

/** What the declared type says, or null when it says nothing (design §6: no declaration). */
function declaredKind(declaredType: string): DeclaredKind | null {
  const type = mediaType(declaredType);
  const named = TYPES[type];
  if (named !== undefined) return named;
  if (/^(image|audio|video|font)\//.test(type)) return "binary";
  return OFFICE_VARIANTS.find(([pattern]) => pattern.test(type))?.[1] ?? null;
}

function extensionKind(filename: string): Format | null {
  const extension = /\.([A-Za-z0-9]{1,10})$/.exec(filename)?.[1]?.toLowerCase() ?? "";
  return EXTENSIONS[extension] ?? null;
}

function mediaType(declaredType: string): string {
  return (declaredType.split(";")[0] ?? "").trim().toLowerCase();
}

function isText(kind: DeclaredKind): kind is "html" | "eml" | "json" | "csv" | "markdown" | "text" {
  return ["html", "eml", "json", "csv", "markdown", "text"].includes(kind);
}

const TYPES: Readonly<Record<string, DeclaredKind>> = {
  ...Object.fromEntries(Object.entries(FORMATS).map(([format, type]) => [type, isFormat(format) ? format : "binary"])),
  "application/x-pdf": "pdf",
  "text/rtf": "rtf",
  "application/msword": "binary",
  "application/vnd.ms-excel": "binary",
  "application/vnd.ms-powerpoint": "binary",
  "application/vnd.ms-outlook": "binary",
  "application/zip": "binary",
  "application/x-zip-compressed": "binary",
  "application/gzip": "binary",
  "application/xhtml+xml": "html",
  "text/x-markdown": "markdown",
  "text/json": "json",
  "application/csv": "csv",
  "text/tab-separated-values": "csv",
  "application/xml": "text",
  "text/xml": "text",
};

/** Templates and files with macros, by their declared types. */
const OFFICE_VARIANTS: readonly (readonly [RegExp, DeclaredKind])[] = [
  [/^application\/vnd\.(openxmlformats-officedocument\.wordprocessingml|ms-word)\./, "docx"],
  [/^application\/vnd\.(openxmlformats-officedocument\.presentationml|ms-powerpoint)\./, "pptx"],
  [/^application\/vnd\.(openxmlformats-officedocument\.spreadsheetml|ms-excel)\./, "xlsx"],
  [/^application\/vnd\.oasis\.opendocument\.text-/, "odt"],
  [/^application\/vnd\.oasis\.opendocument\.spreadsheet-/, "ods"],
  [/^application\/vnd\.oasis\.opendocument\.presentation-/, "odp"],
  [/^text\//, "text"],
];

const EXTENSIONS: Readonly<Record<string, Format>> = {
  pdf: "pdf",
  docx: "docx",
  pptx: "pptx",
  xlsx: "xlsx",
  odt: "odt",
  ods: "ods",
  odp: "odp",
  epub: "epub",
  rtf: "rtf",
  html: "html",
  htm: "html",
  xhtml: "html",
  eml: "eml",
  json: "json",
  csv: "csv",
  tsv: "csv",
  md: "markdown",
  markdown: "markdown",
  txt: "text",
};

function isFormat(key: string): key is Format {
  return Object.hasOwn(FORMATS, key);
}

const OLE = Buffer.from("d0cf11e0a1b11ae1", "hex");
/** OLE directory names are UTF-16. */
const OLE_ENCRYPTED = Buffer.from("EncryptedPackage", "utf16le");

/** What the first bytes prove, or null. */
async function sniffMagic(bytes: Buffer, expected: DeclaredKind | null): Promise<Sniffed | null> {
  if (bytes.subarray(0, 4).equals(ZIP)) {
    const { Package, packageFormat } = await import("./formats/package.ts");
    const pack = await Package.open(bytes);
    return { format: await packageFormat(pack), pack };
  }
  if (isPdf(bytes, expected)) return { format: "pdf" };
  if (bytes.subarray(0, 5).toString("latin1") === "{\\rtf") return { format: "rtf" };
  if (bytes.subarray(0, 8).equals(OLE)) {
    if (bytes.includes(OLE_ENCRYPTED)) throw documentFault("encrypted_file");
    throw documentFault(
      "unsupported_file_type",
      "It is of the older Office formats (DOC, XLS, PPT, MSG): save it as DOCX, XLSX or PPTX.",
    );
  }
  const image = imageType(bytes);
  if (image !== null) {
    throw documentFault("empty_text", `It is an image (${image}): run OCR on it and upload the result.`);
  }
  return null;
}

/** A local file header, or the end record of an empty archive. */
const ZIP = Buffer.from("PK\u0003\u0004", "latin1");

/**
 * `%PDF-` at the start, or within the first 1 024 bytes after something that is not text; a text that merely mentions it (two
 * JSON files of the corpus do) is a PDF only when it is declared to be one.
 */
function isPdf(bytes: Buffer, expected: DeclaredKind | null): boolean {
  const at = bytes.subarray(0, 1024 + 5).indexOf("%PDF-", 0, "latin1");
  if (at <= 0) return at === 0;
  return expected === "pdf" || !/^[\t\n\r\f\u0020-\u007e]*$/.test(bytes.subarray(0, at).toString("latin1"));
}

function imageType(bytes: Buffer): string | null {
  const head = bytes.subarray(0, 12).toString("latin1");
  if (head.startsWith("\u0089PNG\r\n\u001a\n")) return "PNG";
  if (head.startsWith("\u00ff\u00d8\u00ff")) return "JPEG";
  if (head.startsWith("GIF87a") || head.startsWith("GIF89a")) return "GIF";
  if (head.startsWith("II*\0") || head.startsWith("MM\0*")) return "TIFF";
  if (head.startsWith("RIFF") && head.endsWith("WEBP")) return "WebP";
  // Two letters prove little: the reserved bytes of a bitmap's header are zero.
  if (head.startsWith("BM") && bytes.length > 26 && bytes.readUInt32LE(6) === 0) return "BMP";
  return null;
}

/** Reading it is out of the question either way; the code says whether the declaration is to blame. */
function unknownBinary(declaredType: string, declared: DeclaredKind | null): Error {
  if (declared !== null && isText(declared)) {
    return documentFault("type_mismatch", `content_type says ${shown(declaredType)}, the content is binary.`);
  }
  return documentFault("unsupported_file_type");
}

/** HTML by how it begins, mail by at least three different headers; the rest is text. JSON and CSV read the same as text. */
function guessText(text: string): Format {
  const head = text.slice(0, 4096);
  if (/^<(?:!doctype\s+html|html|head|body)\b/i.test(withoutProlog(head))) return "html";
  const headers = new Set<string>();
  for (const [, name] of head
    .split(/\r?\n\r?\n/, 1)
    .join()
    .matchAll(/^([A-Za-z-]{2,40}):\s/gm)) {
    if (name !== undefined && MAIL_HEADERS.has(name.toLowerCase())) headers.add(name.toLowerCase());
  }
  return headers.size >= 3 ? "eml" : "text";
}

/**
 * Without white space, XML declaration and comments at the start. Read in steps: one regular expression for all of it may end a comment in
 * many places, and took minutes for 80 of them.
 */
function withoutProlog(head: string): string {
  let rest = head.trimStart();
  if (rest.startsWith("<?xml")) rest = behind(rest, "?>", 5);
  while (rest.startsWith("<!--")) rest = behind(rest, "-->", 4);
  return rest;
}

/** What follows the first `end` from `start` on, without white space before it; "" when there is none. */
function behind(text: string, end: string, start: number): string {
  const at = text.indexOf(end, start);
  return at < 0 ? "" : text.slice(at + end.length).trimStart();
}

const MAIL_HEADERS: ReadonlySet<string> = new Set([
  "from",
  "to",
  "cc",
  "bcc",
  "subject",
  "date",
  "message-id",
  "received",
  "return-path",
  "reply-to",
  "sender",
  "mime-version",
  "content-type",
  "content-transfer-encoding",
  "delivered-to",
  "in-reply-to",
  "references",
  "x-mailer",
]);

function shown(declaredType: string): string {
  return mediaType(declaredType).slice(0, 100);
}
