import { fontCodePage } from "./code-pages.ts";
import { type SymbolFont, symbolFont } from "./symbol-fonts.ts";

export interface RtfFont {
  /** Null = the document's own. */
  readonly encoding: string | null;
  /** What its characters are drawn as, when they are no letters. */
  readonly symbols: SymbolFont | null;
}

/** `\fcharset` of fonts that draw signs instead of letters. */
const SYMBOL_CHARSET = 2;
const MAX_FONTS = 10_000;
/** Longer names than Windows takes are nonsense. */
const NAME_CHARS = 32;

/** The fonts of an RTF file by their numbers, gathered while its font table is read: `{\f1\fcharset2 Symbol;}`. */
export class RtfFonts {
  readonly #fonts = new Map<number, RtfFont>();
  #number = 0;
  #charset = 0;
  #name = "";

  get(number: number): RtfFont | undefined {
    return this.#fonts.get(number);
  }

  begin(number: number): void {
    this.#number = number;
    this.#charset = 0;
    this.#name = "";
  }

  charset(charset: number): void {
    this.#charset = charset;
    this.#keep();
  }

  /** A byte of the name; a semicolon ends it. */
  nameByte(byte: number): void {
    const char = String.fromCharCode(byte);
    if (char === ";") this.#keep();
    else if (this.#name.length < NAME_CHARS) this.#name += char;
  }

  #keep(): void {
    if (this.#fonts.size >= MAX_FONTS) return;
    const symbols = this.#charset === SYMBOL_CHARSET ? symbolFont(this.#name) : null;
    this.#fonts.set(this.#number, { encoding: fontCodePage(this.#charset), symbols });
  }
}
