import { LIMITS } from "../../limits.ts";
import { documentFault } from "../fault.ts";
import { codePage, fontCodePage } from "./code-pages.ts";
import type { PageText } from "./format.ts";
import { TextAllowance, TextBuilder } from "./text-builder.ts";

/** Reads RTF: a page ends at each `\page`; without any there is one. Unknown control words are skipped, as the format demands. */
export function* readRtf(bytes: Buffer): Generator<PageText> {
  const reader = new RtfReader(bytes);
  const pages = reader.read();
  for (const text of pages) yield { label: null, text, total: pages.length };
}

/** What a group inherits and gives back at its end. */
interface GroupState {
  skipped: boolean;
  encoding: string;
  /** How many characters stand behind each `\u` for old readers. */
  fallbackChars: number;
  inFontTable: boolean;
}

const BACKSLASH = 0x5c;
const OPEN = 0x7b;
const CLOSE = 0x7d;
const MINUS = 0x2d;
const ZERO = 0x30;

/** Groups whose text is not the document's. `{\*\…}` says so of itself. */
const SKIPPED: ReadonlySet<string> = new Set(
  (
    "colortbl stylesheet info pict object header headerl headerr headerf footer footerl footerr footerf listtable " +
    "listoverridetable revtbl rsidtbl generator themedata colorschememapping datastore latentstyles fldinst filetbl xmlnstbl"
  ).split(" "),
);

const SYMBOLS: Readonly<Record<string, string>> = {
  emdash: "—",
  endash: "–",
  bullet: "•",
  lquote: "‘",
  rquote: "’",
  ldblquote: "“",
  rdblquote: "”",
  "~": "\u00a0",
  _: "\u2011",
};

class RtfReader {
  readonly #bytes: Buffer;
  readonly #out = new TextBuilder(new TextAllowance());
  readonly #pages: string[] = [];
  readonly #fonts = new Map<number, string>();
  readonly #decoders = new Map<string, InstanceType<typeof TextDecoder>>();
  readonly #outer: GroupState[] = [];
  #group: GroupState = { skipped: false, encoding: "windows-1252", fallbackChars: 1, inFontTable: false };
  #defaultEncoding = "windows-1252";
  /** Bytes of the running text, undecoded: a character of a double-byte code page may be half escape, half letter. */
  readonly #run = Buffer.alloc(RUN_BYTES);
  #runBytes = 0;
  #runIsAscii = true;
  #font = 0;
  #at = 0;
  /** Characters still to be skipped behind a `\u`. */
  #toSkip = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  read(): readonly string[] {
    while (this.#at < this.#bytes.length) {
      const byte = this.#bytes[this.#at] ?? 0;
      this.#at += 1;
      if (byte === BACKSLASH) this.#control();
      else if (byte === OPEN) this.#openGroup();
      else if (byte === CLOSE) this.#closeGroup();
      else if (byte !== 0x0a && byte !== 0x0d) this.#byte(byte);
    }
    this.#flush();
    if (this.#pages.length === 0 || !this.#out.isEmpty) this.#pages.push(this.#out.take());
    return this.#pages;
  }

  #openGroup(): void {
    this.#flush();
    if (this.#outer.length >= LIMITS.xmlDepth)
      throw documentFault("too_complex", `It nests deeper than ${LIMITS.xmlDepth} groups.`);
    this.#outer.push({ ...this.#group });
    this.#toSkip = 0;
  }

  #closeGroup(): void {
    this.#flush();
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
    else if (symbol === "*") this.#group.skipped = true;
    else if (symbol === "\n" || symbol === "\r") this.#break(() => this.#out.line());
    else this.#symbol(SYMBOLS[symbol]);
  }

  #hexByte(): void {
    const value = Number.parseInt(this.#bytes.toString("latin1", this.#at, this.#at + 2), 16);
    this.#at += 2;
    if (Number.isInteger(value)) this.#byte(value);
  }

  #byte(byte: number): void {
    if (this.#toSkip > 0) this.#toSkip -= 1;
    else if (!this.#group.skipped && !this.#group.inFontTable) this.#append(byte);
  }

  #append(byte: number): void {
    if (byte >= 0x80 || this.#runBytes === RUN_BYTES) this.#runIsAscii = false;
    if (this.#runBytes === RUN_BYTES) this.#decode({ stream: true });
    this.#run[this.#runBytes] = byte;
    this.#runBytes += 1;
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
    const meaning = SYMBOLS[word];
    if (meaning !== undefined) this.#symbol(meaning);
    else if (SKIPPED.has(word)) this.#group.skipped = true;
    else if (word === "fonttbl") this.#group.inFontTable = true;
    else if (word === "bin") this.#at += Math.max(0, value ?? 0);
    else if (word === "u") this.#unicode(value ?? 0);
    else if (word === "uc") this.#group.fallbackChars = Math.min(Math.max(value ?? 1, 0), MAX_FALLBACK_CHARS);
    else this.#applyLayout(word) || this.#applyEncoding(word, value);
  }

  #applyLayout(word: string): boolean {
    switch (word) {
      case "par":
      case "line":
      case "row":
      case "sect":
        this.#break(() => this.#out.line());
        return true;
      case "tab":
        this.#break(() => this.#out.space());
        return true;
      case "cell":
      case "nestcell":
        this.#break(() => this.#out.cell());
        return true;
      case "page":
        this.#break(() => this.#pages.push(this.#out.take()));
        return true;
      default:
        return false;
    }
  }

  #applyEncoding(word: string, value: number | null): void {
    if (value === null && word !== "mac" && word !== "plain") return;
    this.#flush();
    if (word === "ansicpg") this.#defaultEncoding = this.#group.encoding = codePage(value ?? 0);
    else if (word === "mac") this.#defaultEncoding = this.#group.encoding = "macintosh";
    else if (word === "plain") this.#group.encoding = this.#defaultEncoding;
    else if (word === "f" && this.#group.inFontTable) this.#font = value ?? 0;
    else if (word === "f") this.#group.encoding = this.#fonts.get(value ?? 0) ?? this.#defaultEncoding;
    else if (word === "fcharset" && this.#group.inFontTable) this.#keepFont(fontCodePage(value ?? 0));
  }

  #keepFont(encoding: string | null): void {
    if (encoding !== null && this.#fonts.size < MAX_FONTS) this.#fonts.set(this.#font, encoding);
  }

  /** A UTF-16 code unit as a signed number; surrogates come as two of them and meet in the text. */
  #unicode(value: number): void {
    this.#symbol(String.fromCharCode(value & 0xffff));
    this.#toSkip = this.#group.fallbackChars;
  }

  #symbol(text: string | undefined): void {
    if (text === undefined || this.#group.skipped || this.#group.inFontTable) return;
    if (this.#toSkip > 0) {
      this.#toSkip -= 1;
      return;
    }
    this.#flush();
    this.#out.inline(text);
  }

  #break(act: () => void): void {
    this.#toSkip = 0;
    if (this.#group.skipped) return;
    this.#flush();
    act();
  }

  #flush(): void {
    if (this.#runBytes === 0) return;
    // In every encoding of code-pages.ts ASCII stands for itself. Most runs are a few letters, and a decoder's call takes 1 µs.
    if (this.#runIsAscii) this.#out.inline(this.#run.toString("latin1", 0, this.#runBytes));
    else this.#decode({ stream: false });
    this.#runBytes = 0;
    this.#runIsAscii = true;
  }

  /** `stream`: the run goes on, and the decoder keeps the first half of a character at its end. */
  #decode(options: { readonly stream: boolean }): void {
    const decoder = this.#decoderOf(this.#group.encoding);
    this.#out.inline(decoder.decode(this.#run.subarray(0, this.#runBytes), options));
    this.#runBytes = 0;
  }

  #decoderOf(encoding: string): InstanceType<typeof TextDecoder> {
    const decoder = this.#decoders.get(encoding) ?? new TextDecoder(encoding);
    this.#decoders.set(encoding, decoder);
    return decoder;
  }
}

const RUN_BYTES = 64 * 1024;
/** Longer words than the specification's longest are nonsense. */
const WORD_CHARS = 32;
const NUMBER_DIGITS = 10;
const MAX_FALLBACK_CHARS = 32;
const MAX_FONTS = 10_000;

function isDigit(byte: number): boolean {
  return byte >= ZERO && byte <= ZERO + 9;
}

function isLetter(byte: number): boolean {
  return (byte >= 0x61 && byte <= 0x7a) || (byte >= 0x41 && byte <= 0x5a);
}
