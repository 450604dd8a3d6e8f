import { idf } from "./bm25.ts";
import type { QueryTerm } from "./query-terms.ts";

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
  const weight = (term: CountedTerm) => term.weight * idf(chunks, term.chunks);
  // The sort is stable: of equal terms the query's earlier one comes first, on every engine.
  const heaviestFirst = present.toSorted((a, b) => weight(b) - weight(a) || a.chunks - b.chunks);
  const kept = new Set<CountedTerm>();
  let touched = 0;
  for (const term of heaviestFirst) {
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

/** A filter saves the scoring of rows, which is nearly all of the cost, but each term's rows are still counted once. */
const LEAST_SHARE = 0.05;
