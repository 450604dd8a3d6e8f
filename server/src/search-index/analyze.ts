import { foldCodePoint } from "./fold.ts";
import { stemEnglish } from "./stem-english.ts";

/**
 * The one analyser: it turns text and queries into tokens for every engine, so that a word means the same everywhere and a
 * highlight marks exactly what matched. Pure, and free of other imports: the jailed extraction child loads it.
 *
 * - A **token** is a term and the range of the original text that it was read from.
 * - Words are runs of letters, marks and numbers; every other character separates, and none is an operator.
 * - Terms are folded (NFKC, lower case, no diacritics: fold.ts) and, when they are of a–z alone, stemmed.
 * - Scripts without spaces (Chinese, Japanese, Korean, Thai …) give each pair of neighbouring characters, and ideographs and
 *   Hangul syllables also alone. Rejected: Intl.Segmenter, whose words depend on their neighbours and on the ICU data that Node
 *   was built with: a phrase cut out of a text is segmented otherwise than within it (docs/decisions/0011-search-ranking.md).
 * - Stop words stay in documents; only a query drops them (query-terms.ts).
 */
export interface Token {
  readonly term: string;
  /** UTF-16 code units of the analysed text, end exclusive. */
  readonly start: number;
  readonly end: number;
}

export function analyze(text: string): Token[] {
  const tokens: Token[] = [];
  scan(text, (term, start, end) => tokens.push({ term, start, end }));
  return tokens;
}

/** The terms joined by one space: what engines index. A term holds no space and no ASCII but a–z and 0–9. */
export function tokenText(text: string): string {
  const terms: string[] = [];
  scan(text, (term) => terms.push(term));
  return terms.join(" ");
}

/** The tokens of a document's title field: its title, else its file name. Extraction and rebuild must agree on it. */
export function titleTokenText(filename: string, title: string): string {
  return tokenText(title === "" ? filename : title);
}

/** A longer word is known by its beginning, in UTF-16 code units: base64 and other noise must not fill the index. */
const MAX_TERM = 64;

type Emit = (term: string, start: number, end: number) => void;

const SEPARATOR = 0;
const LOWER = 1;
const UPPER = 2;

const ASCII: Uint8Array = asciiKinds();

/** Most text is ASCII words: those are cut out whole; a word with anything else in it goes the long way. */
function scan(text: string, emit: Emit): void {
  const length = text.length;
  let at = 0;
  while (at < length) {
    const code = text.charCodeAt(at);
    if (code < 128 && ASCII[code] === SEPARATOR) {
      at++;
      continue;
    }
    let end = at;
    let upper = 0;
    let next = code;
    while (next < 128) {
      const kind = ASCII[next];
      if (kind === SEPARATOR) break;
      upper |= kind ?? 0;
      if (++end === length) break;
      next = text.charCodeAt(end);
    }
    if (end === length || next < 128) {
      emitAscii(text, at, end, upper >= UPPER, emit);
      at = end;
    } else {
      at = scanFolded(text, at, emit);
    }
  }
}

function emitAscii(text: string, start: number, end: number, upper: boolean, emit: Emit): void {
  const raw = text.slice(start, end);
  const word = upper ? raw.toLowerCase() : raw;
  if (!isClitic(text, word, start)) emit(stem(word), start, end);
}

/** From a word with a character beyond ASCII, up to the next separator. */
function scanFolded(text: string, from: number, emit: Emit): number {
  const builder = new WordBuilder(text, emit);
  let at = from;
  while (at < text.length) {
    const codePoint = text.codePointAt(at) ?? 0;
    const end = at + (codePoint > 0xffff ? 2 : 1);
    const { kind, text: folded, alone } = foldCodePoint(codePoint);
    if (kind === "separator") {
      builder.flush();
      return end;
    }
    if (kind === "word") builder.word(folded, at, end);
    else if (kind === "unit") builder.unit(folded, at, end, alone);
    else if (kind === "mark") builder.mark(folded, at, end);
    else if (kind === "mixed") builder.mixed(folded, at, end);
    at = end;
  }
  builder.flush();
  return at;
}

interface Unit {
  text: string;
  readonly start: number;
  end: number;
  readonly alone: boolean;
}

/** Gathers either one word or one run of units, never both. */
class WordBuilder {
  readonly #text: string;
  readonly #emit: Emit;
  #word = "";
  #start = 0;
  #end = 0;
  #units: Unit[] = [];

  constructor(text: string, emit: Emit) {
    this.#text = text;
    this.#emit = emit;
  }

  word(folded: string, start: number, end: number): void {
    if (this.#units.length > 0) this.flush();
    if (this.#word === "") this.#start = start;
    this.#word += folded;
    this.#end = end;
  }

  unit(folded: string, start: number, end: number, alone: boolean): void {
    if (this.#word !== "") this.flush();
    this.#units.push({ text: folded, start, end, alone });
  }

  mark(folded: string, start: number, end: number): void {
    const unit = this.#units.at(-1);
    if (unit !== undefined) {
      unit.text += folded;
      unit.end = end;
    } else if (this.#word !== "") {
      this.#word += folded;
      this.#end = end;
    } else if (folded !== "") this.word(folded, start, end);
  }

  mixed(folded: string, start: number, end: number): void {
    for (const part of folded) {
      const piece = foldCodePoint(part.codePointAt(0) ?? 0);
      if (piece.kind === "word") this.word(piece.text, start, end);
      else if (piece.kind === "unit") this.unit(piece.text, start, end, piece.alone);
      else if (piece.kind === "mark") this.mark(piece.text, start, end);
      else this.flush();
    }
  }

  flush(): void {
    if (this.#word !== "") {
      const term = this.#word.normalize("NFC");
      if (!isClitic(this.#text, term, this.#start)) this.#emit(stem(term), this.#start, this.#end);
      this.#word = "";
    }
    if (this.#units.length > 0) {
      emitUnits(this.#units, this.#emit);
      this.#units = [];
    }
  }
}

function emitUnits(units: readonly Unit[], emit: Emit): void {
  for (const [index, unit] of units.entries()) {
    const next = units[index + 1];
    if (unit.alone || units.length === 1) emit(clip(composed(unit.text)), unit.start, unit.end);
    if (next !== undefined) emit(clip(composed(unit.text + next.text)), unit.start, next.end);
  }
}

/** One code unit came out of folding as it is; with marks behind it, it may have a composed form. */
function composed(text: string): string {
  return text.length === 1 ? text : text.normalize("NFC");
}

/** What English hangs on a word with an apostrophe says nothing by itself: CONSULTANT'S is "consultant", don't is "don". */
const CLITICS = new Set(["s", "t", "d", "m", "ll", "re", "ve"]);

function isClitic(text: string, word: string, start: number): boolean {
  if (word.length > 2 || start < 2) return false;
  const before = text.charCodeAt(start - 1);
  if (before !== 0x27 && before !== 0x2019) return false;
  const letter = text.charCodeAt(start - 2);
  return (letter >= 128 ? foldCodePoint(letter).kind === "word" : ASCII[letter] !== SEPARATOR) && CLITICS.has(word);
}

/**
 * Stems of short words, which repeat: stemming each afresh costs a third of the speed. Words from 13 characters on are not kept:
 * V8 makes them views into the whole text, and a kept view keeps the text.
 */
const stems = new Map<string, string>();
const MAX_STEMS = 50_000;
const MAX_KEPT_LENGTH = 12;

function stem(term: string): string {
  if (term.length > MAX_KEPT_LENGTH) return isEnglish(term) ? stemEnglish(clip(term)) : clip(term);
  const found = stems.get(term);
  if (found !== undefined) return found;
  const made = isEnglish(term) ? stemEnglish(term) : term;
  if (stems.size >= MAX_STEMS) stems.clear();
  stems.set(term, made);
  return made;
}

function isEnglish(term: string): boolean {
  for (let i = 0; i < term.length; i++) {
    const code = term.charCodeAt(i);
    if (code < 97 || code > 122) return false;
  }
  return true;
}

/** Never between the halves of a surrogate pair. */
function clip(term: string): string {
  if (term.length <= MAX_TERM) return term;
  const last = term.charCodeAt(MAX_TERM - 1);
  return term.slice(0, last >= 0xd800 && last <= 0xdbff ? MAX_TERM - 1 : MAX_TERM);
}

function asciiKinds(): Uint8Array {
  const kinds = new Uint8Array(128);
  for (let code = 0; code < 128; code++) {
    const char = String.fromCharCode(code);
    if (/[a-z0-9]/.test(char)) kinds[code] = LOWER;
    else if (/[A-Z]/.test(char)) kinds[code] = UPPER;
  }
  return kinds;
}
