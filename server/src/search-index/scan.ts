import { Compounds, type Form, POINT, splitFolded, splitWord } from "./compounds.ts";
import { ANALYSER_VERSION, type AnalyserVersion, foldCodePoint } from "./fold.ts";
import { scanFolded } from "./folded-words.ts";
import { phoneForms } from "./phone-numbers.ts";
import { signedNumbers } from "./signed-numbers.ts";
import { termOf } from "./term.ts";

/** Whoever is told what a text holds: words in their order, and between them the forms that they make. */
export interface Sink {
  /** False: whoever listens wants no term that such a word can have, and is not told of it. Left out = it wants all. */
  wants?(word: string): boolean;
  word(term: string, start: number, end: number): void;
  form(form: Form): void;
  /** ä as ae; 10 as 10%. */
  spelled(term: string, start: number, end: number, of: string): void;
}

/** Most text is ASCII words: those are cut out whole; a word with anything else in it goes the long way. */
export function scan(text: string, version: AnalyserVersion, sink: Sink): void {
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

/** हिन्दी is हिंदी: before a consonant an n without its vowel is mostly written as a dot. And ँ as ं. */
const HINDI_NASAL = /\u0928\u094d(?=[\u0915-\u0939])|\u0901/g;
const ANUSVARA = "\u0902";

/** Longer words are noise, which must not be doubled. */
const MAX_SPLIT = 40;
const PLUS = 0x2b;
const HASH = 0x23;
const FULL_STOP = 0x2e;
const NINE = 0x39;

/** What each word of a text gives: its term, and the forms that it and its neighbours make. */
class Reader {
  readonly #text: string;
  readonly #sink: Sink;
  readonly #version: AnalyserVersion;
  /** null: of an earlier version words alone are wanted. */
  readonly #compounds: Compounds | null;

  constructor(text: string, version: AnalyserVersion, sink: Sink) {
    this.#text = text;
    this.#sink = sink;
    this.#version = version;
    this.#compounds = version < ANALYSER_VERSION ? null : new Compounds(text, (form) => sink.form(form));
  }

  /** Where to go on. */
  ascii(start: number, end: number, kinds: number): number {
    const raw = this.#text.slice(start, end);
    const word = (kinds & UPPER) !== 0 ? raw.toLowerCase() : raw;
    if (isClitic(this.#text, word, start)) return end;
    if (this.#version === 1) {
      this.#sink.word(termOf(word), start, end);
      return end;
    }
    const sign = this.#languageSign(start, end);
    if (sign !== "" && end - start === 1) {
      const term = `${word}${sign}`;
      this.#emit(term, start, end + sign.length);
      // Who asks for C is shown what is about C++; who asks for C++ means that alone: a query drops what it splits.
      if (this.#compounds !== null) this.#sink.form({ text: word, start, end, pieces: [], kind: "split", of: term });
      return end + sign.length;
    }
    this.#emit(word, start, end);
    if (this.#compounds === null) return end;
    this.#dotted(word, start, end);
    if (sign === "＋＋") this.#sink.spelled(`${word}${sign}`, start, end + sign.length, termOf(word));
    if (end - start <= MAX_SPLIT && fallsApart(raw, kinds))
      for (const form of splitWord(raw, start) ?? []) this.#sink.form(form);
    return end;
  }

  folded(word: string, spelledOut: string, start: number, end: number): void {
    const composed = word.normalize("NFC");
    const term = this.#version < 3 ? composed : composed.replace(HINDI_NASAL, ANUSVARA);
    if (isClitic(this.#text, term, start)) return;
    this.#emit(term, start, end);
    if (this.#compounds === null) return;
    this.#dotted(term, start, end);
    if (spelledOut !== word) this.#sink.spelled(termOf(spelledOut.normalize("NFC")), start, end, termOf(term));
    if (end - start > MAX_SPLIT) return;
    const raw = this.#text.slice(start, end);
    // A word of ASCII comes this way when a typographic mark stands behind it.
    const forms = /^[a-z0-9]+$/i.test(raw) ? splitWord(raw, start) : splitFolded(term, start, end);
    for (const form of forms ?? []) this.#sink.form(form);
  }

  /** .NET is no net, and .env no env: a word with a point before it, and nothing before that. */
  #dotted(word: string, start: number, end: number): void {
    if (this.#text.charCodeAt(start - 1) !== FULL_STOP || word.charCodeAt(0) <= NINE) return;
    const before = this.#text.charCodeAt(start - 2);
    if (before === FULL_STOP || (before < 128 ? ASCII[before] !== SEPARATOR : isWordBefore(this.#text, start - 1)))
      return;
    this.#sink.spelled(termOf(`${POINT}${word}`), start - 1, end, termOf(word));
  }

  unit(term: string, start: number, end: number): void {
    this.#sink.word(term, start, end);
  }

  flush(): void {
    if (this.#compounds === null) return;
    this.#compounds.flush();
    for (const form of phoneForms(this.#text)) this.#sink.form(form);
    for (const { term, start, end, of } of signedNumbers(this.#text)) this.#sink.spelled(term, start, end, of);
  }

  #emit(word: string, start: number, end: number): void {
    if (this.#sink.wants?.(word) !== false) this.#sink.word(termOf(word), start, end);
    this.#compounds?.word(word, start, end);
  }

  /**
   * C++ and C#, also before a number (C++17) or a script without spaces (C++编程); of longer words (Notepad++) it makes
   * a form, and a # is a number sign (Item# 5). "" = none.
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

/** By its letter, whatever marks stand behind it: decomposed が is of a script without spaces, too (これが.NET). */
function isWordBefore(text: string, end: number): boolean {
  let at = end;
  for (;;) {
    at -= isLowSurrogate(text.charCodeAt(at - 1)) ? 2 : 1;
    if (at < 0) return false;
    const { kind } = foldCodePoint(text.codePointAt(at) ?? 0);
    if (kind !== "mark" && kind !== "ignorable") return kind === "word";
  }
}

function isLowSurrogate(code: number): boolean {
  return code >= 0xdc00 && code <= 0xdfff;
}

/**
 * What English hangs on a word with an apostrophe says nothing by itself: CONSULTANT'S is "consultant", don't is
 * "don".
 */
const CLITICS = new Set(["s", "t", "d", "m", "ll", "re", "ve"]);

function isClitic(text: string, word: string, start: number): boolean {
  if (word.length > 2 || start < 2) return false;
  const before = text.charCodeAt(start - 1);
  if (before !== 0x27 && before !== 0x2019) return false;
  const letter = text.charCodeAt(start - 2);
  return (letter >= 128 ? foldCodePoint(letter).kind === "word" : ASCII[letter] !== SEPARATOR) && CLITICS.has(word);
}

const SEPARATOR = 0;
const LOWER = 1;
const UPPER = 2;
const DIGIT = 4;

const ASCII: Uint8Array = asciiKinds();

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
