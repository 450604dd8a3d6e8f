import { LIMITS } from "../../limits.ts";
import { documentFault } from "../fault.ts";
import type { Package } from "./package.ts";
import { TextAllowance } from "./text-builder.ts";
import type { XmlHandler } from "./xml.ts";

/** The strings that a workbook's cells name by their place. */
export async function readSharedStrings(pack: Package, part: string): Promise<readonly string[]> {
  const allowance = new TextAllowance();
  const strings: string[] = [];
  let current = "";
  const run = new RunReader((text) => {
    allowance.take(text.length);
    current += text;
  });
  await pack.xml(part, {
    open: (name) => run.open(name),
    close: (name) => {
      run.close(name);
      if (name !== "si") return;
      if (strings.length >= LIMITS.sharedStrings) throw documentFault("too_complex", "many_strings");
      strings.push(unescaped(current));
      current = "";
    },
    text: (text) => run.text(text),
  });
  return strings;
}

/**
 * Spreadsheets write characters that XML does not take, or would change, as `_x000D_`, and an underscore that would
 * begin such a word as `_x005F_`.
 */
export function unescaped(text: string): string {
  if (!text.includes("_x")) return text;
  return text.replace(/_x([0-9A-Fa-f]{4})_/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)));
}

/** The text of a rich string's runs, without the phonetic guides beside them. */
export class RunReader implements XmlHandler {
  readonly #write: (text: string) => void;
  #textDepth = 0;
  #phoneticDepth = 0;

  constructor(write: (text: string) => void) {
    this.#write = write;
  }

  open(name: string): void {
    if (name === "t") this.#textDepth += 1;
    else if (name === "rPh") this.#phoneticDepth += 1;
  }

  close(name: string): void {
    if (name === "t") this.#textDepth -= 1;
    else if (name === "rPh") this.#phoneticDepth -= 1;
  }

  text(text: string): void {
    if (this.#textDepth > 0 && this.#phoneticDepth === 0) this.#write(text);
  }
}
