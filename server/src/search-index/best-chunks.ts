import { K1, type LengthFactors } from "./bm25.ts";
import { CHUNKS_PER_BLOCK, type Lengths, lengthIn } from "./fts5-lengths.ts";
import { firstFrom, type Postings } from "./posting-list.ts";

/** A word that finds chunks. */
export interface FindingWord {
  readonly postings: Postings;
  readonly weightedIdf: number;
}

export interface ChunksWanted {
  readonly words: readonly FindingWord[];
  /** A chunk must be in one list of each. */
  readonly filters: readonly (readonly Postings[])[];
  readonly lengths: Lengths;
  readonly factors: LengthFactors;
  readonly count: number;
}

export interface BestChunks {
  /** Scores by row id: of the best `count`, and of all that tie with the last of them. */
  readonly scores: ReadonlyMap<number, number>;
  /** Whether nothing else was found. */
  readonly complete: boolean;
}

/**
 * The best chunks that hold one of the words and pass the filters, by BM25 (bm25.ts), exactly. It goes through the lists
 * side by side, one block of neighbouring ids after another, so that it needs the same memory for every team.
 */
export function bestChunks({ words, filters, lengths, factors, count }: ChunksWanted): BestChunks {
  const found = words.map(({ postings, weightedIdf }) => ({ cursor: new Cursor(postings), weightedIdf }));
  const passing = filters.map((lists) => lists.map((postings) => new Cursor(postings)));
  const best = new Best(count);
  const scores = new Float64Array(CHUNKS_PER_BLOCK);
  const passed = new Uint16Array(CHUNKS_PER_BLOCK);
  for (;;) {
    const block = Math.max(nextBlock(found.map(({ cursor }) => cursor)), ...passing.map(nextBlock));
    if (block === Number.POSITIVE_INFINITY) return best.finish();
    const from = block * CHUNKS_PER_BLOCK;
    if (passing.length > 0) passed.fill(0);
    for (const [index, lists] of passing.entries()) for (const list of lists) list.mark(from, passed, index);
    const sizes = lengths(block);
    for (const { cursor, weightedIdf } of found) {
      cursor.skipTo(from);
      const { ids, frequencies } = cursor.postings;
      const end = cursor.endOf(from + CHUNKS_PER_BLOCK);
      for (let at = cursor.at; at < end; at++) {
        const index = (ids[at] ?? 0) - from;
        if (passed[index] !== filters.length) continue;
        const frequency = frequencies[at] ?? 0;
        const factor = factors.of(lengthIn(sizes, index));
        scores[index] = (scores[index] ?? 0) + (weightedIdf * frequency * (K1 + 1)) / (frequency + factor);
      }
    }
    // Along the lists once more: a rare word stands in a few chunks of a block.
    for (const { cursor } of found) {
      const { ids } = cursor.postings;
      const end = cursor.endOf(from + CHUNKS_PER_BLOCK);
      for (let at = cursor.at; at < end; at++) {
        const id = ids[at] ?? 0;
        const score = scores[id - from] ?? 0;
        if (score === 0) continue;
        best.offer(id, score);
        scores[id - from] = 0;
      }
      cursor.at = end;
    }
  }
}

/** Of the lists taken together; Infinity: they are at their ends. */
function nextBlock(lists: readonly Cursor[]): number {
  return Math.floor(Math.min(...lists.map((list) => list.next)) / CHUNKS_PER_BLOCK);
}

class Cursor {
  readonly postings: Postings;
  at = 0;

  constructor(postings: Postings) {
    this.postings = postings;
  }

  get next(): number {
    return this.at < this.postings.count ? (this.postings.ids[this.at] ?? 0) : Number.POSITIVE_INFINITY;
  }

  /** By halves: under a narrow filter whole lists are passed over. */
  skipTo(id: number): void {
    if (this.next < id) this.at = this.endOf(id);
  }

  /** Where the ids below `id` end. */
  endOf(id: number): number {
    const { ids, count } = this.postings;
    return firstFrom(ids, id, this.at, count);
  }

  /** Chunks of the block that passed the filters before this one pass it, too. */
  mark(from: number, passed: Uint16Array, filtersBefore: number): void {
    this.skipTo(from);
    const end = this.endOf(from + CHUNKS_PER_BLOCK);
    for (; this.at < end; this.at++) {
      const index = (this.postings.ids[this.at] ?? 0) - from;
      if (passed[index] === filtersBefore) passed[index] = filtersBefore + 1;
    }
  }
}

/** Keeps the best of what it is offered, with ties; what is surely not among them goes from time to time. */
class Best {
  readonly #count: number;
  #ids: number[] = [];
  #scores: number[] = [];
  #room: number;
  #cut = 0;
  #offered = 0;

  constructor(count: number) {
    this.#count = count;
    this.#room = ROOM * count;
  }

  offer(id: number, score: number): void {
    this.#offered += 1;
    if (score < this.#cut) return;
    this.#ids.push(id);
    this.#scores.push(score);
    if (this.#ids.length < this.#room) return;
    this.#prune();
    // All of it may be one tie.
    this.#room = Math.max(this.#room, 2 * this.#ids.length);
  }

  finish(): BestChunks {
    this.#prune();
    const scores = new Map(this.#ids.map((id, at) => [id, this.#scores[at] ?? 0]));
    return { scores, complete: this.#offered <= this.#count };
  }

  #prune(): void {
    if (this.#ids.length <= this.#count) return;
    const rising = Float64Array.from(this.#scores).sort();
    const cut = rising[rising.length - this.#count] ?? 0;
    this.#cut = cut;
    this.#ids = this.#ids.filter((_, at) => (this.#scores[at] ?? 0) >= cut);
    this.#scores = this.#scores.filter((score) => score >= cut);
  }
}

const ROOM = 4;
