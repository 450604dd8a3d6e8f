import { LIMITS } from "../../limits.ts";
import { documentFault } from "../fault.ts";
import { codePage } from "./code-pages.ts";
import { type Decoder, decoderOf } from "./decoder.ts";
import type { PageText } from "./format.ts";
import { RtfFonts } from "./rtf-fonts.ts";
import { RtfPages } from "./rtf-pages.ts";
import { type SymbolFont, withSymbols } from "./symbol-fonts.ts";

/**
 * Reads RTF: a page ends at each `\page`; without any there is one. Unknown control words are skipped, as the format
 * demands. Deleted and hidden text is left out; text boxes follow the paragraph that they are anchored in, notes stand
 * at the end of their page.
 */
export function* readRtf(bytes: Buffer): Generator<PageText> {
  const reader = new RtfReader(bytes);
  const pages = reader.read();
  for (const text of pages) yield { label: null, text, total: pages.length };
}

/** What a group inherits and gives back at its end. */
interface GroupState {
  /** "shape": all but the text of a box. */
  skipped: "no" | "all" | "shape";
  /** Text that was deleted with its changes tracked, or is hidden. */
  deleted: boolean;
  hidden: boolean;
  encoding: string;
  /** What the font draws instead of letters. */
  symbols: SymbolFont | null;
  /** How many characters stand behind each `\u` for old readers. */
  fallbackChars: number;
  inFontTable: boolean;
}

const BACKSLASH = 0x5c;
const OPEN = 0x7b;
const CLOSE = 0x7d;
const LF = 0x0a;
const CR = 0x0d;
const MINUS = 0x2d;
const ZERO = 0x30;

/** Groups whose text is not the document's. `{\*\…}` says so of itself. */
const SKIPPED: ReadonlySet<string> = new Set(
  (
    "colortbl stylesheet info pict object header headerl headerr headerf footer footerl footerr footerf listtable " +
    "listoverridetable revtbl rsidtbl generator themedata colorschememapping datastore latentstyles fldinst filetbl xmlnstbl " +
    "sp shprslt nonesttables xe tc tcn"
  ).split(" "),
);
/**
 * Groups that say of themselves that a reader may skip them, and hold the text of boxes nevertheless; and those that
 * are that text.
 */
const SHAPES: ReadonlySet<string> = new Set(["shpinst", "do"]);
const BOXES: ReadonlySet<string> = new Set(["shptxt", "dptxbxtext"]);

/** Words that move on (rtf-pages.ts). */
const MOVES: ReadonlySet<string> = new Set(["par", "line", "sect", "row", "tab", "cell", "nestcell", "page"]);

/** Words that name the character set of the document by the machine that it was written on. */
const MACHINES: ReadonlyMap<string, string> = new Map([
  ["mac", "macintosh"],
  ["pc", "ibm437"],
  ["pca", "ibm850"],
]);

const SYMBOLS: ReadonlyMap<string, string> = new Map([
  ["emdash", "—"],
  ["endash", "–"],
  ["bullet", "•"],
  ["lquote", "‘"],
  ["rquote", "’"],
  ["ldblquote", "“"],
  ["rdblquote", "”"],
  ["emspace", "\u2003"],
  ["enspace", "\u2002"],
  ["qmspace", "\u2005"],
  ["~", "\u00a0"],
  ["_", "\u2011"],
]);

/** All that `RtfReader` looks at. */
const KNOWN: ReadonlySet<string> = new Set([
  ...SYMBOLS.keys(),
  ...SKIPPED,
  ...BOXES,
  ...MOVES,
  ...MACHINES.keys(),
  ..."footnote fonttbl bin u uc intbl pard deleted v ansicpg plain f fcharset".split(" "),
]);

class RtfReader {
  readonly #bytes: Buffer;
  readonly #pages = new RtfPages();
  readonly #fonts = new RtfFonts();
  readonly #decoders = new Map<string, Decoder>();
  readonly #outer: GroupState[] = [];
  #group: GroupState = {
    skipped: "no",
    deleted: false,
    hidden: false,
    encoding: "windows-1252",
    symbols: null,
    fallbackChars: 1,
    inFontTable: false,
  };
  #defaultEncoding = "windows-1252";
  /** Bytes of the running text, undecoded: a character of a double-byte code page may be half escape, half letter. */
  readonly #run: Buffer;
  #runBytes = 0;
  #runIsAscii = true;
  #at: number;
  /** Where the first thing of the group would stand: only there `\*` means the group. */
  #groupStart = -1;
  /** Characters still to be skipped behind a `\u`. */
  #toSkip = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
    // None is longer than the file: to clear 64 KiB took half of a small one's time.
    this.#run = Buffer.alloc(Math.min(RUN_BYTES, bytes.length));
    // Behind a byte order mark or empty lines.
    this.#at = Math.max(0, bytes.subarray(0, HEAD_BYTES).indexOf("{\\rtf", 0, "latin1"));
  }

  read(): readonly string[] {
    while (this.#at < this.#bytes.length) {
      const byte = this.#bytes[this.#at] ?? 0;
      this.#at += 1;
      if (byte === BACKSLASH) this.#control();
      else if (byte === OPEN) this.#openGroup();
      else if (byte === CLOSE) this.#closeGroup();
      else if (byte !== LF && byte !== CR) this.#byte(byte);
      else if (this.#groupStart === this.#at - 1) this.#groupStart = this.#at;
    }
    this.#flush();
    return this.#pages.finish();
  }

  #openGroup(): void {
    this.#flush();
    if (this.#outer.length >= LIMITS.xmlDepth) throw documentFault("too_complex", "group_depth");
    this.#outer.push({ ...this.#group });
    this.#toSkip = 0;
    this.#groupStart = this.#at;
  }

  #closeGroup(): void {
    this.#flush();
    this.#pages.endGroup(this.#outer.length);
    this.#group = this.#outer.pop() ?? this.#group;
    this.#toSkip = 0;
  }

  #control(): void {
    const first = this.#bytes[this.#at] ?? 0;
    if (isLetter(first)) {
      this.#word();
      return;
    }
    this.#at += 1;
    const symbol = String.fromCharCode(first);
    if (symbol === "'") this.#hexByte();
    else if (symbol === "\\" || symbol === "{" || symbol === "}") this.#byte(first);
    else if (symbol === "*") this.#star();
    else if (symbol === "\n" || symbol === "\r") this.#move("par");
    else this.#symbol(SYMBOLS.get(symbol));
  }

  /**
   * `{\*` says that a reader may skip the group if it does not know the word that follows; elsewhere it says nothing.
   */
  #star(): void {
    if (this.#at - 2 !== this.#groupStart) return;
    const known = /^\\([a-z]+)/.exec(this.#bytes.toString("latin1", this.#at, this.#at + WORD_CHARS))?.[1] ?? "";
    if (this.#group.skipped === "no" && SHAPES.has(known)) this.#group.skipped = "shape";
    else if (this.#group.skipped !== "shape" || !BOXES.has(known)) this.#group.skipped = "all";
  }

  get #unseen(): boolean {
    const group = this.#group;
    return group.skipped !== "no" || group.deleted || group.hidden || group.inFontTable;
  }

  #hexByte(): void {
    const value = Number.parseInt(this.#bytes.toString("latin1", this.#at, this.#at + 2), 16);
    this.#at += 2;
    if (Number.isInteger(value)) this.#byte(value);
  }

  #byte(byte: number): void {
    if (this.#toSkip > 0) this.#toSkip -= 1;
    else if (!this.#unseen) {
      this.#append(byte);
      this.#appendText();
    } else if (this.#group.inFontTable && this.#group.skipped === "no") this.#fonts.nameByte(byte);
    else this.#passOver();
  }

  /** Of what nobody sees only groups and controls count; most of it is a picture's digits, two for each byte. */
  #passOver(): void {
    const bytes = this.#bytes;
    let at = this.#at;
    for (; at < bytes.length; at++) {
      const byte = bytes[at];
      if (byte === BACKSLASH || byte === OPEN || byte === CLOSE) break;
    }
    this.#at = at;
  }

  #append(byte: number): void {
    if (byte >= 0x80 || this.#runBytes === RUN_BYTES) this.#runIsAscii = false;
    if (this.#runBytes === RUN_BYTES) this.#decode({ stream: true });
    this.#run[this.#runBytes] = byte;
    this.#runBytes += 1;
  }

  /** What follows, up to what is no text: most of a file, one check for all of it. */
  #appendText(): void {
    const bytes = this.#bytes;
    const run = this.#run;
    let at = this.#at;
    let runBytes = this.#runBytes;
    let beyondAscii = 0;
    for (; at < bytes.length && runBytes < run.length; at++) {
      const byte = bytes[at] ?? 0;
      if (byte === BACKSLASH || byte === OPEN || byte === CLOSE || byte === LF || byte === CR) break;
      beyondAscii |= byte & 0x80;
      run[runBytes] = byte;
      runBytes += 1;
    }
    this.#at = at;
    this.#runBytes = runBytes;
    if (beyondAscii !== 0) this.#runIsAscii = false;
  }

  /** A control word, its number, and the one space that ends it. */
  #word(): void {
    const start = this.#at;
    while (isLetter(this.#bytes[this.#at] ?? 0)) this.#at += 1;
    const word = this.#bytes.toString("latin1", start, Math.min(this.#at, start + WORD_CHARS));
    const value = this.#number();
    if (this.#bytes[this.#at] === 0x20) this.#at += 1;
    this.#apply(word, value);
  }

  /** Of at most ten digits, or null when there is none. */
  #number(): number | null {
    const negative = this.#bytes[this.#at] === MINUS;
    const start = negative ? this.#at + 1 : this.#at;
    let value = 0;
    let at = start;
    for (; at < start + NUMBER_DIGITS && isDigit(this.#bytes[at] ?? 0); at++)
      value = value * 10 + (this.#bytes[at] ?? 0) - ZERO;
    if (at === start) return null;
    this.#at = at;
    return negative ? -value : value;
  }

  #apply(word: string, value: number | null): void {
    // Most words say how text looks.
    if (!KNOWN.has(word)) {
      if (value !== null) this.#flush();
      return;
    }
    const meaning = SYMBOLS.get(word);
    if (meaning !== undefined) this.#symbol(meaning);
    else if (SKIPPED.has(word)) this.#group.skipped = "all";
    else if (word === "footnote" && this.#group.skipped === "no") this.#beginFlow("note");
    else if (BOXES.has(word) && this.#group.skipped !== "all") this.#beginFlow("box");
    else if (word === "fonttbl") this.#group.inFontTable = true;
    else if (word === "bin") this.#at += Math.max(0, value ?? 0);
    else if (word === "u") this.#unicode(value ?? 0);
    else if (word === "uc") this.#group.fallbackChars = Math.min(Math.max(value ?? 1, 0), MAX_FALLBACK_CHARS);
    else this.#applyLayout(word) || this.#applyVisibility(word, value) || this.#applyEncoding(word, value);
  }

  #applyLayout(word: string): boolean {
    if (word === "intbl" || word === "pard") this.#pages.paragraphInRow(word === "intbl");
    else if (MOVES.has(word)) this.#move(word);
    else return false;
    return true;
  }

  #move(word: string): void {
    this.#toSkip = 0;
    if (this.#unseen) return;
    this.#flush();
    this.#pages.move(word);
  }

  #beginFlow(kind: "box" | "note"): void {
    this.#group.skipped = "no";
    this.#pages.beginFlow(kind, this.#outer.length);
  }

  #applyVisibility(word: string, value: number | null): boolean {
    if (word !== "deleted" && word !== "v") return false;
    this.#flush();
    if (word === "deleted") this.#group.deleted = value !== 0;
    else this.#group.hidden = value !== 0;
    return true;
  }

  #applyEncoding(word: string, value: number | null): void {
    if (value === null && word !== "plain" && !MACHINES.has(word)) return;
    this.#flush();
    if (word === "ansicpg") this.#defaultEncoding = this.#group.encoding = codePage(value ?? 0);
    else if (MACHINES.has(word)) this.#defaultEncoding = this.#group.encoding = MACHINES.get(word) ?? "windows-1252";
    else if (word === "plain") this.#plain();
    else if (word === "f" && this.#group.inFontTable) this.#fonts.begin(value ?? 0);
    else if (word === "f") this.#useFont(value ?? 0);
    else if (word === "fcharset" && this.#group.inFontTable) this.#fonts.charset(value ?? 0);
  }

  #plain(): void {
    this.#group.encoding = this.#defaultEncoding;
    this.#group.symbols = null;
    this.#group.deleted = false;
    this.#group.hidden = false;
  }

  #useFont(number: number): void {
    const font = this.#fonts.get(number);
    this.#group.encoding = font?.encoding ?? this.#defaultEncoding;
    this.#group.symbols = font?.symbols ?? null;
  }

  /** A UTF-16 code unit as a signed number; surrogates come as two of them and meet in the text. */
  #unicode(value: number): void {
    const char = String.fromCharCode(value & 0xffff);
    this.#symbol(this.#group.symbols === null ? char : withSymbols(char, this.#group.symbols));
    this.#toSkip = this.#group.fallbackChars;
  }

  #symbol(text: string | undefined): void {
    if (text === undefined || this.#unseen) return;
    if (this.#toSkip > 0) {
      this.#toSkip -= 1;
      return;
    }
    this.#flush();
    this.#pages.inline(text);
  }

  #flush(): void {
    if (this.#runBytes === 0) return;
    // In every encoding of code-pages.ts ASCII stands for itself. Most runs are a few letters, and a decoder's call
    // takes 1 µs.
    if (this.#runIsAscii && this.#group.symbols === null)
      this.#pages.inline(this.#run.toString("latin1", 0, this.#runBytes));
    else this.#decode({ stream: false });
    this.#runBytes = 0;
    this.#runIsAscii = true;
  }

  /** `stream`: the run goes on, and the decoder keeps the first half of a character at its end. */
  #decode(options: { readonly stream: boolean }): void {
    const { encoding, symbols } = this.#group;
    const bytes = this.#run.subarray(0, this.#runBytes);
    if (symbols === null) this.#pages.inline(this.#decoderOf(encoding).decode(bytes, options));
    else this.#pages.inline(Array.from(bytes, symbols).join(""));
    this.#runBytes = 0;
  }

  #decoderOf(encoding: string): Decoder {
    const decoder = this.#decoders.get(encoding) ?? decoderOf(encoding);
    this.#decoders.set(encoding, decoder);
    return decoder;
  }
}

const RUN_BYTES = 64 * 1024;
/** Longer words than the specification's longest are nonsense. */
const WORD_CHARS = 32;
const NUMBER_DIGITS = 10;
const MAX_FALLBACK_CHARS = 32;
/** How far behind the start of the file `{\rtf` may stand. */
const HEAD_BYTES = 1024;

function isDigit(byte: number): boolean {
  return byte >= ZERO && byte <= ZERO + 9;
}

function isLetter(byte: number): boolean {
  return (byte >= 0x61 && byte <= 0x7a) || (byte >= 0x41 && byte <= 0x5a);
}
