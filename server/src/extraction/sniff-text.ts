import { documentFault } from "./fault.ts";
import type { FaultFinding } from "./findings.ts";
import type { Format } from "./formats/format.ts";

/** What kind of text it is, by how it begins. */

const HEAD_CHARS = 4096;

/**
 * HTML and SVG by their first element, mail by its headers, an archive of mails by the line before them; the rest is
 * text. JSON and CSV read the same as text.
 */
export function guessText(text: string): Format {
  const head = text.slice(0, HEAD_CHARS);
  const rest = withoutProlog(head);
  if (/^<(?:!doctype\s+html|html|head|body|table|meta|style|title|center|font)\b/i.test(rest)) return "html";
  if (/^<(?:[A-Za-z_][\w.-]{0,40}:)?svg[\s>/]/.test(rest)) return "svg";
  if (isMailLine(head)) return isMailbox(text) ? "mbox" : "eml";
  return isMail(head) ? "eml" : "text";
}

/** Mails one after another, each behind a line that parts it from the one before. */
export function isMailbox(text: string): boolean {
  return isMailLine(text.slice(0, HEAD_CHARS)) && /[\r\n]From \S/.test(text);
}

/**
 * An office document as one XML file, whose text is not what the file shows: OpenDocument is read, the others are
 * refused by name. Null: it is none. Like magic this wins over what is declared; to read such a file as text would
 * index its tags.
 */
export function flatDocument(text: string): "odt" | "ods" | "odp" | null {
  const root = /^<(?:[A-Za-z_][\w.-]{0,40}:)?([A-Za-z]{1,40})\b[^>]{0,8000}/.exec(
    withoutProlog(text.slice(0, ROOT_CHARS)),
  );
  if (root === null) return null;
  const [tag, name = ""] = root;
  if (name === "document" && tag.includes("urn:oasis:names:tc:opendocument:xmlns:office")) return openDocumentKind(tag);
  for (const [element, namespace, found] of REFUSED)
    if (name === element && tag.includes(namespace)) throw documentFault("unsupported_file_type", found);
  return null;
}

/** Flat files declare all their namespaces at the root. */
const ROOT_CHARS = 16 * 1024;

const REFUSED: readonly (readonly [
  element: string,
  namespace: string,
  found: FaultFinding<"unsupported_file_type">,
])[] = [
  ["wordDocument", "schemas.microsoft.com/office/word/2003", "word_2003_xml"],
  ["package", "schemas.microsoft.com/office/2006/xmlPackage", "word_xml"],
  ["Workbook", "schemas-microsoft-com:office:spreadsheet", "excel_2003_xml"],
];

function openDocumentKind(root: string): "odt" | "ods" | "odp" {
  if (root.includes("application/vnd.oasis.opendocument.text")) return "odt";
  if (root.includes("application/vnd.oasis.opendocument.spreadsheet")) return "ods";
  if (root.includes("application/vnd.oasis.opendocument.presentation")) return "odp";
  throw documentFault("unsupported_file_type", "flat_open_document");
}

/** Without white space, XML declaration and instructions, document type and comments at the start. Read in steps: one regular expression for all of it may end a comment
 * in many places, and took minutes for 80 of them. */
function withoutProlog(head: string): string {
  let rest = head.trimStart();
  for (;;) {
    if (rest.startsWith("<?")) rest = behind(rest, "?>", 2);
    else if (rest.startsWith("<!--")) rest = behind(rest, "-->", 4);
    else if (/^<!doctype\s+(?!html)/i.test(rest)) rest = behindDoctype(rest);
    else return rest;
  }
}

/** What follows the first `end` from `start` on, without white space before it; "" when there is none. */
function behind(text: string, end: string, start: number): string {
  const at = text.indexOf(end, start);
  return at < 0 ? "" : text.slice(at + end.length).trimStart();
}

/** A document type may hold declarations of its own, in brackets. */
function behindDoctype(text: string): string {
  const bracket = text.indexOf("[");
  const close = text.indexOf(">");
  return bracket !== -1 && bracket < close ? behind(behind(text, "]", bracket), ">", 0) : behind(text, ">", 0);
}

/**
 * `From ann@example.org Mon Feb  5 10:00:00 2024`, and a header behind it: archives part mails so. A letter may begin
 * with "From".
 */
function isMailLine(head: string): boolean {
  if (!/^\s*From /.test(head)) return false;
  const [first = "", second = ""] = head.trimStart().split(/\r\n|\r|\n/, 2);
  return /^From [^\s:]/.test(first) && /\d\d:\d\d/.test(first) && /^[A-Za-z][A-Za-z0-9-]{0,60}:/.test(second);
}

/** At least three different headers of mail, or the two that say that it is MIME of several parts (MHTML). */
function isMail(head: string): boolean {
  const headers = new Set<string>();
  const block = head
    .trimStart()
    .split(/\r\n\r\n|\n\n|\r\r/, 1)
    .join();
  for (const [, name] of block.matchAll(/^([A-Za-z-]{2,40}):\s/gm)) {
    if (name !== undefined && MAIL_HEADERS.has(name.toLowerCase())) headers.add(name.toLowerCase());
  }
  return headers.size >= 3 || (headers.has("mime-version") && /^content-type:\s{0,9}multipart\//im.test(block));
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
