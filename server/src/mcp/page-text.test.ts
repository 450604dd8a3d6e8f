import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { jsonBytes } from "./json.ts";
import { readPageText } from "./page-text.ts";

/** As GET …/text?page=3 answers it, in pieces of any size. */
async function* answer(page: object, pieceBytes: number): AsyncGenerator<Uint8Array> {
  const bytes = Buffer.from(JSON.stringify({ file_id: "file_1", file_version: 1, pages: [page], request_id: "req_1" }));
  for (let at = 0; at < bytes.length; at += pieceBytes) yield bytes.subarray(at, at + pieceBytes);
}

test("any piece of a page is the text that its places name, however the answer comes in pieces", async () => {
  const text = fc.string({ unit: fc.oneof(fc.constantFrom("\\", '"', "\n", "\u0001", "é", "語", "😀"), fc.string()) });
  await fc.assert(
    fc.asyncProperty(
      text,
      fc.option(fc.string()),
      fc.nat(40),
      fc.integer({ min: 12, max: 60 }),
      fc.integer({ min: 1, max: 9 }),
      async (whole, label, from, maxBytes, pieceBytes) => {
        const found = await readPageText(answer({ page: 3, label, text: whole }, pieceBytes), { from, maxBytes });
        assert.equal(found.label, label);
        assert.equal(found.text, whole.slice(found.from, found.to));
        assert.ok(jsonBytes(found.text) - 2 <= maxBytes);
        assert.equal(found.more, found.to < whole.length);
        assert.ok(found.text !== "" || found.from === whole.length || !found.more);
        if (from <= whole.length) assert.ok(found.from - from <= 1, "begins at the place, or behind half a character");
      },
    ),
  );
});

test("a label that looks like a text is a label", async () => {
  const label = '"text":"no","page":1,{"page":2';
  const found = await readPageText(answer({ page: 1, label, text: "yes" }, 7), { from: 0, maxBytes: 100 });
  assert.deepEqual(found, { label, from: 0, to: 3, text: "yes", more: false });
});

test("what follows the piece is not read, nor kept", async () => {
  let read = 0;
  async function* endless() {
    yield Buffer.from('{"file_id":"file_1","file_version":1,"pages":[{"page":1,"label":null,"text":"');
    for (; ; read++) yield Buffer.from("x".repeat(1000));
  }
  const found = await readPageText(endless(), { from: 5000, maxBytes: 100 });
  assert.deepEqual([found.from, found.to, found.more], [5000, 5100, true]);
  assert.ok(read <= 6, String(read));
});

test("escapes without end are read in time that grows with their number", async () => {
  const text = "\n".repeat(1_000_000);
  const began = performance.now();
  const found = await readPageText(answer({ page: 1, label: null, text }, 65_536), { from: 999_990, maxBytes: 100 });
  assert.equal(found.text, "\n".repeat(10));
  assert.ok(performance.now() - began < 30_000);
});
