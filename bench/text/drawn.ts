import { readQuery } from "../../server/src/search-index/query-terms.ts";
import type { Random } from "../../server/test/support/random.ts";
import type { FoundWord } from "../floors/plain-fts5.store.ts";

/**
 * Queries of two or three words of the texts themselves, drawn by the number of chunks that they stand in: a
 * number between `least` and the commonest word's, each order of magnitude equally often, then a word that stands
 * in about so many. Stop words are not drawn: Wharf leaves them out of a query, and the floor, which does not,
 * would only look slow.
 */
export function drawnQueries(
  words: readonly FoundWord[],
  { count, least, random }: { readonly count: number; readonly least: number; readonly random: Random },
): readonly string[] {
  const told = words.filter(({ word }) => !isStopWord(word));
  const most = told.at(-1)?.chunks ?? least;
  const draw = () => {
    const chunks = least * (most / least) ** random.next();
    const from = told.findIndex((each) => each.chunks >= chunks);
    // Many words stand in the same few chunks: any of those.
    const same = told.filter((each) => each.chunks === told[from]?.chunks);
    return same[random.integer(0, same.length - 1)]?.word ?? "";
  };
  return Array.from({ length: count }, (_, at) => Array.from({ length: 2 + (at % 2) }, draw).join(" "));
}

/** A query of nothing but stop words keeps them: a second word shows it. */
function isStopWord(word: string): boolean {
  return !readQuery(`${word} zzz`).terms.some(({ spelled }) => spelled === word);
}
