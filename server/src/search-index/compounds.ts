/**
 * Other forms of what a text spells in one way, so that each spelling finds the other. They stand beside the words,
 * which stay as they are:
 *
 * - **joined**: the pieces of a run without spaces as one: `KT-55-20` is also kt5520, `e-mail` email, `4,000` 4000. A
 *   part number is a rare word then, however common its pieces are. A run of several segments (`/etc/main.conf`,
 *   `10.0.0.1:8080`) gives each of them, and the whole. Digits in groups (`040 555 1234`, `4 000`, an IBAN) are joined
 *   over single spaces, too. A decimal keeps its point, as a letter that no text has: `19.90` and `19,90` are 19ꞏ90,
 *   `1,234.56` and `1.234,56` 1234ꞏ56, since 1990 is another number. `O'Brien` is obrien; the article of `l'homme` says nothing.
 * - **split**: the parts of a word that changes from letters to digits, or of camelCase: `ABC123` is also abc and 123.
 *
 * Rejected: phrases of the engine, which it counts by walking all chunks of each piece (100 000 rows of a list: 14 of
 * 40 part numbers found).
 */
export interface Form {
  readonly text: string;
  /** UTF-16 code units of the text, end exclusive. */
  readonly start: number;
  readonly end: number;
  /** The words that it is made of, or falls into. */
  readonly pieces: readonly string[];
  readonly kind: "joined" | "split";
  /** The word that it is a part of; "" of joined words. */
  readonly of: string;
}

/** More pieces are a sentence without spaces or a chain of noise, not a name that anybody would type. */
const MAX_PIECES = 12;
const MAX_SPLIT_PIECES = 6;
/** An IBAN has 34 characters in groups of four, a card number 16. */
const MAX_GROUPS = 12;

const WEAK = 1;
const STRONG = 2;
/** Between two words of a run: a weak one joins pieces to a segment, a strong one segments to a run. */
const CONNECTORS: Uint8Array = connectors();
const HYPHEN = 0x2010;
const NO_BREAK_HYPHEN = 0x2011;

function connectors(): Uint8Array {
  const strengths = new Uint8Array(128);
  for (const char of '-._&"') strengths[char.charCodeAt(0)] = WEAK;
  for (const char of "/\\:@=#?~+,'") strengths[char.charCodeAt(0)] = STRONG;
  return strengths;
}

function strengthOf(code: number): number {
  if (code < 128) return CONNECTORS[code] ?? 0;
  return BEYOND_ASCII.has(code) ? WEAK : 0;
}

const COMMA = 0x2c;
const FULL_STOP = 0x2e;
const APOSTROPHE = 0x27;
const RIGHT_QUOTE = 0x2019;
/** In Hebrew an abbreviation has it before its last letter, and many keyboards only have the quotation mark. */
const GERSHAYIM = 0x5f4;
const GERESH = 0x5f3;
const QUOTE = 0x22;
const BEYOND_ASCII: ReadonlySet<number> = new Set([HYPHEN, NO_BREAK_HYPHEN, GERESH, GERSHAYIM, RIGHT_QUOTE]);
const SLASH = 0x2f;
const ZERO = 0x30;
const NINE = 0x39;
const SPACE = 0x20;
const NO_BREAK_SPACES = new Set([0xa0, 0x202f, 0x2009]);
/** `://` */
const MAX_CONNECTOR_CHARS = 3;

interface Piece {
  readonly word: string;
  readonly start: number;
  readonly end: number;
  /** How it hangs on the one before. */
  readonly by: number;
}

/** Takes the words of a text in order, and gives the forms that they make together; call `flush` at the end. */
export class Compounds {
  readonly #text: string;
  readonly #emit: (form: Form) => void;
  /** The word before; "" = there is none. */
  #word = "";
  #start = 0;
  #end = 0;
  #run: Piece[] = [];
  #groups: Piece[] = [];

  constructor(text: string, emit: (form: Form) => void) {
    this.#text = text;
    this.#emit = emit;
  }

  word(word: string, start: number, end: number): void {
    // Nearly all words are through here.
    if (this.#mayGoOn() || this.#run.length > 0 || this.#groups.length > 0) this.#place(word, start, end);
    this.#word = word;
    this.#start = start;
    this.#end = end;
  }

  /** Whether what stands behind the word before connects, or it may be a number's first group. */
  #mayGoOn(): boolean {
    const { length } = this.#word;
    if (length === 0) return false;
    if (strengthOf(this.#text.charCodeAt(this.#end)) > 0) return true;
    return length <= MAX_GROUP_CHARS && this.#word.charCodeAt(length - 1) <= NINE;
  }

  #place(word: string, start: number, end: number): void {
    const before = this.#beforePoint(word, start, end);
    if (before !== null) this.#emitDecimal(before, word, end);
    const by = before === null ? this.#connection(word, start) : 0;
    if (by > 0) this.#hang(this.#run, { word, start, end, by });
    else if (this.#run.length > 0) this.#endRun();
    if (word.length <= MAX_GROUP_CHARS && this.#isNextGroup(word, start))
      this.#hang(this.#groups, { word, start, end, by });
    else if (this.#groups.length > 0) this.#endGroups();
  }

  /** Behind the word before, which is the first of those that hang together. */
  #hang(pieces: Piece[], piece: Piece): void {
    if (pieces.length === 0) pieces.push({ word: this.#word, start: this.#start, end: this.#end, by: 0 });
    pieces.push(piece);
  }

  flush(): void {
    this.#endRun();
    this.#endGroups();
    this.#word = "";
  }

  /** Only behind a country code may a group have letters (GB29 NWBK 6016): other words of four letters are words. */
  #isNextGroup(word: string, start: number): boolean {
    const first = this.#groups[0]?.word ?? this.#word;
    if (first.length > MAX_GROUP_CHARS || !(first.charCodeAt(first.length - 1) <= NINE)) return false;
    const isCode = COUNTRY_CODE.test(first);
    if (!(DIGITS.test(first) || isCode) || !(DIGITS.test(word) || (isCode && this.#isIbanGroup(word, start))))
      return false;
    return this.#isSingleSpace(this.#end, start);
  }

  /** Of four characters but the last; what has no digit is in capitals, or else a word that follows. */
  #isIbanGroup(word: string, start: number): boolean {
    if (this.#word.length !== MAX_GROUP_CHARS || !IBAN_GROUP.test(word)) return false;
    return /[0-9]/.test(word) || this.#text.slice(start, start + word.length) === word.toUpperCase();
  }

  /**
   * The number before the point of a decimal that ends with this word, or null: 19 of 19.90, 1 and 234 of 1,234.56. Not
   * of 192.168.1.10, a date, or a row of numbers.
   */
  #beforePoint(word: string, start: number, end: number): readonly Piece[] | null {
    const code = this.#text.charCodeAt(this.#end);
    if (start - this.#end !== 1 || (code !== FULL_STOP && code !== COMMA)) return null;
    if (!NUMBER.test(word) || !NUMBER.test(this.#word) || this.#goesOn(end, code)) return null;
    const [thousands, others] = this.#run.length > 0 ? [this.#run, this.#groups] : [this.#groups, this.#run];
    if (others.length > 0 || this.#comesFrom(thousands[0]?.start ?? this.#start, code)) return null;
    const [first, ...rest] = thousands;
    if (first === undefined)
      return isThousand(word) ? null : [{ word: this.#word, start: this.#start, end: this.#end, by: 0 }];
    const isGroup = (piece: Piece) => isThousand(piece.word) && this.#text.charCodeAt(piece.start - 1) !== code;
    return isShortNumber(first.word) && rest.every(isGroup) ? thousands : null;
  }

  #goesOn(end: number, point: number): boolean {
    return this.#isAmong(this.#text.charCodeAt(end), point) && isAsciiDigit(this.#text.charCodeAt(end + 1));
  }

  #comesFrom(start: number, point: number): boolean {
    return this.#isAmong(this.#text.charCodeAt(start - 1), point) && isAsciiDigit(this.#text.charCodeAt(start - 2));
  }

  /** Beside a number with a point, a comma is the next field of a list. */
  #isAmong(code: number, point: number): boolean {
    return strengthOf(code) > 0 && !(code === COMMA && point === FULL_STOP);
  }

  #emitDecimal(before: readonly Piece[], word: string, end: number): void {
    const whole = before.map((piece) => piece.word);
    const text = `${whole.join("")}${POINT}${word}`;
    this.#emit({ text, start: before[0]?.start ?? 0, end, pieces: [...whole, word], kind: "joined", of: "" });
  }

  /** 0 = none. */
  #connection(word: string, start: number): number {
    const gap = start - this.#end;
    if (gap < 1 || gap > MAX_CONNECTOR_CHARS || this.#word === "") return 0;
    const code = this.#text.charCodeAt(this.#end);
    const strength = strengthOf(code);
    if (strength === 0) return 0;
    if (gap > 1) return this.#isAddress(this.#end, start) ? STRONG : 0;
    if (code === COMMA) return this.#isThousands(word) ? strength : 0;
    if (code === QUOTE) return isHebrew(this.#word) && isHebrew(word) ? WEAK : 0;
    if (code !== APOSTROPHE && code !== RIGHT_QUOTE) return strength;
    if (this.#isThousands(word)) return strength;
    return isLetter(this.#word) && isLetter(word) && !(this.#run.length === 0 && ELISIONS.has(this.#word)) ? WEAK : 0;
  }

  #isThousands(word: string): boolean {
    return isThousand(word) && isShortNumber(this.#word);
  }

  #isAddress(from: number, to: number): boolean {
    let hasSlash = false;
    for (let at = from; at < to; at++) {
      const code = this.#text.charCodeAt(at);
      if (strengthOf(code) !== STRONG) return false;
      hasSlash ||= code === SLASH;
    }
    return hasSlash;
  }

  #isSingleSpace(from: number, to: number): boolean {
    if (to - from !== 1) return false;
    const code = this.#text.charCodeAt(from);
    return code === SPACE || NO_BREAK_SPACES.has(code);
  }

  #endRun(): void {
    const run = this.#run;
    if (run.length === 0) return;
    this.#run = [];
    let from = 0;
    for (let at = 1; at <= run.length; at++) {
      if (at < run.length && run[at]?.by !== STRONG) continue;
      if (from > 0 || at < run.length) this.#join(run.slice(from, at));
      from = at;
    }
    this.#join(run);
  }

  #join(pieces: readonly Piece[]): void {
    const [first] = pieces;
    const last = pieces.at(-1);
    if (first === undefined || last === undefined || pieces.length < 2 || pieces.length > MAX_PIECES) return;
    const words = pieces.map((piece) => piece.word);
    const joined = {
      text: words.join(""),
      start: first.start,
      end: last.end,
      pieces: words,
      kind: "joined",
      of: "",
    } as const;
    this.#emit(joined);
    // v3.5.1 is release 3.5.1, and v3.5 is 3.5.
    if (!VERSION.test(first.word)) return;
    const isDecimal = pieces.length === 2 && NUMBER.test(last.word) && !isThousand(last.word);
    const text = isDecimal ? `${first.word.slice(1)}${POINT}${last.word}` : joined.text.slice(1);
    this.#emit({ ...joined, text, start: first.start + charLength(this.#text, first.start) });
  }

  #endGroups(): void {
    const groups = this.#groups;
    this.#groups = [];
    if (groups.length > MAX_GROUPS) return;
    const [first, ...rest] = groups.map((group) => group.word);
    if (first === undefined) return;
    const thousands = isShortNumber(first) && rest.every(isThousand);
    const many = rest.length >= 2 && (first.length >= 2 || rest.every((word) => word.length >= 2));
    if (thousands || many) this.#join(groups);
  }
}

/** In UTF-16 code units: a mathematical 𝐯 has two. */
function charLength(text: string, at: number): number {
  return (text.codePointAt(at) ?? 0) > 0xffff ? 2 : 1;
}

function isAsciiDigit(code: number): boolean {
  return code >= ZERO && code <= NINE;
}

function isHebrew(word: string): boolean {
  const code = word.charCodeAt(0);
  return code >= 0x5d0 && code <= 0x5ea;
}

/** Folded digits are ASCII. */
function isLetter(word: string): boolean {
  return !isAsciiDigit(word.charCodeAt(0));
}

/** U+A78F, a letter to everybody who cuts a text into words. */
export const POINT = "\ua78f";
const NUMBER = /^[0-9]{1,12}$/;
/** Articles and the like of French, Italian and Catalan: l'homme is found by homme, and lhomme is no word. */
const ELISIONS: ReadonlySet<string> = new Set(
  "c d j l m n s t qu jusqu lorsqu puisqu quoiqu quelqu all dall dell nell sull un quell quest".split(" "),
);

const VERSION = /^v[0-9]{1,4}$/;
const MAX_GROUP_CHARS = 4;
const DIGITS = /^[0-9]{1,4}$/;
const COUNTRY_CODE = /^[a-z]{2}[0-9]{2}$/;
const IBAN_GROUP = /^[a-z0-9]{1,4}$/;
const SHORT_NUMBER = /^[0-9]{1,3}$/;
const THOUSAND = /^[0-9]{3}$/;

export function isShortNumber(word: string): boolean {
  return SHORT_NUMBER.test(word);
}

export function isThousand(word: string): boolean {
  return THOUSAND.test(word);
}

/**
 * Where an ASCII word changes from letters to digits or back, or from a small letter to a capital; null = it is one
 * piece.
 */
export function splitWord(raw: string, start: number): readonly Form[] | null {
  const pieces = raw.match(PARTS);
  if (pieces === null || pieces.length < 2 || pieces.length > MAX_SPLIT_PIECES) return null;
  const words = pieces.map((piece) => piece.toLowerCase());
  const of = raw.toLowerCase();
  let at = start;
  return pieces.map((piece, index) => {
    const from = at;
    at += piece.length;
    return { text: words[index] ?? "", start: from, end: at, pieces: words, kind: "split", of };
  });
}

/** Digits; capitals that a capitalised word follows (HTMLParser); a word; capitals. */
const PARTS = /[0-9]+|[A-Z]+(?![a-z])|[A-Z]?[a-z]+/g;

/** Where a folded word changes from letters to digits or back: 5кг. Which character is whose is not known any more. */
export function splitFolded(word: string, start: number, end: number): readonly Form[] {
  const pieces = word.match(/[0-9]+|[^0-9]+/g) ?? [];
  if (pieces.length < 2 || pieces.length > MAX_SPLIT_PIECES) return [];
  return pieces.map((text) => ({ text, start, end, pieces, kind: "split", of: word }));
}
