import { LIMITS } from "../../limits.ts";
import { documentFault } from "../fault.ts";
import { asMail } from "./eml.ts";
import type { PageText } from "./format.ts";
import { mailText } from "./mail-text.ts";
import { TextAllowance } from "./text-builder.ts";

/** Reads an archive of mails (mbox): a page is a message, labelled with its subject. */
export async function* readMbox(bytes: Buffer, text: string): AsyncGenerator<PageText> {
  const archive = asMail(bytes, text);
  const starts = messageStarts(archive);
  const allowance = new TextAllowance();
  for (const [index, start] of starts.entries()) {
    const body = archive.indexOf("\n", start) + 1;
    yield { ...(await mailText(unquoted(archive.subarray(body, starts[index + 1])), allowance)), total: starts.length };
  }
}

const FROM = Buffer.from("From ");

/**
 * Lines that begin with `From ` and have a time, behind an empty one or at the very start. Archives quote such a line
 * within a message.
 */
function messageStarts(archive: Buffer): readonly number[] {
  const starts = archive.subarray(0, FROM.length).equals(FROM) ? [0] : [];
  for (let at = archive.indexOf("\nFrom "); at !== -1; at = archive.indexOf("\nFrom ", at + 1)) {
    if (isBehindEmptyLine(archive, at) && hasTime(archive, at)) starts.push(at + 1);
    if (starts.length > LIMITS.extractedPages) throw documentFault("too_complex", "many_messages");
  }
  return starts;
}

function isBehindEmptyLine(archive: Buffer, at: number): boolean {
  return archive[at - 1] === 0x0a || (archive[at - 1] === 0x0d && archive[at - 2] === 0x0a);
}

const LINE_BYTES = 300;

function hasTime(archive: Buffer, at: number): boolean {
  const [line = ""] = archive
    .subarray(at + 1, at + LINE_BYTES)
    .toString("latin1")
    .split("\n", 1);
  return /\d\d:\d\d/.test(line);
}

/** `>From ` at the start of a line is a quoted `From `. */
function unquoted(message: Buffer): Buffer {
  const parts: Buffer[] = [];
  let from = 0;
  for (let at = message.indexOf("\n>From "); at !== -1; at = message.indexOf("\n>From ", at + 1)) {
    parts.push(message.subarray(from, at + 1));
    from = at + 2;
  }
  return parts.length === 0 ? message : Buffer.concat([...parts, message.subarray(from)]);
}
