import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { ExtractedPage } from "../extraction/extractor.ts";
import { textLines } from "./text-lines.ts";

const SLICE = 64 * 1024;

function lineOf(...pages: readonly ExtractedPage[]): string {
  return Buffer.concat([...textLines(pages)]).toString("utf8");
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

test("pages that come together are a line each, whatever their lengths", () => {
  const texts = ["", "short", "x".repeat(SLICE), "é".repeat(2 * SLICE + 1), "last"];
  const pages = texts.map((text, at) => ({ page: at + 1, label: null, text }));
  const lines = lineOf(...pages).split("\n");
  assert.equal(lines.pop(), "");
  assert.deepEqual(
    lines.map((line) => JSON.parse(line)),
    pages,
  );
});

test("no piece is larger than two slices of a page can become", () => {
  const text = "\u0001".repeat(4 * SLICE);
  for (const piece of textLines([
    { page: 1, label: null, text: "x".repeat(SLICE - 100) },
    { page: 2, label: null, text },
  ]))
    assert.ok(piece.byteLength <= 7 * SLICE + 100);
});
