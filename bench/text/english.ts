import { readFileSync } from "node:fs";
import { type Random, seededRandom } from "../../server/test/support/random.ts";

/**
 * Text whose words are as frequent as in English: Zipf's law with Mandelbrot's shift. The most frequent words are real
 * ones (words.txt: of this project's own prose, by frequency); the long tail, which real text fills with names and
 * compounds, is compounds of two of them. A seed gives the same text on every machine.
 */
export class English {
  readonly #random: Random;
  readonly #words: readonly string[];
  /** Cumulative weights, as integers would lose the tail. */
  readonly #upTo: Float64Array;

  constructor(seed: number) {
    this.#random = seededRandom(seed);
    this.#words = vocabulary();
    this.#upTo = cumulative(this.#words.length);
  }

  /** A word as a text draws it: "the" one time in twenty. */
  word(): string {
    const at = this.#random.next() * (this.#upTo[this.#upTo.length - 1] ?? 0);
    let low = 0;
    for (let high = this.#upTo.length - 1; low < high; ) {
      const middle = (low + high) >>> 1;
      if ((this.#upTo[middle] ?? 0) <= at) low = middle + 1;
      else high = middle;
    }
    return this.#words[low] ?? "";
  }

  /** A word as somebody asks for it: of rank 30 to 20 000, each order of magnitude equally often. */
  askedWord(): string {
    const [from, to] = [Math.log(30), Math.log(20_000)];
    return this.#words[Math.floor(Math.exp(from + this.#random.next() * (to - from)))] ?? "";
  }

  /**
   * Sentences of 8 to 20 words, paragraphs of 4 to 8 sentences, until there are `chars` characters; all of them ASCII.
   */
  text(chars: number): string {
    const paragraphs: string[] = [];
    for (let length = 0; length < chars; ) {
      const sentences = Array.from({ length: this.#random.integer(4, 8) }, () => this.#sentence());
      const paragraph = sentences.join(" ");
      paragraphs.push(paragraph);
      length += paragraph.length + 2;
    }
    return paragraphs.join("\n\n").slice(0, chars);
  }

  #sentence(): string {
    const words = Array.from({ length: this.#random.integer(8, 20) }, () => this.word()).join(" ");
    return `${words.charAt(0).toUpperCase()}${words.slice(1)}.`;
  }
}

const VOCABULARY = 60_000;
const SHIFT = 2.7;

function vocabulary(): readonly string[] {
  const words = readFileSync(new URL("./words.txt", import.meta.url), "utf8")
    .trim()
    .split("\n");
  const long = words.filter((word) => word.length >= 4);
  const compounds = seededRandom(1);
  const pick = () => long[compounds.integer(0, long.length - 1)] ?? "";
  const all = new Set(words);
  while (all.size < VOCABULARY) all.add(pick() + pick());
  return [...all];
}

function cumulative(size: number): Float64Array {
  const sums = new Float64Array(size);
  let sum = 0;
  for (let rank = 0; rank < size; rank++) {
    sum += 1 / (rank + 1 + SHIFT);
    sums[rank] = sum;
  }
  return sums;
}
