import { isShortNumber, isThousand, POINT } from "./compounds.ts";

/** A number with its sign, and the number alone, as terms. */
export interface SignedNumber {
  readonly term: string;
  /** UTF-16 code units of the text, end exclusive. */
  readonly start: number;
  readonly end: number;
  readonly of: string;
}

/**
 * `10%`, `€40`, `40 €` and `-5` beside 10, 40 and 5, so that what has the sign comes before what has the number alone:
 * to words 10% is any 10, and € is $. Linear: beside each sign at most MAX_NUMBER characters are looked at.
 */
export function* signedNumbers(text: string): Generator<SignedNumber> {
  for (const { 0: written, index } of text.matchAll(SIGN)) {
    const behind = index + written.length;
    const sign = SIGNS.get(written) ?? written;
    if (sign === MINUS) {
      const number = mayBeMinus(text, index) ? numberFrom(text, behind) : null;
      if (number !== null) yield { term: `${sign}${number.term}`, start: index, end: number.end, of: number.term };
      continue;
    }
    const isShare = sign === "％" || sign === "‰";
    // Not %20 of an address.
    if (isShare && isWordAt(text, behind)) continue;
    const number = numberBefore(text, index) ?? (isShare ? null : numberBehind(text, behind));
    if (number === null) continue;
    const [start, end] = [Math.min(number.start, index), Math.max(number.end, behind)];
    yield { term: `${number.term}${sign}`, start, end, of: number.term };
  }
}

/** Whether a term is one of these. */
export function isSigned(term: string): boolean {
  return SIGNED.test(term);
}

const MINUS = "－";
/** Currencies, shares, and what a minus is written with. */
const SIGN = /[\p{Sc}%％٪‰\-\u2013\u2212]/gu;
/** A term has no ASCII but a–z and 0–9. */
const SIGNS: ReadonlyMap<string, string> = new Map([
  ["-", MINUS],
  ["\u2013", MINUS],
  ["\u2212", MINUS],
  ["%", "％"],
  ["٪", "％"],
  ["$", "＄"],
  ["￥", "¥"],
  ["￡", "£"],
]);
const SIGNED = /^－|[0-9][\p{Sc}％‰]$/u;

/** Behind a space or an opening: `10-20` is a range, and `KT-55` a name. */
function mayBeMinus(text: string, at: number): boolean {
  return at === 0 || (isDigit(text.charCodeAt(at + 1)) && OPENINGS.has(text.charAt(at - 1)));
}

const OPENINGS: ReadonlySet<string> = new Set(" \u00a0\u2009\u202f\t\n\r([{=:;|\"'<>≤≥");

interface ReadNumber {
  readonly term: string;
  readonly start: number;
  readonly end: number;
}

/** With one space between them, as `40 €` is mostly written, or none. */
function numberBefore(text: string, at: number): ReadNumber | null {
  const end = at - Number(isGap(text, at - 1));
  let start = end;
  while (start > 0 && end - start <= MAX_NUMBER && isOfNumber(text.charCodeAt(start - 1))) start--;
  while (start < end && !isDigit(text.charCodeAt(start))) start++;
  return readNumber(text, start, end);
}

function numberBehind(text: string, at: number): ReadNumber | null {
  return numberFrom(text, at + Number(isGap(text, at)));
}

function numberFrom(text: string, start: number): ReadNumber | null {
  let end = start;
  while (end < text.length && end - start <= MAX_NUMBER && isOfNumber(text.charCodeAt(end))) end++;
  while (end > start && !isDigit(text.charCodeAt(end - 1))) end--;
  return readNumber(text, start, end);
}

/** As words and forms have it: 1,234 is 1234, and 19.90 is 19ꞏ90. Dates, versions and addresses are no numbers. */
function readNumber(text: string, start: number, end: number): ReadNumber | null {
  if (end === start || end - start > MAX_NUMBER || !isDigit(text.charCodeAt(end - 1))) return null;
  if (isWordAt(text, start - 1) || isWordAt(text, end)) return null;
  const written = text.slice(start, end).normalize("NFKC");
  // Most have no point, and are not taken apart.
  const [first = "", ...others] = POINTS.test(written) ? written.split(POINTS) : [written];
  const last = others.at(-1);
  if (last === undefined) return { term: first, start, end };
  const points = written.replaceAll(DIGITS, "");
  const isGrouped = (groups: readonly string[]) => isShortNumber(first) && groups.every(isThousand);
  if (isGrouped(others) && isOneChar(points)) return { term: `${first}${others.join("")}`, start, end };
  const thousands = others.slice(0, -1);
  if (thousands.length > 0 && (!isGrouped(thousands) || !isOneChar(points.slice(0, -1)))) return null;
  if (thousands.length > 0 && points.at(-1) === points[0]) return null;
  return { term: `${first}${thousands.join("")}${POINT}${last}`, start, end };
}

const POINTS = /[.,]/;
const DIGITS = /[0-9]/g;

function isOneChar(text: string): boolean {
  return text === text.charAt(0).repeat(text.length);
}

const MAX_NUMBER = 20;

/** Wide ones too, as Japanese texts have them. */
function isDigit(code: number): boolean {
  return (code >= 0x30 && code <= 0x39) || (code >= 0xff10 && code <= 0xff19);
}

function isOfNumber(code: number): boolean {
  return isDigit(code) || code === 0x2e || code === 0x2c;
}

function isGap(text: string, at: number): boolean {
  return GAPS.has(text.charAt(at));
}

const GAPS: ReadonlySet<string> = new Set([" ", "\u00a0", "\u2009", "\u202f"]);

/** Of ASCII: 約10％増 has letters beside a number that is whole. */
function isWordAt(text: string, at: number): boolean {
  return ASCII_WORD.has(text.charCodeAt(at));
}

const ASCII_WORD: ReadonlySet<number> = new Set(
  [..."abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"].map((char) => char.charCodeAt(0)),
);
