import type { Occurrences, ScoredText } from "./bm25.ts";
import { CHUNKS_PER_BLOCK, type Lengths, lengthIn } from "./fts5-lengths.ts";
import { type Positions, positionsAt } from "./fts5-postings.ts";
import { isSomewhere, NOWHERE, type Passage, wordsIn } from "./passage-score.ts";
import { type Postings, placeIn } from "./posting-list.ts";

/** What the passages of one query are read from. */
export interface PassageSource {
  /** Of each wanted term that some chunk holds. */
  readonly lists: ReadonlyMap<string, Postings>;
  readonly wanted: ReadonlySet<string>;
  readonly lengths: Lengths;
  /** Whether any chunk holds the word. */
  readonly isHeld: (word: string) => boolean;
  readonly textOf: (id: number) => Pick<ScoredText, "title" | "body">;
}

/**
 * A chunk as the lists tell of it that its query has read anyway, counted and in its place each word: reading 100 token
 * texts took half of a query of rare words. Its text is read where a phrase holds a word that has no list here (a stop
 * word) and stands there but for that.
 */
export class ListedPassage implements Passage {
  readonly #source: PassageSource;
  readonly #id: number;
  readonly #positions = new Map<string, Positions>();
  readonly #counts = new Map<string, Occurrences>();
  readonly tokens: number;

  constructor(source: PassageSource, id: number) {
    this.#source = source;
    this.#id = id;
    this.tokens = lengthIn(source.lengths(Math.floor(id / CHUNKS_PER_BLOCK)), id % CHUNKS_PER_BLOCK);
    for (const [term, list] of source.lists) {
      const place = placeIn(list, id);
      if (place === null) continue;
      const positions = positionsAt(place);
      this.#positions.set(term, positions);
      this.#counts.set(term, { title: positions.title.length, body: positions.body.length });
    }
  }

  count(term: string): Occurrences {
    return this.#counts.get(term) ?? NOWHERE;
  }

  mayHold(term: string): boolean {
    return this.#source.wanted.has(term) ? isSomewhere(this.count(term)) : this.#source.isHeld(term);
  }

  once(words: readonly string[]): Occurrences {
    if (!words.every((word) => this.mayHold(word))) return NOWHERE;
    const told = words.flatMap((word, at) => {
      const positions = this.#positions.get(word);
      return positions === undefined ? [] : [{ at, positions }];
    });
    const title = standsIn(told.map(({ at, positions }) => ({ at, positions: positions.title })));
    const body = standsIn(told.map(({ at, positions }) => ({ at, positions: positions.body })));
    if (!title && !body) return NOWHERE;
    if (told.length < words.length) return wordsIn(this.#source.textOf(this.#id), words);
    return { title: Number(title), body: Number(body) };
  }
}

/** Whether some place of the first word fits to one of each other. Of no word at all nothing is known: it may. */
function standsIn(words: readonly { readonly at: number; readonly positions: readonly number[] }[]): boolean {
  const [first, ...others] = words;
  if (first === undefined) return true;
  return first.positions.some((position) => {
    const from = position - first.at;
    return from >= 0 && others.every(({ at, positions }) => positions.includes(from + at));
  });
}
