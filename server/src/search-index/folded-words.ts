import { type AnalyserVersion, type Folded, foldCodePoint, spelledMark } from "./fold.ts";
import { clip } from "./term.ts";

/** Whoever is told what a text beyond ASCII holds, in its order. */
export interface FoldedSink {
  /** A word of letters, not yet stemmed. `spelledOut`: the same with ä as ae; mostly equal. */
  folded(word: string, spelledOut: string, start: number, end: number): void;
  /** A term of a script without spaces. */
  unit(term: string, start: number, end: number): void;
}

/** From a word with a character beyond ASCII, up to the next separator. Returns where to go on. */
export function scanFolded(text: string, from: number, version: AnalyserVersion, sink: FoldedSink): number {
  const builder = new WordBuilder(sink, version);
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
  readonly #sink: FoldedSink;
  readonly #version: AnalyserVersion;
  #word = "";
  /** Null while it is the word itself: most never differ. */
  #spelledOut: string | null = null;
  #start = 0;
  #end = 0;
  #isRaised = false;
  #units: Unit[] = [];

  constructor(sink: FoldedSink, version: AnalyserVersion) {
    this.#sink = sink;
    this.#version = version;
  }

  piece(folded: Folded, codePoint: number, start: number, end: number): void {
    if (folded.kind === "word") {
      this.#raise(codePoint);
      this.#add(folded.text, folded.spelledOut, start, end);
    } else if (folded.kind === "unit") this.#unit(folded, start, end);
    else if (folded.kind === "mark") this.#mark(folded.text, codePoint, start, end);
    else this.flush();
  }

  mixed(text: string, start: number, end: number): void {
    for (const part of text) {
      const codePoint = part.codePointAt(0) ?? 0;
      this.piece(foldCodePoint(codePoint, this.#version), codePoint, start, end);
    }
  }

  /** 10³ is no 103 (since version 3); m² is m2. */
  #raise(codePoint: number): void {
    const isRaised = RAISED_DIGITS.has(codePoint);
    if (isRaised && !this.#isRaised && this.#version >= 3 && /[0-9]$/.test(this.#word)) this.flush();
    this.#isRaised = isRaised;
  }

  flush(): void {
    if (this.#word !== "") this.#sink.folded(this.#word, this.#spelledOut ?? this.#word, this.#start, this.#end);
    this.#word = "";
    this.#spelledOut = null;
    if (this.#units.length === 0) return;
    emitUnits(this.#units, this.#sink);
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

const RAISED_DIGITS = new Set([..."⁰¹²³⁴⁵⁶⁷⁸⁹"].map((digit) => digit.codePointAt(0)));

function emitUnits(units: readonly Unit[], sink: FoldedSink): void {
  for (const [index, unit] of units.entries()) {
    const next = units[index + 1];
    if (unit.alone || units.length === 1) sink.unit(clip(composed(unit.text)), unit.start, unit.end);
    if (next !== undefined) sink.unit(clip(composed(unit.text + next.text)), unit.start, next.end);
  }
}

/** One code unit came out of folding as it is; with marks behind it, it may have a composed form. */
function composed(text: string): string {
  return text.length === 1 ? text : text.normalize("NFC");
}
