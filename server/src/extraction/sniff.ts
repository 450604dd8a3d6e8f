import { type DeclaredKind, declaredKind, extensionKind, isMisnamedText, isText, isXml } from "./declared-type.ts";
import { documentFault } from "./fault.ts";
import { charsetOf, decodeText } from "./formats/decode-text.ts";
import type { Format, FormatInput } from "./formats/format.ts";
import type { Package } from "./formats/package.ts";
import { loadedOnce } from "./loaded-once.ts";
import { flatDocument, guessText, isMailbox } from "./sniff-text.ts";

/**
 * What a document is. Known magic always wins over the declaration. Within text the declaration wins, then the
 * extension, then the guess, because text types cannot be told apart. `text` is there when finding out meant
 * decoding it.
 */
export interface Sniffed {
  readonly format: Format;
  readonly text?: string;
  /** Where the format's own bytes begin; default: at the first. */
  readonly skippedBytes?: number;
  /** The opened ZIP, when that is what it is. */
  readonly pack?: Package;
}

const packages = loadedOnce(() => import("./formats/package.ts"));

/** Throws DocumentFault for what is not read, and for what contradicts its declaration. */
export async function sniff(input: FormatInput): Promise<Sniffed> {
  const { bytes } = input;
  const declared = declaredKind(input.declaredType);
  const expected = declared ?? extensionKind(input.filename);
  if (bytes.length === 0) throw documentFault("empty_text", "no_bytes");
  const known = await sniffMagic(bytes, expected);
  if (known !== null) return known;

  const text = await decodeText(bytes, () => charsetOf(input.declaredType) ?? charsetOf(metaTag(bytes)));
  if (text === null) throw unknownBinary(declared);
  if (text.trim() === "") throw documentFault("empty_text", "white_space");
  const flat = flatDocument(text);
  if (flat !== null) return { format: flat, text };
  const contradicts = declared !== null && !isText(declared);
  if (contradicts && !isMisnamedText(input.declaredType, input.filename, guessText(text), text)) {
    throw documentFault("type_mismatch", "plain_text");
  }
  const said = contradicts ? extensionKind(input.filename) : expected;
  if (said === null || !isText(said)) return { format: guessText(text), text };
  return { format: isXml(input.declaredType) || said === "eml" ? corrected(said, text) : said, text };
}

/** XML says how a text is written; a mailbox that is taken for a mail would be read as far as its first one. */
function corrected(said: Format, text: string): Format {
  if (said === "eml") return isMailbox(text) ? "mbox" : said;
  const guess = guessText(text);
  return guess === "html" || guess === "svg" ? guess : said;
}

/** `<meta charset>`, which HTML puts into its first 1 024 bytes; "" when there is none. */
function metaTag(bytes: Buffer): string {
  const tags = bytes
    .subarray(0, 1024)
    .toString("latin1")
    .matchAll(/<meta\b[^>]*/gi);
  return tags.map(([tag]) => tag).find((tag) => /charset/i.test(tag)) ?? "";
}

const OLE = Buffer.from("d0cf11e0a1b11ae1", "hex");
/** OLE directory names are UTF-16. */
const OLE_ENCRYPTED = Buffer.from("EncryptedPackage", "utf16le");

/** What the first bytes prove, or null. */
async function sniffMagic(bytes: Buffer, expected: DeclaredKind | null): Promise<Sniffed | null> {
  if (bytes.subarray(0, 4).equals(ZIP)) {
    const { Package, packageFormat } = await packages();
    const pack = await Package.open(bytes);
    return { format: await packageFormat(pack), pack };
  }
  if (isPdf(bytes, expected)) return { format: "pdf" };
  const rtf = rtfStart(bytes);
  if (rtf !== null) return { format: "rtf", skippedBytes: rtf };
  if (bytes.subarray(0, 8).equals(OLE)) {
    if (bytes.includes(OLE_ENCRYPTED)) throw documentFault("encrypted_file");
    throw documentFault("unsupported_file_type", "old_office");
  }
  const image = imageType(bytes);
  if (image !== null) throw documentFault("empty_text", "image", image);
  return null;
}

/** A local file header, or the end record of an empty archive. */
const ZIP = Buffer.from("PK\u0003\u0004", "latin1");

/**
 * `%PDF-` at the start, or within the first 1 024 bytes after something that is not text; a text that merely mentions
 * it (two JSON files of the corpus do) is a PDF only when it is declared to be one.
 */
function isPdf(bytes: Buffer, expected: DeclaredKind | null): boolean {
  const at = bytes.subarray(0, 1024 + 5).indexOf("%PDF-", 0, "latin1");
  if (at <= 0) return at === 0;
  return expected === "pdf" || !/^[\t\n\r\f\u0020-\u007e]*$/.test(bytes.subarray(0, at).toString("latin1"));
}

/** Behind a UTF-8 mark and white space, which Word passes over; null: it is none. */
function rtfStart(bytes: Buffer): number | null {
  const head = bytes.subarray(0, 1024).toString("latin1");
  const start = /^(?:\u00ef\u00bb\u00bf)?\s*/.exec(head)?.[0].length ?? 0;
  return head.startsWith("{\\rtf", start) ? start : null;
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
function unknownBinary(declared: DeclaredKind | null): Error {
  const isTextSaid = declared !== null && isText(declared);
  return isTextSaid ? documentFault("type_mismatch", "binary") : documentFault("unsupported_file_type");
}
