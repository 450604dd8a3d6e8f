import type { QueryTerm } from "./query-terms.ts";

export interface CountedTerm extends QueryTerm {
  /** Chunks of the team that hold the term. */
  readonly chunks: number;
}

export interface TermChoice {
  readonly kept: readonly CountedTerm[];
  /** Left out by the budget, in the query's order. */
  readonly ignored: readonly CountedTerm[];
}

/**
 * Bounds what a query costs: an OR query costs the rows that its terms match (full CISI queries over 100 000 chunks: 199 ms p50,
 * 1 293 ms p99 without a bound). Terms are taken from the rarest up while their counts stay within `rows`, always at least one; the rarest
 * words tell most, so the ranking hardly notices (docs/decisions/0011-search-ranking.md). Words that no chunk holds are in
 * neither list. null = no bound.
 */
export function chooseTerms(terms: readonly CountedTerm[], rows: number | null): TermChoice {
  const present = terms.filter((term) => term.chunks > 0);
  if (rows === null) return { kept: present, ignored: [] };
  // The sort is stable: of equally rare terms the query's earlier one comes first, on every engine.
  const rarestFirst = present.toSorted((a, b) => a.chunks - b.chunks);
  const kept = new Set<CountedTerm>();
  let touched = 0;
  for (const term of rarestFirst) {
    touched += term.chunks;
    if (kept.size > 0 && touched > rows) break;
    kept.add(term);
  }
  return { kept: present.filter((term) => kept.has(term)), ignored: present.filter((term) => !kept.has(term)) };
}
