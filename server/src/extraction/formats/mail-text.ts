import PostalMime, { type Address, type Attachment, type Email } from "postal-mime";
import { LIMITS } from "../../limits.ts";
import { documentFault } from "../fault.ts";
import { calendarText } from "./calendar-text.ts";
import { decodeStrict, decodeText, undeclared } from "./decode-text.ts";
import type { PageWarning } from "./format.ts";
import { bodyText } from "./mail-body.ts";
import type { TextAllowance } from "./text-builder.ts";

export interface MailText {
  /** The subject, or null. */
  readonly label: string | null;
  readonly text: string;
  readonly warnings: readonly PageWarning[];
}

/**
 * The text of a message: subject, sender, recipients, date; its body; appointments, delivery reports and other texts
 * that are no attachments; the messages within it, whatever their disposition; names of attachments. `mail` begins with
 * a header. Throws DocumentFault.
 */
export async function mailText(mail: Buffer, allowance: TextAllowance): Promise<MailText> {
  refuseManyLines(mail);
  const reading: Reading = { allowance, warnings: [] };
  const parsed = await parse(await withCharset(mail));
  const text = await textOf(parsed, reading, 0);
  return { label: parsed.subject?.slice(0, SUBJECT_CHARS) || null, text, warnings: reading.warnings };
}

const SUBJECT_CHARS = 200;

interface Reading {
  readonly allowance: TextAllowance;
  readonly warnings: PageWarning[];
}

function refuseManyLines(bytes: Buffer): void {
  let lines = 0;
  for (let at = bytes.indexOf("\n"); at !== -1; at = bytes.indexOf("\n", at + 1)) {
    lines += 1;
    if (lines > LIMITS.mimeLines) throw documentFault("too_complex", "many_lines");
  }
}

/**
 * A mail that names no charset and is not in UTF-8, which the library would take it for: it is read as a text without a
 * declaration is.
 */
async function withCharset(mail: Buffer): Promise<Buffer> {
  if (mail.includes("charset") || decodeStrict("utf-8", mail) !== null) return mail;
  return Buffer.from((await decodeText(mail, undeclared)) ?? mail);
}

async function parse(bytes: Uint8Array): Promise<Email> {
  try {
    return await PostalMime.parse(bytes, {
      maxNestingDepth: LIMITS.mimeDepth,
      maxHeadersSize: LIMITS.mimeHeaderBytes,
      forceRfc822Attachments: true,
    });
  } catch (error) {
    const message = error instanceof Error ? error.message : "";
    const [, limit] = LIBRARY_LIMITS.find(([start]) => message.startsWith(start)) ?? [];
    throw limit === undefined ? documentFault("corrupt_file", "no_mail") : documentFault("too_complex", limit);
  }
}

/** How the library's errors begin. */
const LIBRARY_LIMITS = [
  ["Maximum MIME nesting depth", "mail_depth"],
  ["Maximum header size", "mail_header"],
  ["Maximum recursion depth", "mail_groups"],
] as const;

async function textOf(mail: Email, reading: Reading, depth: number): Promise<string> {
  const head = [
    line("Subject", mail.subject),
    line("From", addresses(mail.from === undefined ? [] : [mail.from])),
    line("To", addresses(mail.to ?? [])),
    line("Cc", addresses(mail.cc ?? [])),
    line("Date", mail.date),
  ];
  const parts = [head.join(""), bodyText(mail.text, mail.html)];
  const names: string[] = [];
  for (const attachment of mail.attachments) {
    const text = await partText(attachment, reading, depth);
    if (text !== null) parts.push(text);
    else if (attachment.filename !== null) names.push(attachment.filename);
  }
  parts.push(line("Attachments", names.join(", ")));
  const text = parts.filter((part) => part.trim() !== "").join("\n");
  reading.allowance.take(text.length);
  return text;
}

/** The text of a part that people read within the mail; null: it is an attachment. */
async function partText(attachment: Attachment, reading: Reading, depth: number): Promise<string | null> {
  const { mimeType, filename, content } = attachment;
  if (typeof content === "string") return null;
  const bytes =
    content instanceof ArrayBuffer
      ? Buffer.from(content)
      : Buffer.from(content.buffer, content.byteOffset, content.byteLength);
  if (MESSAGES.has(mimeType)) return messageText(bytes, reading, depth + 1);
  if (CALENDARS.has(mimeType)) return calendarText(bytes.toString("utf8"));
  const isRead = REPORTS.has(mimeType) || (mimeType.startsWith("text/") && filename === null);
  return isRead ? ((await decodeText(bytes, undeclared)) ?? "").trim() : null;
}

const MESSAGES: ReadonlySet<string> = new Set(["message/rfc822", "message/global", "message/news"]);
const CALENDARS: ReadonlySet<string> = new Set(["text/calendar", "application/ics"]);
const REPORTS: ReadonlySet<string> = new Set([
  "message/delivery-status",
  "message/global-delivery-status",
  "message/disposition-notification",
  "message/feedback-report",
  "text/rfc822-headers",
]);

async function messageText(bytes: Buffer, reading: Reading, depth: number): Promise<string> {
  if (depth > LIMITS.nestedMessages) {
    reading.warnings.push({ code: "part_skipped", finding: "nested_messages" });
    return "";
  }
  let start = 0;
  while (bytes[start] === 0x0d || bytes[start] === 0x0a) start += 1;
  return textOf(await parse(await withCharset(bytes.subarray(start))), reading, depth);
}

function line(name: string, value: string | undefined): string {
  return value === undefined || value === "" ? "" : `${name}: ${value}\n`;
}

function addresses(list: readonly Address[]): string {
  return list
    .flatMap((entry) => entry.group ?? [entry])
    .map(({ name, address }) => (name === "" ? address : `${name} <${address}>`))
    .join(", ");
}
