import assert from "node:assert/strict";
import { test } from "node:test";
import { read } from "../fixtures/read.ts";

test("letters of JSON that are written as numbers are read as letters; what JSON needs escaped stands as it is", async () => {
  const cases: readonly (readonly [string, string])[] = [
    [String.raw`{"name": "J\u00fcrgen Gr\u00FC\u00dfe"}`, '{"name": "Jürgen Grüße"}'],
    [String.raw`["\u6771\u4eac", "\ud83d\ude00!", "\u0645\u06cc\u200c\u062e"]`, '["東京", "😀!", "می\u200cخ"]'],
    // As they stand: a tab, a quote, a backslash, half a pair, a line separator; and no escape at all.
    [
      String.raw`["\u0009", "\u0022", "\u005c", "\ud83d", "\ud83dx", "\u2028"]`,
      String.raw`["\u0009", "\u0022", "\u005c", "\ud83d", "\ud83dx", "\u2028"]`,
    ],
    [
      String.raw`{"path": "C:\\users\\u00fcber", "n": "a\nb\"c\/", "bad": "\u00f"}`,
      String.raw`{"path": "C:\\users\\u00fcber", "n": "a\nb\"c\/", "bad": "\u00f"}`,
    ],
    [String.raw`"\u00e4\ud83d\u00e4"`, String.raw`"ä\ud83dä"`],
  ];
  for (const [bytes, text] of cases) {
    const { pages, detected } = await read(bytes, { filename: "record.json", declaredType: "application/json" });
    assert.equal(detected, "application/json");
    assert.deepEqual(
      pages.map((page) => page.text),
      [text],
    );
  }
});

test("text that is no JSON keeps its numbers", async () => {
  const source = String.raw`const name = "J\u00fcrgen";`;
  const { pages } = await read(source, { filename: "name.txt", declaredType: "text/plain" });
  assert.equal(pages[0]?.text, source);
});
