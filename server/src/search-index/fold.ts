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
 * Marks that are folded away: diacritics of Latin, Greek and Cyrillic, vowel points of Arabic and Hebrew, which most
 * texts leave out. Not all of \p{M}: the vowels of Indic scripts and of Thai, and the voicing marks of kana, are letters to their readers.
 */
const DIACRITIC =
  /^[\u0300-\u036f\u0483-\u0489\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06dc\u06df-\u06e4\u06e7\u06e8\u06ea-\u06ed\u0711\u0730-\u074a\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]$/;

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
  if (MARK.test(char) || HANGUL_TAIL.test(char)) return { kind: "mark", text, alone: false };
  const unit = parts.every((part) => UNSPACED.test(part) && !DIGIT.test(part));
  return { kind: unit ? "unit" : "word", text, alone: unit && ALONE.test(parts[0] ?? "") };
}

function foldText(char: string): string {
  let text = "";
  // Lower case can decompose (İ) and decomposition can bring capitals (ℌ): decompose on both sides of it.
  for (const part of char.normalize("NFKD").toLowerCase().normalize("NFKD")) {
    if (!DIACRITIC.test(part)) text += LETTERS[part] ?? part;
  }
  return text.normalize("NFC");
}
