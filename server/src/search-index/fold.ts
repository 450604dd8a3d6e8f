/**
 * How one code point of a text reads to the analyser, kept apart from word building because it needs no context.
 *
 * - `separator`: ends a word.
 * - `ignorable`: as if it were not there (soft hyphen, joiners, bidi controls, variation selectors).
 * - `mark`: belongs to what stands before it; `text` is empty for a diacritic that folding removes.
 * - `word`: a character of a word.
 * - `unit`: a character of a script that is written without spaces; words of it cannot be seen, pairs can.
 * - `mixed`: stands for several characters, some of them separators (½ is 1⁄2).
 */
export interface Folded {
  readonly kind: "separator" | "ignorable" | "mark" | "word" | "unit" | "mixed";
  /** NFKC, lower case, without diacritics, digits of any script as 0–9. */
  readonly text: string;
  /** The same with ä as ae, å as aa: how it is written where the letter is not at hand. Mostly equal to `text`. */
  readonly spelledOut: string;
  /** A unit that is a word by itself often enough to be searched alone: an ideograph, a Hangul syllable. */
  readonly alone: boolean;
}

/** Of analyze.ts: what changed between two versions stands beside NEWER_LETTERS, NEWER_DIACRITICS and the like. */
export type AnalyserVersion = 1 | 2 | 3 | 4;
export const ANALYSER_VERSION: AnalyserVersion = 4;

/**
 * Folding is a property of the code point, so each is worked out once. Bounded by Unicode; a text uses a few hundred.
 */
const known: Readonly<Record<AnalyserVersion, Map<number, Folded>>> = {
  1: new Map(),
  2: new Map(),
  3: new Map(),
  4: new Map(),
};

export function foldCodePoint(codePoint: number, version: AnalyserVersion = ANALYSER_VERSION): Folded {
  const found = known[version].get(codePoint);
  if (found !== undefined) return found;
  const made = work(String.fromCodePoint(codePoint), version);
  known[version].set(codePoint, made);
  return made;
}

/**
 * Marks that are folded away, as ranges of code points: diacritics of Latin, Greek and Cyrillic, vowel points of
 * Arabic, Hebrew and Syriac, which most texts leave out. Not all of \p{M}: the vowels of Indic scripts and of Thai, and
 * the voicing marks of kana, are letters to their readers.
 */
const DIACRITICS: readonly (readonly [from: number, to: number])[] = [
  [0x0300, 0x036f],
  [0x0483, 0x0489],
  [0x0591, 0x05bd],
  [0x05bf, 0x05bf],
  [0x05c1, 0x05c2],
  [0x05c4, 0x05c5],
  [0x05c7, 0x05c7],
  [0x0610, 0x061a],
  [0x064b, 0x065f],
  [0x0670, 0x0670],
  [0x06d6, 0x06dc],
  [0x06df, 0x06e4],
  [0x06e7, 0x06e8],
  [0x06ea, 0x06ed],
  [0x0711, 0x0711],
  [0x0730, 0x074a],
  [0x1ab0, 0x1aff],
  [0x1dc0, 0x1dff],
  [0x20d0, 0x20ff],
  [0xfe20, 0xfe2f],
];

/**
 * Since version 3: letters that stand for an apostrophe (Oʻahu, Qurʾan, Ukrainian пʼять), which most spellings leave
 * out, and the dot of borrowed sounds below a Devanagari letter.
 */
const NEWER_DIACRITICS: readonly (readonly [from: number, to: number])[] = [
  [0x02bb, 0x02bf],
  [0x093c, 0x093c],
];

/** Since version 3: no part of the word that they stand at, whatever letters Unicode reads them as (Brand™, №5). */
const SEPARATORS: ReadonlySet<string> = new Set(["™", "℠", "№"]);

/** Arabic's tatweel stretches a word and says nothing. */
const IGNORABLE = /^(?:\p{Default_Ignorable_Code_Point}|\u0640)$/u;
/** Zero-width space is ignorable to Unicode, but Thai and Khmer texts put it between words. */
const ZERO_WIDTH_SPACE = "\u200b";

/** Letters, marks, numbers, and private use, where some PDFs and a few scripts keep their letters. */
const WORD = /^[\p{L}\p{M}\p{N}\p{Co}]$/u;
const MARK = /^\p{M}$/u;
const UNSPACED =
  /^[\p{scx=Han}\p{scx=Hira}\p{scx=Kana}\p{scx=Hang}\p{scx=Bopo}\p{sc=Thai}\p{sc=Laoo}\p{sc=Khmr}\p{sc=Mymr}\p{sc=Tale}\p{sc=Talu}\p{sc=Lana}\p{sc=Tavt}\p{sc=Ahom}\p{sc=Bali}\p{sc=Java}\p{sc=Yiii}]$/u;
const ALONE = /^[\p{sc=Han}\p{sc=Hang}\p{sc=Yiii}]$/u;
const DIGIT = /^\p{Nd}$/u;
/** Vowels and finals of decomposed Hangul complete the syllable that their first consonant began. */
const HANGUL_TAIL = /^[\u1160-\u11ff\ud7b0-\ud7ff]$/;

/** Letters whose base form Unicode does not decompose. */
const LETTERS: Readonly<Record<string, string>> = {
  ß: "ss",
  æ: "ae",
  œ: "oe",
  ø: "o",
  ł: "l",
  đ: "d",
  ð: "d",
  þ: "th",
  ħ: "h",
  ı: "i",
  ŧ: "t",
  ĸ: "k",
  ς: "σ",
};

/** Persian and Urdu spellings of Arabic letters, which keyboards mix. Since version 2. */
const NEWER_LETTERS: Readonly<Record<string, string>> = {
  ک: "ك",
  ی: "ي",
  ى: "ي",
  ة: "ه",
  ہ: "ه",
  ھ: "ه",
};

/** Since version 3: M8×40 is M8x40. */
const NEWEST_LETTERS: Readonly<Record<string, string>> = { "×": "x" };

const DIAERESIS = 0x0308;
const RING = 0x030a;

/** What a mark adds to its letter where the pair is written out: ä is ae, å is aa. "" = nothing: ë stays e. */
export function spelledMark(letter: string, mark: number): string {
  if (mark === DIAERESIS && (letter === "a" || letter === "o" || letter === "u")) return "e";
  return mark === RING && letter === "a" ? "a" : "";
}

function work(char: string, version: AnalyserVersion): Folded {
  if (char === ZERO_WIDTH_SPACE || (version >= 3 && SEPARATORS.has(char))) return folded("separator", "");
  if (IGNORABLE.test(char)) return folded("ignorable", "");
  const text = foldText(char, version);
  if (text === "") return folded("mark", text);
  const parts = [...text];
  const words = parts.filter((part) => WORD.test(part)).length;
  if (words === 0) return folded("separator", "");
  if (words < parts.length) return folded("mixed", text);
  // The folded text decides: the narrow voicing marks ﾞ and ﾟ are letters themselves.
  if (parts.every((part) => MARK.test(part)) || HANGUL_TAIL.test(char)) return folded("mark", text);
  if (!parts.every((part) => UNSPACED.test(part) && !DIGIT.test(part)))
    return folded("word", text, spellOut(char, version));
  return { ...folded("unit", text), alone: ALONE.test(parts[0] ?? "") };
}

function folded(kind: Folded["kind"], text: string, spelledOut = text): Folded {
  return { kind, text, spelledOut, alone: false };
}

function foldText(char: string, version: AnalyserVersion): string {
  let text = "";
  for (const part of decomposed(char)) {
    if (!isDiacritic(part.codePointAt(0) ?? 0, version)) text += baseOf(part, version);
  }
  return text.normalize("NFC");
}

function spellOut(char: string, version: AnalyserVersion): string {
  let text = "";
  for (const part of decomposed(char)) {
    const codePoint = part.codePointAt(0) ?? 0;
    if (part === "ø") text += "oe";
    else text += isDiacritic(codePoint, version) ? spelledMark(text.at(-1) ?? "", codePoint) : baseOf(part, version);
  }
  return text.normalize("NFC");
}

/** Lower case can decompose (İ) and decomposition can bring capitals (ℌ): decompose on both sides of it. */
function decomposed(char: string): string {
  return char.normalize("NFKD").toLowerCase().normalize("NFKD");
}

/** Version 1 left the digits of other scripts as they were. */
function baseOf(part: string, version: AnalyserVersion): string {
  const base = LETTERS[part] ?? (version >= 3 ? NEWEST_LETTERS[part] : undefined);
  if (base !== undefined || version === 1) return base ?? part;
  return NEWER_LETTERS[part] ?? (DIGIT.test(part) ? digitOf(part) : part);
}

/** Unicode keeps the decimal digits of a script in a row that begins with zero. */
function digitOf(digit: string): string {
  const codePoint = digit.codePointAt(0) ?? 0;
  let zero = codePoint;
  while (DIGIT.test(String.fromCodePoint(zero - 1))) zero--;
  return String((codePoint - zero) % 10);
}

function isDiacritic(codePoint: number, version: AnalyserVersion): boolean {
  const isIn = ([from, to]: readonly [from: number, to: number]) => codePoint >= from && codePoint <= to;
  return DIACRITICS.some(isIn) || (version >= 3 && NEWER_DIACRITICS.some(isIn));
}
