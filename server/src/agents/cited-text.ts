import type { AnswerPart } from "./writer.ts";

/** Where a citation stands in the text, and which of the sources it names. */
export interface Citation {
  /** Place of its `[` in the text, UTF-16 code units. */
  readonly at: number;
  /** Place in `sources`. */
  readonly source: number;
}

/** A stretch of text with the sources that stand behind it. */
export interface Support {
  readonly text: string;
  /** Places in `sources`, in the order of their marks. */
  readonly sources: readonly number[];
}

/** As a reader takes one for a citation (chat/citation-marks.ts), and how long one can be. */
const MARK = /\[[ \t]{0,3}\d{1,12}(?:,[ \t]{0,3}\d{1,12}){0,15}[ \t]{0,3}\]/;
const LONGEST_MARK = 256;

/**
 * The text of an answer while it is written: passages get the numbers 1, 2, 3 … in the order in which they are first
 * cited, a citation of nothing that was given is dropped together with the blank before it, and what `push` returns,
 * joined, is the text (AGT-8).
 */
export class CitedText {
  readonly #given: number;
  readonly #numberOf = new Map<number, number>();
  readonly #citations: Citation[] = [];
  readonly #supports: { text: string; readonly sources: number[] }[] = [];
  #text = "";
  /** Blanks that are said only when something follows them. */
  #blanks = "";
  /** Where the stretch begins that the next citation stands behind. */
  #supportFrom = 0;
  #citing = false;

  /** `given`: how many passages there are. */
  constructor(given: number) {
    this.#given = given;
  }

  get text(): string {
    return this.#text;
  }

  get citations(): readonly Citation[] {
    return this.#citations;
  }

  get supports(): readonly Support[] {
    return this.#supports;
  }

  /** Places in the given passages of those that are cited: number n is at n − 1. */
  get sources(): readonly number[] {
    return [...this.#numberOf.keys()];
  }

  /** What this part adds to the text. */
  push(part: Exclude<AnswerPart, { kind: "usage" }>): string {
    return part.kind === "text" ? this.#say(part.text) : this.#cite(part.passage);
  }

  /** Blanks at the end are no part of an answer. */
  end(): void {
    this.#blanks = "";
  }

  #say(text: string): string {
    const words = text.trimEnd();
    if (words === "") {
      this.#blanks += text;
      return "";
    }
    // A text does not begin with blanks either.
    const said = this.#withoutMarks(this.#text === "" ? words.trimStart() : this.#blanks + words);
    this.#blanks = text.slice(words.length);
    if (this.#citing) this.#supportFrom = this.#text.length;
    this.#citing = false;
    this.#text += said;
    return said;
  }

  /** What a dropped citation stood in the middle of, `[` and `13]`, must not become one: it loses its end. */
  #withoutMarks(said: string): string {
    const before = this.#text.slice(-LONGEST_MARK);
    let joined = before + said;
    for (let mark = MARK.exec(joined); mark !== null; mark = MARK.exec(joined)) {
      const end = mark.index + mark[0].length - 1;
      // A citation of ours, already said.
      if (end < before.length) joined = `${" ".repeat(end)}${joined.slice(end)}`;
      else joined = joined.slice(0, end) + joined.slice(end + 1);
    }
    return joined.slice(before.length);
  }

  #cite(passage: number): string {
    if (!Number.isInteger(passage) || passage < 0 || passage >= this.#given) {
      this.#blanks = "";
      return "";
    }
    const source = this.#numberOf.get(passage) ?? this.#numberOf.size;
    this.#numberOf.set(passage, source);
    const before = this.#blanks;
    this.#blanks = "";
    this.#support(source);
    this.#citations.push({ at: this.#text.length + before.length, source });
    const said = `${before}[${source + 1}]`;
    this.#text += said;
    return said;
  }

  #support(source: number): void {
    const last = this.#supports.at(-1);
    if (this.#citing && last !== undefined) {
      if (!last.sources.includes(source)) last.sources.push(source);
      return;
    }
    // A citation stands behind its paragraph, not behind those before it.
    const stretch = this.#text.slice(this.#supportFrom).trim();
    const paragraph = stretch.lastIndexOf("\n\n");
    this.#supports.push({ text: paragraph === -1 ? stretch : stretch.slice(paragraph + 2), sources: [source] });
    this.#citing = true;
  }
}
