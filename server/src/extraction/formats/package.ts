import { type Entry, fromBufferPromise, type ZipFile } from "yauzl";
import { LIMITS } from "../../limits.ts";
import { DocumentFault, documentFault } from "../fault.ts";
import { isFindingName } from "../findings.ts";
import type { Format } from "./format.ts";
import { type PassedOver, withoutElements } from "./passed-over.ts";
import { unreadPackage } from "./unread-package.ts";
import { type XmlHandler, xmlParser } from "./xml.ts";
import { unpackedAtOnce, withoutTail } from "./zip-bytes.ts";

/** Where the reader of a format finds its parts. */
export interface XmlSource {
  /** Parses an XML part. False when there is no such part. */
  xml(name: string, handler: XmlHandler): Promise<boolean>;
  /**
   * A part's whole text; null when there is none, or `pattern` is nowhere in it. Of UTF-8 the bytes are looked at,
   * which is quicker than decoding them: so the pattern names ASCII alone.
   */
  textWith(name: string, pattern: RegExp): Promise<string | null>;
}

/**
 * A document that is a ZIP of parts (OOXML, OpenDocument, EPUB), read from memory; entry names are keys and never
 * paths. Inflated bytes are counted over all reads, not per part: a slide list may name one part 200 000 times.
 */
export class Package implements XmlSource {
  readonly #bytes: Buffer;
  readonly #zip: ZipFile;
  readonly #entries: ReadonlyMap<string, Entry>;
  #byLowerCase: ReadonlyMap<string, Entry> | null = null;
  #inflatedBytes = 0;

  private constructor(bytes: Buffer, zip: ZipFile, entries: ReadonlyMap<string, Entry>) {
    this.#bytes = bytes;
    this.#zip = zip;
    this.#entries = entries;
  }

  /** Throws DocumentFault: damaged, encrypted, too many entries, names that point elsewhere. */
  static async open(file: Buffer): Promise<Package> {
    try {
      const bytes = withoutTail(file);
      const zip = await fromBufferPromise(bytes);
      if (zip.entryCount > LIMITS.zipEntries) throw tooMany();
      const entries = new Map<string, Entry>();
      for await (const entry of zip.eachEntry()) {
        if (entry.isEncrypted()) throw documentFault("encrypted_file");
        if (entries.size >= LIMITS.zipEntries) throw tooMany();
        // The first of two entries of one name counts: the others are what a second reader would see, and never looked
        // at.
        if (!entries.has(entry.fileName)) entries.set(entry.fileName, entry);
      }
      return new Package(bytes, zip, entries);
    } catch (error) {
      throw error instanceof DocumentFault ? error : documentFault("corrupt_file", "zip_directory");
    }
  }

  has(name: string): boolean {
    return this.#find(name) !== undefined;
  }

  get names(): Iterable<string> {
    return this.#entries.keys();
  }

  /** Elements that are `passedOver` may be unseen by the handler. */
  async xml(name: string, handler: XmlHandler, passedOver: readonly PassedOver[] = []): Promise<boolean> {
    const parser = xmlParser(handler);
    const found = await this.#decode(name, (text) => {
      for (const piece of withoutElements(text, passedOver)) parser.write(piece);
    });
    if (found) parser.end();
    return found;
  }

  /** A part's whole text, or null when there is none. */
  async text(name: string): Promise<string | null> {
    const parts: string[] = [];
    return (await this.#decode(name, (text) => parts.push(text))) ? parts.join("") : null;
  }

  async textWith(name: string, pattern: RegExp): Promise<string | null> {
    const pieces: Buffer[] = [];
    if (!(await this.#read(name, (bytes) => pieces.push(bytes)))) return null;
    const [first = NO_BYTES, ...others] = pieces;
    const encoding = xmlEncoding(first);
    if (others.length === 0 && encoding === "utf-8" && !pattern.test(first.toString("latin1"))) return null;
    const decoder = new TextDecoder(encoding);
    const text = pieces.map((bytes) => decoder.decode(bytes, { stream: true })).join("");
    return pattern.test(text) ? text : null;
  }

  /**
   * Names of OOXML's parts are equal whatever their case (ECMA-376-2, 6.2.2.3): `SharedStrings.xml` is what
   * `sharedStrings.xml` means.
   */
  #find(name: string): Entry | undefined {
    const entry = this.#entries.get(name);
    if (entry !== undefined || name === "") return entry;
    this.#byLowerCase ??= new Map([...this.#entries].reverse().map(([key, each]) => [key.toLowerCase(), each]));
    return this.#byLowerCase.get(name.toLowerCase());
  }

  #decode(name: string, write: (text: string) => void): Promise<boolean> {
    let decoder: InstanceType<typeof TextDecoder> | null = null;
    return this.#read(name, (bytes) => {
      decoder ??= new TextDecoder(xmlEncoding(bytes));
      write(decoder.decode(bytes, { stream: true }));
    });
  }

  async #read(name: string, take: (bytes: Buffer) => void): Promise<boolean> {
    const entry = this.#find(name);
    if (entry === undefined) return false;
    if (entry.uncompressedSize > LIMITS.zipEntryBytes) throw tooLarge(name);
    try {
      const whole = unpackedAtOnce(this.#bytes, entry);
      const pieces: Iterable<unknown> | AsyncIterable<unknown> =
        whole === null ? await this.#zip.openReadStreamPromise(entry) : [whole];
      for await (const bytes of pieces) {
        if (!Buffer.isBuffer(bytes)) continue;
        this.#inflatedBytes += bytes.length;
        if (this.#inflatedBytes > LIMITS.zipTotalBytes) throw tooLarge(name);
        take(bytes);
      }
    } catch (error) {
      // yauzl's errors (sizes that lie, a broken deflate stream) and only those: a reader's own come through.
      throw error instanceof DocumentFault || error instanceof TypeError ? error : damagedPart(name);
    }
    return true;
  }
}

const NO_BYTES = Buffer.alloc(0);

function tooMany(): DocumentFault {
  return documentFault("too_complex", "many_parts");
}

function tooLarge(name: string): DocumentFault {
  return isFindingName(name)
    ? documentFault("too_complex", "part_size", name)
    : documentFault("too_complex", "other_part_size");
}

function damagedPart(name: string): DocumentFault {
  return isFindingName(name)
    ? documentFault("corrupt_file", "part_damaged", name)
    : documentFault("corrupt_file", "other_part_damaged");
}

/** From the byte order mark or the declaration; UTF-8 without either, as XML says. */
function xmlEncoding(first: Buffer): string {
  if (first[0] === 0xff && first[1] === 0xfe) return "utf-16le";
  if (first[0] === 0xfe && first[1] === 0xff) return "utf-16be";
  const declared = /^\s*<\?xml[^>]{0,100}encoding\s*=\s*["']([A-Za-z0-9_.-]{1,40})/.exec(
    first.subarray(0, 200).toString("latin1"),
  )?.[1];
  try {
    return new TextDecoder(declared ?? "utf-8").encoding;
  } catch {
    return "utf-8";
  }
}

/** What kind of document a ZIP holds. Throws DocumentFault for other ZIPs, and for encrypted ones. */
export async function packageFormat(pack: Package): Promise<Format> {
  const mimetype = (await mimetypeOf(pack)) ?? "";
  const openDocument = OPEN_DOCUMENT.find(([type]) => mimetype.startsWith(type))?.[1];
  if (openDocument !== undefined) {
    await refuseEncrypted(pack, "META-INF/manifest.xml", "encryption-data");
    return openDocument;
  }
  if (mimetype === "application/epub+zip" || pack.has("META-INF/container.xml")) {
    await refuseProtectedBook(pack);
    return "epub";
  }
  const office = await officeFormat(pack);
  if (office !== null) return office;
  throw documentFault("unsupported_file_type", unreadPackage(pack.names, mimetype));
}

const OPEN_DOCUMENT: readonly (readonly [string, Format])[] = [
  ["application/vnd.oasis.opendocument.text", "odt"],
  ["application/vnd.oasis.opendocument.spreadsheet", "ods"],
  ["application/vnd.oasis.opendocument.presentation", "odp"],
];

async function mimetypeOf(pack: Package): Promise<string | null> {
  return (await pack.text("mimetype"))?.trim() ?? null;
}

/** The main part's content type; embedded documents are named by extension only and do not confuse it. */
const OFFICE: readonly (readonly [families: readonly string[], Format])[] = [
  [["wordprocessingml", "ms-word"], "docx"],
  [["presentationml", "ms-powerpoint"], "pptx"],
  [["spreadsheetml", "ms-excel"], "xlsx"],
];

function officeFormatOf(contentType: string): Format | null {
  const type = contentType.toLowerCase();
  if (!type.endsWith("main+xml")) return null;
  return OFFICE.find(([families]) => families.some((family) => type.includes(family)))?.[1] ?? null;
}

async function officeFormat(pack: Package): Promise<Format | null> {
  let format: Format | null = null;
  await pack.xml("[Content_Types].xml", {
    open: (name, attribute) => {
      const type = name === "Override" || name === "Default" ? (attribute("ContentType") ?? "") : "";
      format ??= officeFormatOf(type);
    },
  });
  return format;
}

async function refuseEncrypted(pack: Package, part: string, mark: string): Promise<void> {
  await pack.xml(part, {
    open: (name) => {
      if (name === mark) throw documentFault("encrypted_file");
    },
  });
}

/** Books scramble their fonts without being protected: only other algorithms count. */
async function refuseProtectedBook(pack: Package): Promise<void> {
  await pack.xml("META-INF/encryption.xml", {
    open: (name, attribute) => {
      const algorithm = name === "EncryptionMethod" ? (attribute("Algorithm") ?? "") : "";
      if (algorithm !== "" && !/idpf\.org\/2008\/embedding|ns\.adobe\.com\/pdf\/enc#RC/.test(algorithm)) {
        throw documentFault("encrypted_file", "drm");
      }
    },
  });
}
