import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { LIMITS } from "../limits.ts";
import type { Chunk } from "./chunk.ts";
import { chunkPage } from "./chunk-page.ts";

const { chunkTargetChars: target, chunkMaxChars: max, chunkOverlapChars: overlap } = LIMITS;

/** What must hold for every text. */
function assertChunks(text: string): readonly Chunk[] {
  const chunks = [...chunkPage(text)];
  let covered = 0;
  let lastStart = -1;
  for (const { charStart, charEnd, text: piece } of chunks) {
    assert.equal(piece, text.slice(charStart, charEnd));
    assert.equal(piece, piece.trim());
    assert.ok(piece.length > 0 && piece.length <= max, `length ${piece.length}`);
    assert.ok(charStart > lastStart, "chunks move on");
    assert.ok(charStart >= covered || covered - charStart <= overlap + 1, `overlap ${covered - charStart}`);
    assert.equal(text.slice(covered, Math.max(covered, charStart)).trim(), "", "nothing between two chunks is lost");
    if (text.isWellFormed()) assert.ok(piece.isWellFormed(), "no surrogate pair is split");
    covered = charEnd;
    lastStart = charStart;
  }
  assert.equal(text.slice(covered).trim(), "", "nothing at the end is lost");
  return chunks;
}

function repeated(piece: string, chars: number): string {
  return piece.repeat(Math.ceil(chars / piece.length));
}

test("every text is covered by exact ranges that overlap by at most 200 and split no surrogate pair", () => {
  const piece = fc.oneof(
    fc.string({ unit: "binary", maxLength: 300 }),
    fc.constantFrom(". ", "。", "! ", "\n", "\n\n", " ", "😀", "e\u0301", "word ", "\ud83d", "\t \n"),
    fc.constantFrom("x", "😀", " ", "。", "a. ", "\n").map((unit) => repeated(unit, 900)),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 20 }), (pieces) => void assertChunks(pieces.join(""))),
    { numRuns: 300 },
  );
});

const texts = [
  { name: "English sentences", text: repeated("The cat sat on the mat. It was “warm”. ", 20_000), ends: /[.”]$/ },
  { name: "Chinese sentences", text: repeated("本标准规定了测试方法。数据应当可靠！", 20_000), ends: /[。！]$/ },
  { name: "Hindi sentences", text: repeated("सभी मनुष्य स्वतंत्र जन्म लेते हैं। ", 20_000), ends: /।$/ },
  { name: "Arabic questions", text: repeated("هل هذا صحيح؟ نعم. ", 20_000), ends: /[؟.]$/ },
  { name: "lines without sentences", text: repeated("1 | 2 | 3 | a row of a table\n", 20_000), ends: /table$/ },
  { name: "words without sentences or lines", text: repeated("lorem ipsum ", 20_000), ends: /(lorem|ipsum)$/ },
];

for (const { name, text, ends } of texts) {
  test(`${name} are cut at their ends, about ${target} characters long`, () => {
    const chunks = assertChunks(text);
    for (const chunk of chunks) assert.match(chunk.text, ends);
    const mean = chunks.reduce((sum, chunk) => sum + chunk.text.length, 0) / chunks.length;
    assert.ok(mean > target * 0.8 && mean <= target * 1.2, `mean ${mean}`);
    const repeats = chunks.slice(1).map((chunk, index) => (chunks[index]?.charEnd ?? 0) - chunk.charStart);
    assert.ok(
      repeats.every((chars) => chars > 0 && chars <= overlap),
      "each chunk begins within the one before",
    );
  });
}

test("a text without spaces is cut at the limit, and not within a surrogate pair", () => {
  assert.equal(assertChunks("x".repeat(10_000))[0]?.text.length, max);
  assert.ok(assertChunks(`x${"😀".repeat(5_000)}`)[0]?.text.endsWith("😀"));
});

test("decimals and addresses are not ends of sentences", () => {
  const text = repeated("version 3.14 of example.org and ", 5_000);
  for (const chunk of assertChunks(text)) assert.doesNotMatch(chunk.text, /(3\.|example\.)$/);
});

test("a text that is little longer than the target stays whole", () => {
  const text = repeated("A short sentence. ", target + overlap - 20);
  assert.equal(assertChunks(text.trim()).length, 1);
});

test("white space alone gives no chunk", () => {
  assert.deepEqual(assertChunks(" \n\t\u3000\u00a0 "), []);
});

test("the time is linear in the text, whatever it holds", () => {
  for (const unit of ["x", "x ", ".", "\n x", "\n\n\n\nx", "。", "😀"]) {
    const text = repeated(unit, 4_000_000);
    const started = performance.now();
    let count = 0;
    for (const _ of chunkPage(text)) count += 1;
    assert.ok(count > 1000);
    // 4 million characters take about 0.1 s; quadratic work would take minutes.
    assert.ok(performance.now() - started < 10_000, unit);
  }
});
