import { LIMITS } from "../limits.ts";
import { idf, mostOfTerm } from "./bm25.ts";
import type { Query, QueryTerm } from "./query-terms.ts";

export interface CountedTerm extends QueryTerm {
  /** Chunks of the team that hold the term. */
  readonly chunks: number;
}

export interface TermBudget {
  /** Most rows that looking up may touch; null = no bound (for measuring). */
  readonly rows: number | null;
  /** The team's chunks. */
  readonly chunks: number;
  /** At most how many of them the filters let through. */
  readonly filteredChunks: number;
}

export interface TermChoice {
  /** Words that some chunk holds. */
  readonly present: readonly CountedTerm[];
  /** Those of them that are looked up: a chunk is found when it holds one. */
  readonly kept: readonly CountedTerm[];
  /** The others: they find nothing by themselves, but count in the score of what the kept ones found. In the query's order. */
  readonly ignored: readonly CountedTerm[];
}

/**
 * Bounds what a query costs: an OR query costs the rows that its terms match (full CISI queries over 100 000 chunks: 199 ms p50,
 * 1 293 ms p99 without a bound). The terms that weigh most are taken first, as many as fit, always one.
 *
 * Dropping the others from the score as well cost 26 % of nDCG@10 where a query's words are common in the team's documents; scoring what was
 * found by all of them costs next to nothing (docs/decisions/0011-search-ranking.md).
 */
export function chooseTerms(terms: readonly CountedTerm[], budget: TermBudget): TermChoice {
  const { rows, chunks, filteredChunks } = budget;
  const present = terms.filter((term) => term.chunks > 0);
  if (rows === null) return { present, kept: present, ignored: [] };
  const share = Math.max(filteredChunks / chunks, LEAST_SHARE);
  const kept = new Set<CountedTerm>();
  let touched = 0;
  for (const term of heaviestFirst(present, chunks)) {
    const cost = term.chunks * share;
    if (kept.size > 0 && touched + cost > rows) continue;
    touched += cost;
    kept.add(term);
  }
  return {
    present,
    kept: present.filter((term) => kept.has(term)),
    ignored: present.filter((term) => !kept.has(term)),
  };
}

/**
 * The words of the query that found nothing by themselves, each once: not one of which another spelling was looked
 * up.
 */
export function ignoredWords({ kept, ignored }: TermChoice): readonly string[] {
  const lookedUp = new Set(kept.map((term) => term.spelled));
  return [...new Set(ignored.map((term) => term.spelled))].filter((spelled) => !lookedUp.has(spelled));
}

/**
 * Words whose chunks are looked up together, beside what each of them finds: those of a phrase, and a title that is
 * the query. For each word of a phrase may be common, and its chunk not among the best of any. A joined term is as
 * rare as the phrase, so it is found by itself.
 */
export function lookedUpTogether(
  { phrases, whole }: Query,
  chunksWith: (term: string) => number,
): readonly (readonly string[])[] {
  const groups = phrases
    .filter(({ joined }) => joined === null || chunksWith(joined) === 0)
    .map(({ telling }) => telling);
  return [...groups, ...(whole === "" ? [] : [[whole]])].filter((words) => {
    const counts = words.map(chunksWith);
    return !counts.includes(0) && counts.reduce((sum, count) => sum + count, 0) <= LIMITS.searchPhraseRows;
  });
}

/** Skipping through the rows of many words at once costs FTS5 more than scoring them (30 words: four times as much). */
const FEW_TERMS = 6;

export function areFew(present: readonly CountedTerm[]): boolean {
  return present.length <= FEW_TERMS;
}

/** How many of the best chunks are read again, for what single words do not tell (passage-score.ts). */
export function readAgain(present: readonly CountedTerm[]): number {
  return areFew(present) ? LIMITS.searchLookedThrough : LIMITS.searchRescored;
}

/** A filter saves the scoring of rows, which is nearly all of the cost, but each term's rows are still counted once. */
const LEAST_SHARE = 0.05;

function weightedIdf(term: CountedTerm, chunks: number): number {
  return term.weight * idf(chunks, term.chunks);
}

/** The sort is stable: of equal terms the query's earlier one comes first, on every engine. */
function heaviestFirst(terms: readonly CountedTerm[], chunks: number): readonly CountedTerm[] {
  return terms.toSorted((a, b) => weightedIdf(b, chunks) - weightedIdf(a, chunks) || a.chunks - b.chunks);
}

/** Words whose chunks are looked up, and the present others, which only add to the scores of those. */
export interface TermSplit {
  readonly looked: readonly CountedTerm[];
  readonly others: readonly CountedTerm[];
  /** Whether the kept words are all looked up. */
  readonly all: boolean;
}

/** All rows by those of the first look: below it, a second look saves too little. */
const LEAST_SAVING = 3;

/**
 * MaxScore (Turtle and Flood, 1995): once the nth best chunk is known to score more than some words together ever can, no chunk that holds
 * only those is among the n best. They need not be looked up, and nothing is lost: the result is exactly that of all kept words.
 */
export class Essentials {
  readonly #kept: readonly CountedTerm[];
  readonly #present: readonly CountedTerm[];
  readonly #chunks: number;

  constructor(present: readonly CountedTerm[], kept: readonly CountedTerm[], chunks: number) {
    this.#present = present;
    this.#kept = heaviestFirst(kept, chunks);
    this.#chunks = chunks;
  }

  /**
   * The heaviest words that stand in about so many chunks, always one. All of them when the others stand in few more: then there is little to
   * save, and a second look would cost more.
   */
  atFirst(rows: number): TermSplit {
    const all = this.#kept.reduce((sum, term) => sum + term.chunks, 0);
    let touched = 0;
    let count = 0;
    for (const term of this.#kept) {
      if (count > 0 && touched + term.chunks > rows) break;
      touched += term.chunks;
      count += 1;
    }
    return this.#split(all < LEAST_SAVING * touched ? this.#kept.length : count);
  }

  /** As few as leave out only words that together stay below the score. */
  unlessBelow(score: number): TermSplit {
    for (let count = 1; count < this.#kept.length; count++) {
      const split = this.#split(count);
      const most = split.others.reduce((sum, term) => sum + mostOfTerm(weightedIdf(term, this.#chunks)), 0);
      if (most < score) return split;
    }
    return this.#split(this.#kept.length);
  }

  #split(count: number): TermSplit {
    const looked = this.#kept.slice(0, count);
    const ignored = this.#present.filter((term) => !this.#kept.includes(term));
    return {
      looked,
      // In one order however they are split: an engine that adds up their scores in it gets the same sum to the last
      // bit.
      others: [...this.#kept.slice(count), ...ignored],
      all: count === this.#kept.length,
    };
  }
}
