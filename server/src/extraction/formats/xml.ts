import { Tokenizer } from "htmlparser2";
import { LIMITS } from "../../limits.ts";
import { documentFault } from "../fault.ts";

/**
 * XML as a stream of events, without a tree. Names are local names: producers choose their own prefixes. There is no
 * DTD and no entity but the five of XML: "billion laughs" stays the few bytes that it is, and nothing outside the file
 * is ever named.
 */
export interface XmlHandler {
  open?(name: string, attributes: Attributes): void;
  close?(name: string): void;
  text?(text: string): void;
}

/** Values by local name, or undefined. They are there only until the handler returns. */
export type Attributes = (name: string) => string | undefined;

export interface XmlParser {
  write(text: string): void;
  end(): void;
}

/** What XML Schema calls a boolean. */
export function isTrue(value: string | undefined): boolean {
  return value === "1" || value === "true";
}

/** WordprocessingML's switches: there is none that is not on, unless it says so. */
export function isOn(value: string | undefined): boolean {
  return value !== "0" && value !== "false" && value !== "off";
}

/** Throws DocumentFault when elements nest deeper than limits.xmlDepth. */
export function xmlParser(handler: XmlHandler): XmlParser {
  return new Elements(handler);
}

/**
 * Elements from the tokenizer's events. The library's own parser makes an object of all attributes for each element,
 * though handlers look at few elements' attributes: cutting out those that are asked for takes half its time.
 */
class Elements implements XmlParser {
  readonly #handler: XmlHandler;
  readonly #tokenizer: Tokenizer;
  readonly #source = new Source();
  readonly #tag: Tag;
  readonly #attributes: Attributes;
  /** Names of the elements that are open. */
  readonly #open: string[] = [];
  /** Local names by names: a document has few, and comparing strings that were met before is comparing addresses. */
  readonly #localNames = new Map<string, string>();
  #name = "";

  constructor(handler: XmlHandler) {
    this.#handler = handler;
    this.#tag = new Tag(this.#source);
    this.#attributes = (wanted) => this.#tag.value(wanted);
    this.#tokenizer = new Tokenizer({ xmlMode: true, decodeEntities: true }, this.#events());
  }

  write(text: string): void {
    this.#source.add(text);
    this.#tokenizer.write(text);
  }

  end(): void {
    this.#tokenizer.end();
  }

  #events(): ConstructorParameters<typeof Tokenizer>[1] {
    const tag = this.#tag;
    return {
      onopentagname: (start, end) => {
        this.#source.release(start);
        this.#name = this.#localName(start, end);
        tag.begin();
      },
      onattribname: (start, end) => tag.attribute(start, end),
      onattribdata: (start, end) => tag.data(start, end),
      onattribentity: (codePoint) => tag.character(codePoint),
      onattribend: () => {},
      onopentagend: () => this.#opened(),
      onselfclosingtag: () => {
        this.#opened();
        this.#closed();
      },
      onclosetag: (start, end) => {
        this.#source.release(start);
        this.#close(this.#localName(start, end));
      },
      ontext: (start, end) => {
        this.#source.release(start);
        this.#handler.text?.(this.#source.slice(start, end));
      },
      ontextentity: (codePoint) => this.#handler.text?.(String.fromCodePoint(codePoint)),
      oncdata: (start, end, endOffset) => this.#handler.text?.(this.#source.slice(start, end - endOffset)),
      oncomment: () => {},
      ondeclaration: () => {},
      onprocessinginstruction: () => {},
      onend: () => {
        while (this.#open.length > 0) this.#closed();
      },
    };
  }

  #opened(): void {
    if (this.#open.length >= LIMITS.xmlDepth) throw documentFault("too_complex", "xml_depth");
    this.#open.push(this.#name);
    this.#handler.open?.(this.#name, this.#attributes);
  }

  /** An end without a beginning is passed over; one that skips some ends them too. */
  #close(name: string): void {
    const at = this.#open.lastIndexOf(name);
    while (at >= 0 && this.#open.length > at) this.#closed();
  }

  #closed(): void {
    const name = this.#open.pop();
    if (name !== undefined) this.#handler.close?.(name);
  }

  #localName(start: number, end: number): string {
    const name = this.#source.slice(start, end);
    const known = this.#localNames.get(name);
    if (known !== undefined) return known;
    const local = name.slice(name.indexOf(":") + 1);
    if (this.#localNames.size < KNOWN_NAMES) this.#localNames.set(name, local);
    return local;
  }
}

/** More than the largest schemas have. */
const KNOWN_NAMES = 4096;

/** The attributes of the tag being read, as places in the source. */
class Tag {
  readonly #source: Source;
  readonly #nameStarts: number[] = [];
  readonly #nameEnds: number[] = [];
  /** Cut out when one is first asked for: a cell's are asked for five times. */
  readonly #names: (string | null)[] = [];
  readonly #valueStarts: number[] = [];
  readonly #valueEnds: number[] = [];
  /** Of those values that are not one piece of the source. */
  readonly #texts: (string | null)[] = [];
  #count = 0;

  constructor(source: Source) {
    this.#source = source;
  }

  begin(): void {
    this.#count = 0;
  }

  attribute(start: number, end: number): void {
    const at = this.#count;
    this.#nameStarts[at] = start;
    this.#nameEnds[at] = end;
    this.#names[at] = null;
    this.#valueStarts[at] = end;
    this.#valueEnds[at] = end;
    this.#texts[at] = null;
    this.#count += 1;
  }

  data(start: number, end: number): void {
    const at = this.#count - 1;
    const soFar = this.#textAt(at);
    if (soFar === "") {
      this.#valueStarts[at] = start;
      this.#valueEnds[at] = end;
    } else this.#texts[at] = soFar + this.#source.slice(start, end);
  }

  character(codePoint: number): void {
    const at = this.#count - 1;
    this.#texts[at] = this.#textAt(at) + String.fromCodePoint(codePoint);
  }

  value(wanted: string): string | undefined {
    let local: string | undefined;
    for (let at = 0; at < this.#count; at++) {
      const name = this.#nameAt(at);
      if (name === wanted) return this.#textAt(at);
      if (local === undefined && name.endsWith(wanted) && name.slice(name.indexOf(":") + 1) === wanted)
        local = this.#textAt(at);
    }
    return local;
  }

  #nameAt(at: number): string {
    const known = this.#names[at];
    if (typeof known === "string") return known;
    const name = this.#source.slice(this.#nameStarts[at] ?? 0, this.#nameEnds[at] ?? 0);
    this.#names[at] = name;
    return name;
  }

  #textAt(at: number): string {
    return this.#texts[at] ?? this.#source.slice(this.#valueStarts[at] ?? 0, this.#valueEnds[at] ?? 0);
  }
}

/** The text that is being parsed, as far as an event may still speak of it. */
class Source {
  readonly #pieces: string[] = [];
  /** Where the first piece begins in the whole. */
  #offset = 0;

  add(piece: string): void {
    this.#pieces.push(piece);
  }

  /** Nobody asks for what stands before `index` any more. */
  release(index: number): void {
    for (
      let first = this.#pieces[0];
      first !== undefined && index >= this.#offset + first.length;
      first = this.#pieces[0]
    ) {
      this.#offset += first.length;
      this.#pieces.shift();
    }
  }

  slice(start: number, end: number): string {
    const first = this.#pieces[0] ?? "";
    let from = start - this.#offset;
    let to = end - this.#offset;
    if (to <= first.length) return first.slice(from, to);
    let text = "";
    for (const piece of this.#pieces) {
      text += piece.slice(Math.max(0, from), Math.max(0, to));
      from -= piece.length;
      to -= piece.length;
      if (to <= 0) break;
    }
    return text;
  }
}
