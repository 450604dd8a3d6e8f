import { CHUNKS_PER_BLOCK } from "./fts5-lengths.ts";
import { firstFrom, type Postings } from "./posting-list.ts";

/** Neighbouring ids. */
export interface IdRange {
  readonly from: number;
  /** Exclusive. */
  readonly to: number;
}

export const ALL_IDS: readonly IdRange[] = [{ from: 0, to: Number.POSITIVE_INFINITY }];

/** Ascending; together they hold every id of the lists, and few others: a file's chunks are mostly neighbours. */
export function rangesOf(lists: readonly Postings[]): readonly IdRange[] {
  const blocks = new Set<number>();
  for (const { ids, count } of lists)
    for (let at = 0; at < count; ) {
      const block = Math.floor((ids[at] ?? 0) / CHUNKS_PER_BLOCK);
      blocks.add(block);
      at = firstFrom(ids, (block + 1) * CHUNKS_PER_BLOCK, at, count);
    }
  const ranges: { from: number; to: number }[] = [];
  for (const block of [...blocks].sort((a, b) => a - b)) {
    const from = block * CHUNKS_PER_BLOCK;
    const to = from + CHUNKS_PER_BLOCK;
    const last = ranges.at(-1);
    if (last !== undefined && from - last.to < LEAST_GAP) last.to = to;
    else ranges.push({ from, to });
  }
  return ranges;
}

export function idsIn(ranges: readonly IdRange[]): number {
  return ranges.reduce((sum, { from, to }) => sum + to - from, 0);
}

/** What lies between two ranges is passed over in a list's pages, which hold some 700 ids of a common word. */
const LEAST_GAP = 4 * CHUNKS_PER_BLOCK;
