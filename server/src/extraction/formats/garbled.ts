import type { GarbledReason } from "./format.ts";
import { BOUNDARY, languageNamed, pairKey } from "./languages.ts";

/** Text that is none: judged by itself, because nothing in the file says it. A verdict never changes the text. */
export interface Verdict {
  /** `page`: a tenth of it or more; `spots`: a few words. */
  readonly garbled: "page" | "spots";
  /** What happened, for the message. */
  readonly reason: GarbledReason;
}

/** Of a page, which may have 32 M characters. */
const SAMPLE_CHARS = 64 * 1024;
/**
 * So much of what is no space is damaged: German umlauts in the wrong encoding damage a quarter of a text, English
 * quotation marks a fiftieth.
 */
const PAGE_SHARE = 0.1;
/** Fewer may be what the text is about. */
const SPOTS = 3;
/**
 * Of a word that a wrong character in the middle makes unfindable; what was lost leaves a hole, and is often a sign.
 */
const WORD_CHARS = 10;

/** Judges the text of any format; null: nothing speaks against it. */
export function verdictOf(text: string): Verdict | null {
  const sample = text.slice(0, SAMPLE_CHARS);
  if (!/[^\0-\x7f]/.test(sample)) return null;
  for (const { encoding, reason, sequence } of MISTAKEN) {
    const spots = mayHoldSpots(sample, sequence) ? mistakenSpots(sample, bytesIn(encoding)) : [];
    if (spots.length >= SPOTS) return verdict(sample, spots, WORD_CHARS, reason);
  }
  const lost = [...sample.matchAll(LOST)].map(({ index }) => index);
  return lost.length < SPOTS ? null : verdict(sample, lost, 1, "characters_lost");
}

/** What stands for a character that could not be decoded, and controls of no text. */
const LOST = /[\ufffd\u0080-\u0084\u0086-\u009f]/g;

/** Each spot damages so many characters around it. */
function verdict(sample: string, spots: readonly number[], width: number, reason: GarbledReason): Verdict {
  let damaged = 0;
  let end = 0;
  for (const spot of spots) {
    const from = Math.max(end, spot - Math.floor(width / 2));
    end = Math.max(end, Math.min(sample.length, spot + Math.ceil(width / 2)));
    damaged += end - from;
  }
  return { garbled: damaged >= sample.length * PAGE_SHARE ? "page" : "spots", reason };
}

/**
 * UTF-8 is read so where somebody did not say that it is UTF-8. `sequence`: what each encoding makes of a lead byte and
 * the one or two bytes behind it.
 */
const MISTAKEN = [
  {
    encoding: "windows-1252",
    reason: "taken_for_windows_1252",
    sequence:
      /[\u00c2-\u00df\u00f0-\u00f4][\u0080-\u00bf€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ]|[\u00e0-\u00ef][\u0080-\u00bf€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ]{2}/g,
  },
  {
    encoding: "windows-1251",
    reason: "taken_for_windows_1251",
    sequence:
      /[В-Яр-ф][\u0080-\u00bfЂЃ‚ѓ„…†‡€‰Љ‹ЊЌЋЏђ‘’“”•–—™љ›њќћџЎўЈҐЁЄЇІіґё№єјЅѕї]|[а-п][\u0080-\u00bfЂЃ‚ѓ„…†‡€‰Љ‹ЊЌЋЏђ‘’“”•–—™љ›њќћџЎўЈҐЁЄЇІіґё№єјЅѕї]{2}/g,
  },
] as const;

/**
 * False: there are too few for a verdict, for itself or beside all else that is not ASCII, as in most texts. Searching
 * is quicker than going through them character by character.
 */
function mayHoldSpots(text: string, sequence: RegExp): boolean {
  const spots = text.match(sequence)?.length ?? 0;
  if (spots < SPOTS) return false;
  // In UTF-8 a character takes one byte more than in UTF-16 units, or two.
  const beyondAscii = (Buffer.byteLength(text) - text.length) / 2;
  return spots * LONGEST_SEQUENCE * 2 > beyondAscii;
}

const LONGEST_SEQUENCE = 4;

/**
 * Where the characters of a text, as bytes of `table`, are UTF-8 again. None when most of what is not ASCII is
 * something else.
 */
function mistakenSpots(text: string, table: Uint8Array): readonly number[] {
  const spots: number[] = [];
  let others = 0;
  let inSpots = 0;
  for (let at = 0; at < text.length; ) {
    const unit = text.charCodeAt(at);
    const length = unit < 0x80 ? 1 : sequenceAt(text, at, table);
    if (length > 1) {
      spots.push(at);
      inSpots += length;
    } else if (unit >= 0x80) others += 1;
    at += length;
  }
  return inSpots > others ? spots : [];
}

/** How many characters from here on are one of UTF-8, or 1. */
function sequenceAt(text: string, at: number, table: Uint8Array): number {
  const lead = table[text.charCodeAt(at)] ?? 0;
  const length =
    lead >= 0xc2 && lead <= 0xdf ? 2 : lead >= 0xe0 && lead <= 0xef ? 3 : lead >= 0xf0 && lead <= 0xf4 ? 4 : 1;
  for (let behind = 1; behind < length; behind++) {
    const byte = table[text.charCodeAt(at + behind)] ?? 0;
    if (byte < 0x80 || byte > 0xbf) return 1;
  }
  return length;
}

const tables = new Map<string, Uint8Array>();
/** Windows' code pages hold no sign beyond ™, which is U+2122. */
const TABLE_CHARS = 0x2200;

/** Bytes from 0x80 by the code of their character; 0 = it has none. */
function bytesIn(encoding: string): Uint8Array {
  const known = tables.get(encoding);
  if (known !== undefined) return known;
  const bytes = Uint8Array.from({ length: 128 }, (_, index) => index + 128);
  const characters = new TextDecoder(encoding).decode(bytes);
  // ISO-8859-1 has controls where the others have signs: what it makes of UTF-8 is looked at with them.
  const table = new Uint8Array(TABLE_CHARS);
  for (const byte of bytes.subarray(0, 32)) table[byte] = byte;
  for (const [index, char] of [...characters].entries()) table[char.charCodeAt(0)] = index + 128;
  tables.set(encoding, table);
  return table;
}

/**
 * How Latin letters follow each other, as in some language or not: the natural logarithm of a letter's likelihood. Of
 * 354 languages in Latin script the lowest has −4.79, fourteen less than −4.2, half more than −3.4; a text whose
 * letters were exchanged has −4.6 to −6. Null: there is too little to say.
 *
 * `doubtful`: something else speaks against the text, and all its letters count. Otherwise only words without a digit,
 * sign or capital within them do, when they are most of the text: lists of part numbers are no garbage.
 */
export function languageScore(text: string, doubtful: boolean): number | null {
  const sample = text.slice(0, LANGUAGE_SAMPLE_CHARS);
  const words = doubtful ? (sample.match(/[A-Za-z]+/g) ?? []) : (sample.match(/[^\s\p{P}]+/gu) ?? []);
  const plain = doubtful ? words : words.filter((word) => /^[A-Za-z]?[a-z]{2,30}$/.test(word));
  const pairs = new Map<number, number>();
  let letters = 0;
  for (const word of plain) {
    let before = BOUNDARY;
    for (const char of word.toLowerCase()) {
      const key = pairKey(before, char.charCodeAt(0));
      pairs.set(key, (pairs.get(key) ?? 0) + 1);
      before = char.charCodeAt(0);
      letters += 1;
    }
  }
  if (letters < (doubtful ? DOUBTFUL_LETTERS : LANGUAGE_LETTERS) || plain.length * 2 < words.length) return null;
  return Math.max(...LATIN.map((name) => scoreIn(name, pairs) / letters));
}

const LANGUAGE_SAMPLE_CHARS = 4000;
const LANGUAGE_LETTERS = 300;
const DOUBTFUL_LETTERS = 60;
/** The large families of languages; others are near to one of them. */
const LATIN = "english german french italian polish finnish turkish albanian vietnamese hungarian".split(" ");

function scoreIn(name: string, pairs: ReadonlyMap<number, number>): number {
  const language = languageNamed(name);
  let score = 0;
  for (const [key, times] of pairs) score += times * language.logOf(Math.floor(key / 0x10000), key % 0x10000);
  return score;
}
