import assert from "node:assert/strict";
import { test } from "node:test";
import { CitationMarks } from "./chat/citation-marks.ts";
import { CitedText } from "./cited-text.ts";

/** What a client sees of a model's pieces: the deltas joined must be the text. */
function told(given: number, ...pieces: readonly string[]): CitedText {
  const marks = new CitationMarks();
  const cited = new CitedText(given);
  const deltas: string[] = [];
  const push = (parts: ReturnType<CitationMarks["push"]>) => {
    for (const part of parts) deltas.push(cited.push(part));
  };
  for (const piece of pieces) push(marks.push(piece));
  push(marks.end());
  cited.end();
  assert.equal(deltas.join(""), cited.text);
  for (const { at, source } of cited.citations) assert.ok(cited.text.startsWith(`[${source + 1}]`, at));
  return cited;
}

test("passages are numbered in the order in which they are cited, wherever a mark is cut (AGT-8)", () => {
  const text = "Boats pay 40 euros [3]. Ships need a pilot [1, 3], and more [1].";
  for (let cut = 0; cut <= text.length; cut++) {
    const cited = told(3, text.slice(0, cut), text.slice(cut));
    assert.equal(cited.text, "Boats pay 40 euros [1]. Ships need a pilot [2][1], and more [2].");
    assert.deepEqual(cited.sources, [2, 0]);
    assert.deepEqual(cited.supports, [
      { text: "Boats pay 40 euros", sources: [0] },
      { text: ". Ships need a pilot", sources: [1, 0] },
      { text: ", and more", sources: [1] },
    ]);
  }
});

test("a citation of what was not given is dropped, with the blank before it (AGT-8)", () => {
  assert.equal(told(2, "True [2]. False [3], [0] and [99].").text, "True [1]. False, and.");
  assert.deepEqual(told(1, "Only [7]").citations, []);
  assert.equal(told(0, "Nothing [1].").text, "Nothing.");
});

test("what is left around a dropped citation does not become one (AGT-8)", () => {
  for (const text of ["[[99]13]", "[1[99]3] [2]", "[ [99], 2]", "[[98][99]1]"]) {
    const cited = told(2, ...text);
    const marks = cited.text.match(/\[\d+\]/g) ?? [];
    assert.equal(marks.length, cited.citations.length, `${text} became ${cited.text}`);
    assert.deepEqual(told(2, text).text, cited.text);
  }
});

test("what only looks like a mark stays as it is (AGT-8)", () => {
  for (const text of ["a[i] = [x]", "[1", "[12, ", "[1a]", "see [note 1]", "[]"])
    assert.equal(told(3, ...text).text, text.trimEnd());
});

test("a number that no passage can have keeps what it says, and is no mark any more (AGT-8)", () => {
  for (const [text, shown] of [
    ["Smith v Jones [2019] EWCA 12 [1].", "Smith v Jones (2019) EWCA 12 [1]."],
    ["[1000]", "(1000)"],
    ["In [1, 2019]", "In (1, 2019)"],
  ] as const) {
    assert.equal(told(3, text).text, shown);
    assert.equal(told(3, ...text).text, shown);
  }
  assert.doesNotMatch(told(2, ..."[[99]1000]").text, /\[\d+\]/);
});

test("a citation stands behind its own paragraph", () => {
  const { supports } = told(1, "Quoted.\n\nThe fee is 40. [1]");
  assert.deepEqual(supports, [{ text: "The fee is 40.", sources: [0] }]);
});
