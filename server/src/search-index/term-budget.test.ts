import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type CountedTerm, chooseTerms } from "./term-budget.ts";

const term = (name: string, chunks: number, weight = 1): CountedTerm => ({
  term: name,
  spelled: name,
  weight,
  insteadOf: [],
  chunks,
});
const names = (terms: readonly CountedTerm[]) => terms.map((each) => each.term).join(" ");

test("words are looked up by weight, as many as the budget has rows for", () => {
  const query = [term("common", 900), term("title", 300, 3), term("rare", 20), term("absent", 0)];
  const cases: readonly [number | null, string, string][] = [
    // rows, kept, ignored
    [null, "common title rare", ""],
    [1220, "common title rare", ""],
    [1219, "title rare", "common"],
    [310, "rare", "common title"],
    [0, "rare", "common title"],
  ];
  for (const [rows, kept, ignored] of cases) {
    const choice = chooseTerms(query, { rows, chunks: 1000 });
    assert.equal(names(choice.kept), kept, String(rows));
    assert.equal(names(choice.ignored), ignored);
    assert.equal(names(choice.present), "common title rare");
  }
});

test("kept and ignored share out the present words, one is always kept, and more than one stay within the rows", () => {
  const arbitraryTerms = fc
    .array(fc.record({ chunks: fc.nat(1000), weight: fc.integer({ min: 1, max: 3 }) }), { maxLength: 30 })
    .map((all) => all.map(({ chunks, weight }, i) => term(`t${i}`, chunks, weight)));
  fc.assert(
    fc.property(arbitraryTerms, fc.nat(5000), (terms, rows) => {
      const { present, kept, ignored } = chooseTerms(terms, { rows, chunks: 1000 });
      assert.equal(kept.length + ignored.length, present.length);
      assert.equal(kept.length > 0, present.length > 0);
      const touched = kept.reduce((sum, each) => sum + each.chunks, 0);
      assert.ok(kept.length <= 1 || touched <= rows);
    }),
  );
});
