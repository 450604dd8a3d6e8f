import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { cutToBytes, jsonBytes, shareOut, shortened } from "./json.ts";

const ANY_TEXT = fc.string({ unit: "binary", maxLength: 60 });

test("a cut text is the beginning of it, fits, ends with a whole character, and is as long as it may be", () => {
  fc.assert(
    fc.property(ANY_TEXT, fc.nat(120), (text, maxBytes) => {
      const cut = cutToBytes(text, maxBytes);
      assert.ok(text.startsWith(cut));
      assert.ok(jsonBytes(cut) - 2 <= maxBytes);
      const [next] = text.slice(cut.length);
      if (next !== undefined) assert.ok(jsonBytes(cut + next) - 2 > maxBytes);
      assert.ok(jsonBytes(shortened(text, 9)) - 2 <= 9);
    }),
  );
});

test("shares are all that there is and no more, whole for small ones and equal for the others", () => {
  const cases: readonly (readonly [wanted: number[], bytes: number, shares: number[]])[] = [
    [[], 10, []],
    [[5, 5], 100, [5, 5]],
    [[100, 10, 100], 90, [40, 10, 40]],
    [[100, 100, 1], 11, [5, 5, 1]],
    [[7, 7], -3, [0, 0]],
  ];
  for (const [wanted, bytes, shares] of cases) assert.deepEqual(shareOut(wanted, bytes), shares);
});
