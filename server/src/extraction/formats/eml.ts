import type { PageText } from "./format.ts";
import { mailText } from "./mail-text.ts";
import { TextAllowance } from "./text-builder.ts";

/**
 * Reads a mail: one page, labelled with its subject. Attachments are named, not opened; messages within it stand
 * in the text.
 */
export async function* readEml(bytes: Buffer, text: string): AsyncGenerator<PageText> {
  const mail = asMail(bytes, text);
  // An archive of one mail: the line before it is no header.
  const start = /^From [^\s:]/.test(mail.subarray(0, 6).toString("latin1")) ? mail.indexOf("\n") + 1 : 0;
  yield { ...(await mailText(mail.subarray(start), new TextAllowance())), total: 1 };
}

const [CR, LF] = [0x0d, 0x0a];
const UTF8_MARK = Buffer.from([0xef, 0xbb, 0xbf]);

/**
 * The bytes as a mail reader expects them: its headers at the first byte, lines that end in LF, nothing of two bytes a
 * character. `text` is what they were decoded to.
 */
export function asMail(bytes: Buffer, text: string): Buffer {
  // Zeros within ASCII: UTF-16. Its parts may say that they are of one byte a character, and then they are in UTF-8 as
  // well as in anything.
  let mail = bytes.subarray(0, 1024).includes(0) ? Buffer.from(text, "utf8") : bytes;
  // Empty lines and a mark stand before the first header in either order.
  mail = withoutLineEnds(mail);
  if (mail.subarray(0, UTF8_MARK.length).equals(UTF8_MARK)) mail = withoutLineEnds(mail.subarray(UTF8_MARK.length));
  return endsLinesWithCr(mail) ? withLineFeeds(mail) : mail;
}

function withoutLineEnds(mail: Buffer): Buffer {
  let start = 0;
  while (mail[start] === CR || mail[start] === LF) start += 1;
  return mail.subarray(start);
}

/** Its headers have no LF. */
function endsLinesWithCr(mail: Buffer): boolean {
  const first = mail.indexOf(CR);
  return first !== -1 && mail[first + 1] !== LF && !mail.subarray(0, mail.indexOf("\r\r")).includes(LF);
}

function withLineFeeds(mail: Buffer): Buffer {
  const lines = Buffer.from(mail);
  for (let at = lines.indexOf(CR); at !== -1; at = lines.indexOf(CR, at + 1)) if (lines[at + 1] !== LF) lines[at] = LF;
  return lines;
}
