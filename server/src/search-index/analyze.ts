import { Compounds, type Form, splitWord } from "./compounds.ts";
import { ANALYSER_VERSION, type AnalyserVersion, type Folded, foldCodePoint, spelledMark } from "./fold.ts";
import { stemEnglish } from "./stem-english.ts";

/**
 * The one analyser: it turns text and queries into tokens for every engine, so that a word means the same everywhere and a
 * highlight marks exactly what matched. Pure, and free of other imports: the jailed extraction child loads it.
 *
 * - A **token** is a term and the range of the original text that it was read from.
 * - **Words** are runs of letters, marks and numbers; every other character separates, and none is an operator. `C++`, `C#` and their
 *   kind are words, in which ＋ and ＃ stand for what the engines would cut off.
 * - Terms are folded (NFKC, lower case, no diacritics: fold.ts) and, when they are of a–z alone, stemmed.
 * - **Forms** are other spellings of words that are there: joined, split (compounds.ts), ä as ae. They are indexed behind the words, so that
 *   neighbours in a text stay neighbours.
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

/** Words in their order, then forms. `version`: as an earlier analyser read it, for an index that holds its tokens; words alone. */
export function readText(text: string, version: AnalyserVersion = ANALYSER_VERSION): Reading {
  const words: Token[] = [];
  const forms: FormToken[] = [];
  scan(text, version, {
    word: (term, start, end) => words.push({ term, start, end }),
    form: ({ text: form, start, end, pieces, kind, of }) =>
      forms.push({ term: stem(form), start, end, pieces: pieces.map(stem), kind, of: stem(of) }),
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
 * The terms joined by one space: what engines index, words first. A term holds no space and no ASCII but a–z and 0–9, so it can neither be
 * cut by an engine nor meet a hint.
 */
export function tokenText(text: string): string {
  const terms: string[] = [];
  const forms: string[] = [];
  scan(text, ANALYSER_VERSION, {
    word: (term) => terms.push(term),
    form: (form) => forms.push(stem(form.text)),
    spelled: (term) => forms.push(term),
  });
  return forms.length === 0 ? terms.join(" ") : `${terms.join(" ")} ${forms.join(" ")}`;
}

/**
 * The tokens of a document's title field: title and file name, and one term for each of them as a whole, also without the extension, so that a
 * query that is a name finds it. Extraction and rebuild must agree on it.
 */
export function titleTokenText(filename: string, title: string): string {
  const names = [...new Set([title, filename])].filter((name) => name !== "");
  const wholes = new Set([...names, filename.replace(EXTENSION, "")].map(wholeTerm));
  return [...wholes, ...names.map(tokenText)].filter((part) => part !== "").join(" ");
}

const EXTENSION = /\.[^.]{1,5}$/;

/** The term of a title that says these words and no other, in whatever order; "" when it has none. Nothing else begins with its sign. */
export function wholeTerm(text: string): string {
  const words = readText(text).words.map((word) => word.term);
  return words.length === 0 ? "" : clip(`＝${words.sort().join("")}`);
}

/** A longer word is known by its beginning, in UTF-16 code units: base64 and other noise must not fill the index. */
const MAX_TERM = 64;

interface Sink {
  word(term: string, start: number, end: number): void;
  form(form: Form): void;
  /** ä as ae. */
  spelled(term: string, start: number, end: number, of: string): void;
}

const SEPARATOR = 0;
const LOWER = 1;
const UPPER = 2;
const DIGIT = 4;

const ASCII: Uint8Array = asciiKinds();

/** Most text is ASCII words: those are cut out whole; a word with anything else in it goes the long way. */
function scan(text: string, version: AnalyserVersion, sink: Sink): void {
  const reader = new Reader(text, version, sink);
  const length = text.length;
  let at = 0;
  while (at < length) {
    const code = text.charCodeAt(at);
    if (code < 128 && ASCII[code] === SEPARATOR) {
      at++;
      continue;
    }
    let end = at;
    let kinds = 0;
    let next = code;
    while (next < 128) {
      const kind = ASCII[next];
      if (kind === SEPARATOR) break;
      kinds |= kind ?? 0;
      if (++end === length) break;
      next = text.charCodeAt(end);
    }
    at = end === length || next < 128 ? reader.ascii(at, end, kinds) : scanFolded(text, at, version, reader);
  }
  reader.flush();
}

/** Longer words are noise, which must not be doubled. */
const MAX_SPLIT = 40;
const PLUS = 0x2b;
const HASH = 0x23;

/** What each word of a text gives: its term, and the forms that it and its neighbours make. */
class Reader {
  readonly #text: string;
  readonly #sink: Sink;
  /** null: an earlier version, which knew no forms. */
  readonly #compounds: Compounds | null;

  constructor(text: string, version: AnalyserVersion, sink: Sink) {
    this.#text = text;
    this.#sink = sink;
    this.#compounds = version === 1 ? null : new Compounds(text, (form) => sink.form(form));
  }

  /** Where to go on. */
  ascii(start: number, end: number, kinds: number): number {
    const raw = this.#text.slice(start, end);
    const word = (kinds & UPPER) !== 0 ? raw.toLowerCase() : raw;
    if (isClitic(this.#text, word, start)) return end;
    if (this.#compounds === null) {
      this.#sink.word(stem(word), start, end);
      return end;
    }
    const sign = this.#languageSign(start, end);
    if (sign !== "" && end - start === 1) {
      const term = `${word}${sign}`;
      this.#emit(term, start, end + sign.length);
      // Who asks for C is shown what is about C++; who asks for C++ means that alone: a query drops what it splits.
      this.#sink.form({ text: word, start, end, pieces: [], kind: "split", of: term });
      return end + sign.length;
    }
    this.#emit(word, start, end);
    if (sign === "＋＋") this.#sink.spelled(`${word}${sign}`, start, end + sign.length, stem(word));
    if (end - start <= MAX_SPLIT && fallsApart(raw, kinds))
      for (const form of splitWord(raw, start) ?? []) this.#sink.form(form);
    return end;
  }

  folded(word: string, spelledOut: string, start: number, end: number): void {
    const term = word.normalize("NFC");
    if (isClitic(this.#text, term, start)) return;
    this.#emit(term, start, end);
    if (this.#compounds !== null && spelledOut !== word)
      this.#sink.spelled(stem(spelledOut.normalize("NFC")), start, end, stem(term));
  }

  unit(term: string, start: number, end: number): void {
    this.#sink.word(term, start, end);
  }

  flush(): void {
    this.#compounds?.flush();
  }

  #emit(word: string, start: number, end: number): void {
    this.#sink.word(stem(word), start, end);
    this.#compounds?.word(word, start, end);
  }

  /**
   * C++ and C#, also before a number (C++17) or a script without spaces (C++编程); of longer words (Notepad++) it makes a form, and a # is a number
   * sign (Item# 5). "" = none.
   */
  #languageSign(start: number, end: number): string {
    const code = this.#text.charCodeAt(end);
    if (code !== PLUS && code !== HASH) return "";
    const sign = code === HASH ? "＃" : this.#text.charCodeAt(end + 1) === PLUS ? "＋＋" : "";
    const first = this.#text.charCodeAt(start);
    const next = this.#text.charCodeAt(end + sign.length);
    const goesOn =
      next === PLUS ||
      next === HASH ||
      (next < 128 ? isAsciiLetter(next) : next >= 128 && isWordAt(this.#text, end + sign.length));
    return goesOn || (ASCII[first] ?? 0) === DIGIT ? "" : sign;
  }
}

/** Whether it may hold more than one part: letters beside digits, or a capital behind the first letter. */
function fallsApart(raw: string, kinds: number): boolean {
  if (kinds === LOWER || kinds === DIGIT || kinds === UPPER) return false;
  if ((kinds & DIGIT) !== 0) return true;
  for (let at = 1; at < raw.length; at++) if (raw.charCodeAt(at) < LOWER_A) return true;
  return false;
}

const LOWER_A = 0x61;

function isAsciiLetter(code: number): boolean {
  return ((ASCII[code] ?? SEPARATOR) & (LOWER | UPPER)) !== 0;
}

function isWordAt(text: string, at: number): boolean {
  const kind = foldCodePoint(text.codePointAt(at) ?? 0).kind;
  return kind === "word" || kind === "mark";
}

/** From a word with a character beyond ASCII, up to the next separator. */
function scanFolded(text: string, from: number, version: AnalyserVersion, reader: Reader): number {
  const builder = new WordBuilder(reader, version);
  let at = from;
  while (at < text.length) {
    const codePoint = text.codePointAt(at) ?? 0;
    const end = at + (codePoint > 0xffff ? 2 : 1);
    const folded = foldCodePoint(codePoint, version);
    if (folded.kind === "separator") {
      builder.flush();
      return end;
    }
    if (folded.kind === "mixed") builder.mixed(folded.text, at, end);
    else if (folded.kind !== "ignorable") builder.piece(folded, codePoint, at, end);
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
  readonly #reader: Reader;
  readonly #version: AnalyserVersion;
  #word = "";
  /** Null while it is the word itself: most never differ. */
  #spelledOut: string | null = null;
  #start = 0;
  #end = 0;
  #units: Unit[] = [];

  constructor(reader: Reader, version: AnalyserVersion) {
    this.#reader = reader;
    this.#version = version;
  }

  piece(folded: Folded, codePoint: number, start: number, end: number): void {
    if (folded.kind === "word") this.#add(folded.text, folded.spelledOut, start, end);
    else if (folded.kind === "unit") this.#unit(folded, start, end);
    else if (folded.kind === "mark") this.#mark(folded.text, codePoint, start, end);
    else this.flush();
  }

  mixed(text: string, start: number, end: number): void {
    for (const part of text) {
      const codePoint = part.codePointAt(0) ?? 0;
      this.piece(foldCodePoint(codePoint, this.#version), codePoint, start, end);
    }
  }

  flush(): void {
    if (this.#word !== "") this.#reader.folded(this.#word, this.#spelledOut ?? this.#word, this.#start, this.#end);
    this.#word = "";
    this.#spelledOut = null;
    if (this.#units.length === 0) return;
    emitUnits(this.#units, this.#reader);
    this.#units = [];
  }

  #add(text: string, spelledOut: string, start: number, end: number): void {
    if (this.#units.length > 0) this.flush();
    if (this.#word === "") this.#start = start;
    if (spelledOut !== text) this.#spelledOut ??= this.#word;
    this.#word += text;
    if (this.#spelledOut !== null) this.#spelledOut += spelledOut;
    this.#end = end;
  }

  #unit({ text, alone }: Folded, start: number, end: number): void {
    if (this.#word !== "") this.flush();
    this.#units.push({ text, start, end, alone });
  }

  #mark(text: string, codePoint: number, start: number, end: number): void {
    const unit = this.#units.at(-1);
    if (unit !== undefined) {
      unit.text += text;
      unit.end = end;
    } else if (this.#word !== "") {
      const before = this.#spelledOut ?? this.#word;
      const spelled = text === "" ? spelledMark(before.at(-1) ?? "", codePoint) : text;
      if (this.#spelledOut !== null || spelled !== text) this.#spelledOut = before + spelled;
      this.#word += text;
      this.#end = end;
    } else if (text !== "") this.#add(text, text, start, end);
  }
}

function emitUnits(units: readonly Unit[], reader: Reader): void {
  for (const [index, unit] of units.entries()) {
    const next = units[index + 1];
    if (unit.alone || units.length === 1) reader.unit(clip(composed(unit.text)), unit.start, unit.end);
    if (next !== undefined) reader.unit(clip(composed(unit.text + next.text)), unit.start, next.end);
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
    if (/[a-z]/.test(char)) kinds[code] = LOWER;
    else if (/[0-9]/.test(char)) kinds[code] = DIGIT;
    else if (/[A-Z]/.test(char)) kinds[code] = UPPER;
  }
  return kinds;
}
