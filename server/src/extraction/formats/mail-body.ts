import { htmlText } from "./html.ts";
import { TextAllowance } from "./text-builder.ts";

/**
 * The text of a mail's body, which may be there twice. What the plain part and the HTML part say is mostly the same;
 * then it is the plain one. When one has words that the other lacks (a table that the plain part left out, a stub that
 * says "your program cannot show HTML"), it is the one with more words.
 */
export function bodyText(plainPart: string | undefined, htmlPart: string | undefined): string {
  const plain = plainPart?.trim() ?? "";
  if (htmlPart === undefined || htmlPart === "") return plain;
  const rich = htmlText(htmlPart, new TextAllowance()).text;
  if (plain === "") return rich;
  return saysMore(rich, plain) ? rich : plain;
}

/** A plain part has the addresses of its links, which are words that the HTML part does not show. */
const ADDRESS_WORDS = 0.5;

/** Of a long text the start is compared with twice as much of the other, which may write more between its words. */
const COMPARED_CHARS = 32 * 1024;

function saysMore(rich: string, plain: string): boolean {
  const [richText, plainText] = [comparable(rich), comparable(plain)];
  if (holdsInOrder(plainText, startOf(richText))) return false;
  return wordsBeyond(richText, plainText) > wordsBeyond(plainText, richText) * ADDRESS_WORDS;
}

function comparable(text: string): string {
  return text
    .slice(0, COMPARED_CHARS * 4)
    .replace(/https?:\/\/[^\s<>]+/g, " ")
    .slice(0, COMPARED_CHARS * 2)
    .toLowerCase();
}

/** Half a word is none. */
function startOf(text: string): string {
  const space = text.length <= COMPARED_CHARS ? -1 : text.lastIndexOf(" ", COMPARED_CHARS);
  return text.slice(0, space === -1 ? COMPARED_CHARS : space);
}

/** How many words at the start of `text` are nowhere in `other`. */
function wordsBeyond(text: string, other: string): number {
  const known = wordsOf(other);
  let beyond = 0;
  for (const word of wordsOf(startOf(text))) if (!known.has(word)) beyond += 1;
  return beyond;
}

function wordsOf(text: string): ReadonlySet<string> {
  return new Set(text.match(/[\p{L}\p{N}]+/gu));
}

/**
 * Whether all words of `part` are words of `whole`, in this order, as they are in most mails: to gather the words of
 * both took a quarter of a mail's time. Words end at ASCII alone, so a "no" proves nothing.
 */
function holdsInOrder(whole: string, part: string): boolean {
  let at = 0;
  for (let start = wordStart(part, 0); start < part.length; ) {
    const end = wordEnd(part, start);
    at = wordStart(whole, at);
    while (at < whole.length && !isWordAt(whole, at, part, start, end)) at = wordStart(whole, wordEnd(whole, at));
    if (at === whole.length) return false;
    at += end - start;
    start = wordStart(part, end);
  }
  return true;
}

function isWordAt(whole: string, at: number, part: string, start: number, end: number): boolean {
  for (let offset = 0; start + offset < end; offset++)
    if (whole.charCodeAt(at + offset) !== part.charCodeAt(start + offset)) return false;
  return !isWordCode(whole.charCodeAt(at + end - start));
}

function wordStart(text: string, from: number): number {
  let at = from;
  while (at < text.length && !isWordCode(text.charCodeAt(at))) at += 1;
  return at;
}

function wordEnd(text: string, from: number): number {
  let at = from;
  while (at < text.length && isWordCode(text.charCodeAt(at))) at += 1;
  return at;
}

/** Lower-case letters, digits, and everything beyond ASCII. NaN, behind the end, is none. */
function isWordCode(code: number): boolean {
  return code >= 0x80 || (code >= 0x61 && code <= 0x7a) || (code >= 0x30 && code <= 0x39);
}
