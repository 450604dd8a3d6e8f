import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { bestChunks } from "./best-chunks.ts";
import { K1, LengthFactors } from "./bm25.ts";
import { CHUNKS_PER_BLOCK } from "./fts5-lengths.ts";
import { postingsOfIds } from "./posting-list.ts";

/** Over four blocks, and with ties: few ids, few frequencies, weights from what tells nothing to what decides alone. */
const entry = fc.record({
  id: fc.integer({ min: 0, max: 40 }).map((n) => n * 100),
  frequency: fc.constantFrom(1, 1, 2, 9),
});
const word = fc.record({
  entries: fc.uniqueArray(entry, { selector: ({ id }) => id, maxLength: 40 }),
  weightedIdf: fc.constantFrom(0.01, 0.5, 1, 8),
});

test("what is among the best is found with all its ties, and it is said when something else was", () => {
  const factors = new LengthFactors(1);
  const none = new Uint8Array(2 * CHUNKS_PER_BLOCK);
  const gain = (weightedIdf: number, frequency: number) =>
    (weightedIdf * frequency * (K1 + 1)) / (frequency + factors.of(0));
  fc.assert(
    fc.property(fc.array(word, { minLength: 1, maxLength: 4 }), fc.integer({ min: 1, max: 12 }), (words, count) => {
      const sorted = words.map(({ entries, ...rest }) => ({
        ...rest,
        entries: entries.toSorted((a, b) => a.id - b.id),
      }));
      const all = new Map<number, number>();
      for (const { entries, weightedIdf } of sorted)
        for (const { id, frequency } of entries) all.set(id, (all.get(id) ?? 0) + gain(weightedIdf, frequency));
      const cut = [...all.values()].sort((a, b) => b - a)[count - 1] ?? 0;
      const { scores, complete } = bestChunks({
        words: sorted.map(({ entries, weightedIdf }) => ({
          postings: {
            ...postingsOfIds(entries.map(({ id }) => id)),
            frequencies: Uint16Array.from(entries, ({ frequency }) => frequency),
          },
          weightedIdf,
        })),
        filters: [],
        lengths: () => none,
        factors,
        count,
      });
      assert.deepEqual(
        [...scores].sort(([a], [b]) => a - b),
        [...all].filter(([, score]) => score >= cut).sort(([a], [b]) => a - b),
      );
      assert.equal(complete, all.size <= count);
    }),
    { numRuns: 2000 },
  );
});
