import { BODY_WEIGHT, type ScoredText, TITLE_WEIGHT } from "./bm25.ts";
import { CHUNKS_PER_BLOCK, type Lengths, lengthIn } from "./fts5-lengths.ts";
import { type Positions, positionsAt } from "./fts5-postings.ts";
import { type Passage, wordsIn } from "./passage-score.ts";
import { entryOf, type Postings, placeOf } from "./posting-list.ts";

/** What the passages of one query are read from. */
export interface PassageSource {
  readonly wanted: ReadonlySet<string>;
  /** Of the wanted terms that some chunk holds: the numbers of their lists. */
  readonly numbers: ReadonlyMap<string, number>;
  readonly lists: readonly Postings[];
  readonly lengths: Lengths;
  /** Whether any chunk holds the word. */
  readonly isHeld: (word: string) => boolean;
  readonly textOf: (id: number) => Pick<ScoredText, "title" | "body">;
}

/**
 * A chunk as the lists tell of it that its query has read anyway: reading 100 token texts took half of a query of rare
 * words. Where a word stands is read for those of a phrase alone, once the chunk holds them all, and its text where a
 * phrase holds a word that has no list here (a stop word) and stands there but for that.
 */
export class ListedPassage implements Passage {
  readonly #source: PassageSource;
  readonly #id: number;
  /** Its entry in each list; -1 = none. */
  readonly #entries: readonly number[];
  /** What was read of them. */
  readonly #read: Positions[] = [];
  readonly tokens: number;

  constructor(source: PassageSource, id: number) {
    this.#source = source;
    this.#id = id;
    this.#entries = source.lists.map((list) => entryOf(list, id));
    this.tokens = lengthIn(source.lengths(Math.floor(id / CHUNKS_PER_BLOCK)), id % CHUNKS_PER_BLOCK);
  }

  frequency(term: string): number {
    const number = this.#source.numbers.get(term);
    if (number === undefined) return 0;
    return this.#source.lists[number]?.frequencies[this.#entries[number] ?? -1] ?? 0;
  }

  isInTitle(term: string): boolean {
    return (this.#positions(term)?.title.length ?? 0) > 0;
  }

  mayHold(term: string): boolean {
    return this.#source.wanted.has(term) ? this.frequency(term) > 0 : this.#source.isHeld(term);
  }

  once(words: readonly string[]): number {
    if (!words.every((word) => this.mayHold(word))) return 0;
    const told: ToldWord[] = [];
    for (const [at, word] of words.entries()) {
      const positions = this.#positions(word);
      if (positions !== null) told.push({ at, positions });
    }
    const title = standsIn(told, "title");
    const body = standsIn(told, "body");
    if (!title && !body) return 0;
    if (told.length < words.length) return wordsIn(this.#source.textOf(this.#id), words);
    return TITLE_WEIGHT * Number(title) + BODY_WEIGHT * Number(body);
  }

  #positions(term: string): Positions | null {
    const number = this.#source.numbers.get(term) ?? -1;
    const list = this.#source.lists[number];
    const entry = this.#entries[number] ?? -1;
    if (list === undefined || entry < 0) return null;
    const positions = this.#read[number] ?? positionsAt(placeOf(list, entry));
    this.#read[number] = positions;
    return positions;
  }
}

interface ToldWord {
  /** Its place in the phrase. */
  readonly at: number;
  readonly positions: Positions;
}

/** Whether some place of the first word fits to one of each other. Of no word at all nothing is known: it may. */
function standsIn([first, ...others]: readonly ToldWord[], field: keyof Positions): boolean {
  if (first === undefined) return true;
  return first.positions[field].some((position) => {
    const from = position - first.at;
    return from >= 0 && others.every(({ at, positions }) => positions[field].includes(from + at));
  });
}
