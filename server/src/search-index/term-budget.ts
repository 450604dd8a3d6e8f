import { LIMITS } from "../limits.ts";
import { idf } from "./bm25.ts";
import type { Query, QueryTerm } from "./query.ts";

export interface CountedTerm extends QueryTerm {
  /** Chunks of the team that hold the term. */
  readonly chunks: number;
}

export interface TermBudget {
  /** Most rows that looking up may touch; null = no bound (for measuring). */
  readonly rows: number | null;
  /** The team's chunks. */
  readonly chunks: number;
}

export interface TermChoice {
  /** Words that some chunk holds. */
  readonly present: readonly CountedTerm[];
  /** Those of them that are looked up: a chunk is found when it holds one. */
  readonly kept: readonly CountedTerm[];
  /**
   * The others: they find nothing by themselves, but count when what the kept ones found is read again. In the
   * query's order.
   */
  readonly ignored: readonly CountedTerm[];
}

/**
 * Bounds what a query costs, in time and memory: each row of a term's list takes 20 ns and twenty bytes. The terms that
 * weigh most are taken first, as many as fit, always one.
 *
 * Dropping the others from the score as well cost 26 % of nDCG@10 where a query's words are common in the team's
 * documents; scoring what was found by all of them costs next to nothing (docs/decisions/0011-search-ranking.md).
 */
export function chooseTerms(terms: readonly CountedTerm[], { rows, chunks }: TermBudget): TermChoice {
  const present = terms.filter((term) => term.chunks > 0);
  if (rows === null) return { present, kept: present, ignored: [] };
  const kept = new Set<CountedTerm>();
  let touched = 0;
  for (const term of heaviestFirst(present, chunks)) {
    if (kept.size > 0 && touched + term.chunks > rows) continue;
    touched += term.chunks;
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
 * rare as the phrase, so it is found by itself; the words that a word falls into are no terms, and found by this alone.
 */
export function lookedUpTogether(
  { phrases, whole }: Query,
  chunksWith: (term: string) => number,
): readonly (readonly string[])[] {
  const groups = phrases
    .filter(({ joined, isOtherSpelling }) => isOtherSpelling || joined === null || chunksWith(joined) === 0)
    .map(({ telling }) => telling);
  return [...groups, ...(whole === "" ? [] : [[whole]])].filter((words) => {
    const counts = words.map(chunksWith);
    return !counts.includes(0) && counts.reduce((sum, count) => sum + count, 0) <= LIMITS.searchPhraseRows;
  });
}

/** How many of the best chunks are read again, for what single words do not tell (passage-score.ts). */
export function readAgain({ present, ignored }: TermChoice): number {
  return present.length <= FEW_TERMS && ignored.length === 0 ? LIMITS.searchLookedThrough : LIMITS.searchRescored;
}

const FEW_TERMS = 6;

function weightedIdf(term: CountedTerm, chunks: number): number {
  return term.weight * idf(chunks, term.chunks);
}

/** The sort is stable: of equal terms the query's earlier one comes first, on every engine. */
function heaviestFirst(terms: readonly CountedTerm[], chunks: number): readonly CountedTerm[] {
  return terms.toSorted((a, b) => weightedIdf(b, chunks) - weightedIdf(a, chunks) || a.chunks - b.chunks);
}
