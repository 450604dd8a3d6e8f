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
  /** NFKC, lower case, without diacritics. */
  readonly text: string;
  /** A unit that is a word by itself often enough to be searched alone: an ideograph, a Hangul syllable. */
  readonly alone: boolean;
}

/** Folding is a property of the code point, so each is worked out once. Bounded by Unicode; a text uses a few hundred. */
const known = new Map<number, Folded>();

export function foldCodePoint(codePoint: number): Folded {
  const found = known.get(codePoint);
  if (found !== undefined) return found;
  const folded = work(String.fromCodePoint(codePoint));
  known.set(codePoint, folded);
  return folded;
}

/**
 * Marks that are folded away, as ranges of code points: diacritics of Latin, Greek and Cyrillic, vowel points of Arabic, Hebrew and
 * Syriac, which most texts leave out. Not all of \p{M}: the vowels of Indic scripts and of Thai, and the voicing marks of kana, are
 * letters to their readers.
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

function work(char: string): Folded {
  if (char === ZERO_WIDTH_SPACE) return { kind: "separator", text: "", alone: false };
  if (IGNORABLE.test(char)) return { kind: "ignorable", text: "", alone: false };
  const text = foldText(char);
  if (text === "") return { kind: "mark", text, alone: false };
  const parts = [...text];
  const words = parts.filter((part) => WORD.test(part)).length;
  if (words === 0) return { kind: "separator", text: "", alone: false };
  if (words < parts.length) return { kind: "mixed", text, alone: false };
  // The folded text decides: the narrow voicing marks ﾞ and ﾟ are letters themselves.
  if (parts.every((part) => MARK.test(part)) || HANGUL_TAIL.test(char)) return { kind: "mark", text, alone: false };
  const unit = parts.every((part) => UNSPACED.test(part) && !DIGIT.test(part));
  return { kind: unit ? "unit" : "word", text, alone: unit && ALONE.test(parts[0] ?? "") };
}

function foldText(char: string): string {
  let text = "";
  // Lower case can decompose (İ) and decomposition can bring capitals (ℌ): decompose on both sides of it.
  for (const part of char.normalize("NFKD").toLowerCase().normalize("NFKD")) {
    if (!isDiacritic(part.codePointAt(0) ?? 0)) text += LETTERS[part] ?? part;
  }
  return text.normalize("NFC");
}

function isDiacritic(codePoint: number): boolean {
  return DIACRITICS.some(([from, to]) => codePoint >= from && codePoint <= to);
}
