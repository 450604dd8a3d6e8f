import { LIMITS } from "../limits.ts";
import type { Chunk } from "./chunk.ts";

const { chunkTargetChars: TARGET, chunkMaxChars: MAX, chunkOverlapChars: OVERLAP } = LIMITS;
/**
 * A rest this much longer than the target stays with its chunk: a chunk of three words finds nothing and cites badly.
 */
const SLACK = OVERLAP;

/**
 * Cuts one page's text into passages of about 1 200 characters, at most 2 000, each but the first beginning up to 200
 * before the end of the one before. Cuts at the ends of sentences, else of lines, else of words, else anywhere but
 * inside a surrogate pair.
 *
 * Ranges are UTF-16 code units of `text`, trimmed of white space at both ends; every other character of the page lies
 * in a chunk. Only a window of at most 2 000 characters is looked at for each cut, so the time is linear in the text
 * whatever it holds.
 */
export function* chunkPage(text: string): Generator<Chunk> {
  let from = skipSpace(text, 0);
  let covered = from;
  while (covered < text.length) {
    const end = chunkEnd(text, from);
    const charEnd = trimEnd(text, from, end);
    yield { charStart: from, charEnd, text: text.slice(from, charEnd) };
    covered = skipSpace(text, end);
    from = covered < text.length ? nextStart(text, from, charEnd, covered) : covered;
  }
}

function chunkEnd(text: string, from: number): number {
  if (text.length - from <= TARGET + SLACK) return text.length;
  const near = from + TARGET / 2;
  const target = from + TARGET;
  const far = Math.min(from + MAX, text.length);
  for (const boundary of BOUNDARIES) {
    const end = lastWithin(boundary, text, near, target) ?? firstWithin(boundary, text, target, far);
    if (end !== null) return end;
  }
  return wholeCharacter(text, far);
}

/**
 * Where the next chunk begins: at a sentence, line or word within the overlap, never past the first character not
 * yet covered.
 */
function nextStart(text: string, from: number, charEnd: number, covered: number): number {
  // The end of the last chunk's first half keeps chunks moving on when the text gives only short ones.
  const earliest = Math.max(charEnd - OVERLAP, from + Math.ceil((charEnd - from) / 2));
  if (earliest >= charEnd) return covered;
  for (const boundary of BOUNDARIES) {
    const start = firstWithin(boundary, text, earliest, charEnd - 1);
    if (start !== null) return Math.min(skipSpace(text, start), covered);
  }
  const start = wholeCharacter(text, earliest);
  return start > from ? start : covered;
}

/**
 * Ends of a sentence, then of a line, then of a word; a match ends where the next piece begins. CJK, Indic and Tibetan
 * full stops need no space after them; Latin, Arabic and Ethiopic ones do, or `3.14` and `example.org` would be cut.
 */
const BOUNDARIES: readonly RegExp[] = [
  /[.!?…؟۔։።][\p{Pe}\p{Pf}"']*\s+|[。！？｡।॥။។།][\p{Pe}\p{Pf}"'」』]*\s*|\n\s*\n\s*/gu,
  /\n\s*/gu,
  /\s+/gu,
];

/**
 * Matches end in (after, upTo]. The window begins a little earlier, so that a full stop just before it still counts,
 * and is cut out first: a search in the whole text would run on to a match far away, for every chunk again.
 */
function* endsWithin(boundary: RegExp, text: string, after: number, upTo: number): Generator<number> {
  const begin = Math.max(0, wholeCharacter(text, after - 8));
  for (const match of text.slice(begin, upTo).matchAll(boundary)) {
    const end = begin + match.index + match[0].length;
    if (end > after) yield end;
  }
}

function firstWithin(boundary: RegExp, text: string, after: number, upTo: number): number | null {
  for (const end of endsWithin(boundary, text, after, upTo)) return end;
  return null;
}

function lastWithin(boundary: RegExp, text: string, after: number, upTo: number): number | null {
  let last: number | null = null;
  for (const end of endsWithin(boundary, text, after, upTo)) last = end;
  return last;
}

/** `index`, or the one before when it would split a surrogate pair. */
function wholeCharacter(text: string, index: number): number {
  return isHigh(text.charCodeAt(index - 1)) && isLow(text.charCodeAt(index)) ? index - 1 : index;
}

function isHigh(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff;
}

function isLow(unit: number): boolean {
  return unit >= 0xdc00 && unit <= 0xdfff;
}

function skipSpace(text: string, from: number): number {
  let index = from;
  while (index < text.length && isSpace(text, index)) index++;
  return index;
}

function trimEnd(text: string, from: number, to: number): number {
  let index = to;
  while (index > from && isSpace(text, index - 1)) index--;
  return index;
}

/** As `trim()` sees it. */
function isSpace(text: string, index: number): boolean {
  const unit = text.charCodeAt(index);
  return unit < 0x80 ? unit === 0x20 || (unit >= 0x09 && unit <= 0x0d) : /\s/.test(text.charAt(index));
}
