import type { Form } from "./compounds.ts";
import { ANALYSER_VERSION, type AnalyserVersion } from "./fold.ts";
import { scan } from "./scan.ts";
import { clip, termOf } from "./term.ts";

/**
 * The one analyser: it turns text and queries into tokens for every engine, so that a word means the same everywhere
 * and a highlight marks exactly what matched. Pure, and free of other imports: the jailed extraction child loads it.
 *
 * - A **token** is a term and the range of the original text that it was read from.
 * - **Words** are runs of letters, marks and numbers; every other character separates, and none is an operator. `C++`,
 *   `C#` and their kind are words, in which ＋ and ＃ stand for what the engines would cut off.
 * - Terms are folded (NFKC, lower case, no diacritics: fold.ts) and, when they are of a–z alone, stemmed.
 * - **Forms** are other spellings of words that are there: joined, split (compounds.ts), ä as ae. They are indexed
 *   behind the words, so that neighbours in a text stay neighbours.
 * - Scripts without spaces (Chinese, Japanese, Korean, Thai …) give each pair of neighbouring characters, and
 *   ideographs and Hangul syllables also alone. Rejected: Intl.Segmenter, whose words depend on their neighbours and on
 *   the ICU data that Node was built with: a phrase cut out of a text is segmented otherwise than within it
 *   (docs/decisions/0011-search-ranking.md).
 * - Stop words stay in documents; only a query drops them (query-terms.ts).
 */
export interface Token {
  readonly term: string;
  /** UTF-16 code units of the analysed text, end exclusive. */
  readonly start: number;
  readonly end: number;
}

/** Another spelling of words that are there. */
export interface FormToken extends Token {
  /** Terms of the words that it joins, or that the word falls into; none for a word that is spelled out. */
  readonly pieces: readonly string[];
  readonly kind: Form["kind"] | "spelled";
  /** The term of the word that it falls out of, or spells out; "" of joined words. */
  readonly of: string;
}

export interface Reading {
  readonly words: readonly Token[];
  readonly forms: readonly FormToken[];
}

/**
 * Words in their order, then forms. `version`: as an earlier analyser read it, for an index that holds its tokens;
 * words alone.
 */
export function readText(text: string, version: AnalyserVersion = ANALYSER_VERSION): Reading {
  const words: Token[] = [];
  const forms: FormToken[] = [];
  scan(text, version, {
    word: (term, start, end) => words.push({ term, start, end }),
    form: ({ text: form, start, end, pieces, kind, of }) =>
      forms.push({ term: termOf(form), start, end, pieces: pieces.map(termOf), kind, of: termOf(of) }),
    spelled: (term, start, end, of) => forms.push({ term, start, end, pieces: [], kind: "spelled", of }),
  });
  return { words, forms };
}

/** Words and forms. */
export function analyze(text: string): Token[] {
  const { words, forms } = readText(text);
  return [...words, ...forms];
}

/**
 * The terms joined by one space: what engines index, words first. A term holds no space and no ASCII but a–z and 0–9,
 * so it can neither be cut by an engine nor meet a hint.
 */
export function tokenText(text: string): string {
  const terms: string[] = [];
  const forms: string[] = [];
  scan(text, ANALYSER_VERSION, {
    word: (term) => terms.push(term),
    form: (form) => forms.push(termOf(form.text)),
    spelled: (term) => forms.push(term),
  });
  return forms.length === 0 ? terms.join(" ") : `${terms.join(" ")} ${forms.join(" ")}`;
}

/**
 * The tokens of a document's title field: title and file name, and one term for each of them as a whole, also without
 * the extension and without the folders before it, so that a query that is a name finds it. Extraction and rebuild must
 * agree on it.
 */
export function titleTokenText(filename: string, title: string): string {
  const names = [...new Set([title, filename])].filter((name) => name !== "");
  const files = [filename, filename.slice(filename.lastIndexOf("/") + 1)];
  const wholes = new Set([...names, ...files, ...files.map((file) => file.replace(EXTENSION, ""))].map(wholeTerm));
  return [...wholes, ...names.map(tokenText)].filter((part) => part !== "").join(" ");
}

const EXTENSION = /\.[^.]{1,5}$/;

/**
 * The term of a title that says these words and no other, in whatever order; "" when it has none. Nothing else
 * begins with its sign.
 */
export function wholeTerm(text: string): string {
  const words = readText(text).words.map((word) => word.term);
  return words.length === 0 ? "" : clip(`＝${words.sort().join("")}`);
}
