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
 * The best chunks that hold one of the words and pass the filters, by BM25 (bm25.ts), exactly. It goes through the
 * lists side by side, one block of neighbouring ids after another, so that it needs the same memory for every team.
 *
 * Once there are `count`, words that weigh too little to bring a chunk among them, all together, find nothing by
 * themselves (MaxScore): what holds none of the others is passed over. Each chunk that is scored is scored by all
 * words, in their order, so that a sum never depends on what was passed over.
 */
export function bestChunks({ words, filters, lengths, factors, count }: ChunksWanted): BestChunks {
  const found = words.map(({ postings, weightedIdf }) => ({ cursor: new Cursor(postings), weightedIdf }));
  const passing = filters.map((lists) => lists.map((postings) => new Cursor(postings)));
  const best = new Best(count);
  const scores = new Float64Array(CHUNKS_PER_BLOCK);
  const passed = new Uint16Array(CHUNKS_PER_BLOCK);
  for (;;) {
    const finding = wordsAbove(best.cut, found);
    const block = Math.max(nextBlock(finding.map(({ cursor }) => cursor)), ...passing.map(nextBlock));
    if (block === Number.POSITIVE_INFINITY) return best.finish();
    const from = block * CHUNKS_PER_BLOCK;
    const to = from + CHUNKS_PER_BLOCK;
    const marked = finding.length < found.length ? [...passing, finding.map(({ cursor }) => cursor)] : passing;
    if (marked.length > 0) passed.fill(0);
    for (const [index, lists] of marked.entries()) for (const list of lists) list.mark(from, passed, index);
    for (const lists of passing) for (const list of lists) list.at = list.endOf(to);
    const sizes = lengths(block);
    for (const { cursor, weightedIdf } of found) {
      cursor.skipTo(from);
      const { ids, frequencies } = cursor.postings;
      const end = cursor.endOf(to);
      for (let at = cursor.at; at < end; at++) {
        const index = (ids[at] ?? 0) - from;
        if (passed[index] !== marked.length) continue;
        const frequency = frequencies[at] ?? 0;
        const factor = factors.of(lengthIn(sizes, index));
        scores[index] = (scores[index] ?? 0) + (weightedIdf * frequency * (K1 + 1)) / (frequency + factor);
      }
    }
    // Along the lists once more: a rare word stands in a few chunks of a block.
    for (const { cursor } of finding) {
      const { ids } = cursor.postings;
      const end = cursor.endOf(to);
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

/** Those without which no chunk reaches the score: the others together add less, whatever holds them. */
function wordsAbove<Word extends Pick<FindingWord, "weightedIdf">>(
  score: number,
  words: readonly Word[],
): readonly Word[] {
  if (score === 0) return words;
  const light = new Set<Word>();
  let most = 0;
  for (const word of words.toSorted((a, b) => a.weightedIdf - b.weightedIdf)) {
    // A word adds less than its weight times K1 + 1; what rounding adds is less still.
    most += word.weightedIdf * (K1 + 1) * (1 + ROUNDING);
    if (most >= score) break;
    light.add(word);
  }
  return words.filter((word) => !light.has(word));
}

const ROUNDING = 1e-9;

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
    const { ids } = this.postings;
    const end = this.endOf(from + CHUNKS_PER_BLOCK);
    for (let at = this.at; at < end; at++) {
      const index = (ids[at] ?? 0) - from;
      if (passed[index] === filtersBefore) passed[index] = filtersBefore + 1;
    }
  }
}

/** Keeps the best of what it is offered, with ties; what is no longer among them goes from time to time. */
class Best {
  /** The best scores, as a heap: the least of them first. */
  readonly #best: Float64Array;
  #found = 0;
  #offered = 0;
  #ids: number[] = [];
  #scores: number[] = [];
  #room: number;

  constructor(count: number) {
    this.#best = new Float64Array(count);
    this.#room = ROOM * count;
  }

  /**
   * No chunk below it is among the best; 0 = any may be. Not before there is one too many: who passes over others says
   * that they are there.
   */
  get cut(): number {
    return this.#offered > this.#best.length ? (this.#best[0] ?? 0) : 0;
  }

  offer(id: number, score: number): void {
    this.#offered += 1;
    if (this.#found < this.#best.length) {
      this.#rise(this.#found++, score);
    } else {
      const least = this.#best[0] ?? 0;
      if (score < least) return;
      if (score > least) this.#sink(score);
    }
    this.#ids.push(id);
    this.#scores.push(score);
    if (this.#ids.length < this.#room) return;
    this.#prune();
    // All of it may be one tie.
    this.#room = Math.max(this.#room, 2 * this.#ids.length);
  }

  finish(): BestChunks {
    this.#prune();
    const scores = new Map<number, number>();
    for (const [at, id] of this.#ids.entries()) scores.set(id, this.#scores[at] ?? 0);
    return { scores, complete: this.#offered <= this.#best.length };
  }

  /** Puts the score in from the bottom. */
  #rise(from: number, score: number): void {
    const best = this.#best;
    let at = from;
    while (at > 0) {
      const parent = (at - 1) >>> 1;
      const above = best[parent] ?? 0;
      if (above <= score) break;
      best[at] = above;
      at = parent;
    }
    best[at] = score;
  }

  /** Puts the score in from the top, in the place of the least. */
  #sink(score: number): void {
    const best = this.#best;
    const { length } = best;
    let at = 0;
    for (let child = 1; child < length; child = 2 * at + 1) {
      if (child + 1 < length && (best[child + 1] ?? 0) < (best[child] ?? 0)) child += 1;
      const below = best[child] ?? 0;
      if (below >= score) break;
      best[at] = below;
      at = child;
    }
    best[at] = score;
  }

  #prune(): void {
    const { cut } = this;
    if (cut === 0) return;
    let kept = 0;
    for (const [at, score] of this.#scores.entries()) {
      if (score < cut) continue;
      this.#ids[kept] = this.#ids[at] ?? 0;
      this.#scores[kept] = score;
      kept += 1;
    }
    this.#ids.length = kept;
    this.#scores.length = kept;
  }
}

const ROOM = 4;
