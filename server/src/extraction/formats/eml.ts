import PostalMime, { type Address, type Email } from "postal-mime";
import { LIMITS } from "../../limits.ts";
import { documentFault } from "../fault.ts";
import type { PageText } from "./format.ts";
import { htmlText } from "./html.ts";
import { TextAllowance } from "./text-builder.ts";

/** Reads a mail: one page, labelled with its subject. Attachments are named, not opened; forwarded mails stand in the text. */
export async function* readEml(bytes: Buffer): AsyncGenerator<PageText> {
  refuseManyLines(bytes);
  const mail = await parse(bytes);
  const head = [
    line("Subject", mail.subject),
    line("From", addresses(mail.from === undefined ? [] : [mail.from])),
    line("To", addresses(mail.to ?? [])),
    line("Cc", addresses(mail.cc ?? [])),
    line("Date", mail.date),
  ];
  const names = mail.attachments.map((attachment) => attachment.filename ?? "").filter((name) => name !== "");
  const text = [head.join(""), body(mail), line("Attachments", names.join(", "))]
    .filter((part) => part.trim() !== "")
    .join("\n");
  yield { label: mail.subject?.slice(0, SUBJECT_CHARS) || null, text, total: 1 };
}

const SUBJECT_CHARS = 200;

function refuseManyLines(bytes: Buffer): void {
  let lines = 0;
  for (let at = bytes.indexOf("\n"); at !== -1; at = bytes.indexOf("\n", at + 1)) {
    lines += 1;
    if (lines > LIMITS.mimeLines) throw documentFault("too_complex", `It has more than ${LIMITS.mimeLines} lines.`);
  }
}

async function parse(bytes: Buffer): Promise<Email> {
  try {
    return await PostalMime.parse(bytes, { maxNestingDepth: LIMITS.mimeDepth, maxHeadersSize: LIMITS.mimeHeaderBytes });
  } catch (error) {
    const message = error instanceof Error ? error.message : "";
    if (/^Maximum /.test(message)) throw documentFault("too_complex", `${message}.`);
    throw documentFault("corrupt_file", "It is not a mail that can be read.");
  }
}

/** Both parts usually say the same; the plain one is taken unless it is a stub ("your program cannot show HTML"). */
function body(mail: Email): string {
  const plain = mail.text?.trim() ?? "";
  if (mail.html === undefined || mail.html === "") return plain;
  const rich = htmlText(mail.html, new TextAllowance()).text;
  return plain.length * 2 >= rich.length ? plain : rich;
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
