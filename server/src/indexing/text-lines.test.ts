import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { textLine } from "./text-lines.ts";

const SLICE = 64 * 1024;

function lineOf(page: Parameters<typeof textLine>[0]): string {
  return Buffer.concat([...textLine(page)]).toString("utf8");
}

test("a page is one line, and reads back as it was, wherever the slices end", () => {
  const cases = ["", "a", 'quotes " and \\ and \n and \u0000', "x".repeat(SLICE), "x".repeat(SLICE + 1)];
  // A pair of surrogates across the end of a slice, and halves without their other half.
  cases.push(`${"x".repeat(SLICE - 1)}😀 after`, `${"x".repeat(SLICE - 1)}\ud83d`, "\udc00 first");
  for (const text of cases) {
    const line = lineOf({ page: 7, label: "vii", text });
    assert.equal(line.indexOf("\n"), line.length - 1);
    assert.deepEqual(JSON.parse(line), { page: 7, label: "vii", text });
  }
});

test("any text and label read back as they were", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), fc.option(fc.string({ unit: "binary" })), (text, label) => {
      assert.deepEqual(JSON.parse(lineOf({ page: 1, label, text })), { page: 1, label, text });
    }),
  );
});

test("no piece of a page is larger than a slice of it can become", () => {
  for (const piece of textLine({ page: 1, label: null, text: "\u0001".repeat(4 * SLICE) }))
    assert.ok(piece.byteLength <= 6 * SLICE + 100);
});
