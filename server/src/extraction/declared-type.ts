import { FORMATS, type Format } from "./formats/format.ts";

/** What a client says of a file, as far as it says anything (docs/formats.md). */

/** A binary format of which only the name is known: its content is looked at nevertheless. */
export type DeclaredKind = Format | "binary";

/**
 * What the declared type says, or null when it says nothing: an unknown type, or one that clients also send for
 * something else.
 */
export function declaredKind(declaredType: string): DeclaredKind | null {
  const type = mediaType(declaredType);
  if (FOUND_ONLY.has(type) || TEXT_OF_MEDIA.has(type)) return null;
  const named = TYPES[type];
  if (named !== undefined) return named;
  if (/^(image|audio|video|font)\//.test(type)) return "binary";
  return OFFICE_VARIANTS.find(([pattern]) => pattern.test(type))?.[1] ?? null;
}

export function extensionKind(filename: string): Format | null {
  return EXTENSIONS[extensionOf(filename)] ?? null;
}

/** How these begin says it surely; whatever else is declared so is read as what it is. */
const FOUND_ONLY: ReadonlySet<string> = new Set([FORMATS.svg, FORMATS.mbox]);

/** Playlists, pixels as source text: the type begins like one of binary files. */
const TEXT_OF_MEDIA: ReadonlySet<string> = new Set(
  "audio/x-mpegurl audio/mpegurl audio/x-scpls video/vnd.mpegurl image/x-xbitmap image/x-xpixmap image/vnd.dxf".split(
    " ",
  ),
);

/**
 * Whether a text may have been declared so by a browser that asked the system what it opens the file with: Windows with
 * Office says Excel of every CSV, Word of a web page that is saved as .doc and of a Graphviz .dot, PowerPoint of a
 * translator's .pot, and a video of every .ts. The declaration then says nothing. `found` is what the text looks like.
 */
export function isMisnamedText(declaredType: string, filename: string, found: Format, text: string): boolean {
  const type = mediaType(declaredType);
  const extension = extensionOf(filename);
  const isPage = found === "html" || found === "eml";
  switch (type) {
    case "application/vnd.ms-excel":
      return isPage || extensionKind(filename) === "csv" || isDelimited(text);
    case "application/msword":
      return isPage || extension === "dot";
    case "application/vnd.ms-powerpoint":
      return isPage || extension === "pot";
    default:
      return (OTHER_MEANINGS[extension] ?? []).includes(type);
  }
}

/** Extensions of source texts that are a video's or a sound's as well. */
const OTHER_MEANINGS: Readonly<Record<string, readonly string[]>> = {
  ts: ["video/mp2t", "video/vnd.dlna.mpeg-tts", "video/mpeg"],
  mts: ["video/mp2t", "video/vnd.dlna.mpeg-tts", "video/mpeg"],
  mod: ["audio/x-mod", "audio/mod", "video/mpeg"],
  sub: ["image/vnd.dvb.subtitle"],
};

const HEAD_CHARS = 4096;

/** One of its first lines has cells. */
function isDelimited(text: string): boolean {
  return /[\t;,]/.test(text.slice(0, HEAD_CHARS));
}

export function mediaType(declaredType: string): string {
  return (declaredType.split(";")[0] ?? "").trim().toLowerCase();
}

/** As a message may show it: short, and of characters that a media type is made of. */
export function shownType(declaredType: string): string {
  return mediaType(declaredType)
    .slice(0, 100)
    .replace(/[^\w!#$&^.+/-]/g, "?");
}

export type TextFormat = Extract<Format, "html" | "svg" | "eml" | "mbox" | "json" | "csv" | "markdown" | "text">;

export function isText(kind: DeclaredKind): kind is TextFormat {
  return TEXT_FORMATS.has(kind);
}

const TEXT_FORMATS: ReadonlySet<string> = new Set<TextFormat>([
  "html",
  "svg",
  "eml",
  "mbox",
  "json",
  "csv",
  "markdown",
  "text",
]);

/** XML says how it is written, and not what it is. */
export function isXml(declaredType: string): boolean {
  return /^(?:application|text)\/xml$/.test(mediaType(declaredType));
}

function extensionOf(filename: string): string {
  return /\.([A-Za-z0-9]{1,10})$/.exec(filename)?.[1]?.toLowerCase() ?? "";
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
  "multipart/related": "eml",
  "application/x-mimearchive": "eml",
  "text/x-markdown": "markdown",
  "text/json": "json",
  "application/jsonl": "json",
  "application/x-ndjson": "json",
  "application/csv": "csv",
  "text/tab-separated-values": "csv",
  "application/xml": "text",
  "text/xml": "text",
};

/** Templates and files with macros, by their declared types. Flat XML is a text, and found as what it is. */
const OFFICE_VARIANTS: readonly (readonly [RegExp, DeclaredKind])[] = [
  [/^application\/vnd\.(openxmlformats-officedocument\.wordprocessingml|ms-word)\./, "docx"],
  [/^application\/vnd\.(openxmlformats-officedocument\.presentationml|ms-powerpoint)\./, "pptx"],
  [/^application\/vnd\.(openxmlformats-officedocument\.spreadsheetml|ms-excel)\./, "xlsx"],
  [/^application\/vnd\.oasis\.opendocument\.text-(?!flat)/, "odt"],
  [/^application\/vnd\.oasis\.opendocument\.spreadsheet-(?!flat)/, "ods"],
  [/^application\/vnd\.oasis\.opendocument\.presentation-(?!flat)/, "odp"],
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
  mht: "eml",
  mhtml: "eml",
  json: "json",
  jsonl: "json",
  ndjson: "json",
  csv: "csv",
  tsv: "csv",
  md: "markdown",
  markdown: "markdown",
  txt: "text",
};

function isFormat(key: string): key is Format {
  return Object.hasOwn(FORMATS, key);
}
