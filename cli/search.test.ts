import assert from "node:assert/strict";
import { test } from "node:test";
import { printable } from "./io.ts";
import { snippet } from "./search.ts";

const mark = (words: string) => `[${words}]`;

test("a snippet is the text round the first highlight, on one line, with the found words marked", () => {
  const cases = [
    ["A pilot\nboards.", [[2, 7]], "A [pilot] boards."],
    ["no highlight", [], "no highlight"],
    [
      "one two",
      [
        [0, 3],
        [4, 7],
      ],
      "[one] [two]",
    ],
    [
      "overlapping",
      [
        [0, 4],
        [2, 6],
      ],
      "[over]lapping",
    ],
    [`${"before ".repeat(50)}pilot`, [[350, 355]], `… ${"before ".repeat(9)}[pilot]`],
  ] as const;
  for (const [text, highlights, expected] of cases) assert.equal(snippet(text, highlights, mark), expected);
  assert.match(snippet("after ".repeat(100), [], mark), / …$/);
  assert.ok(snippet("x".repeat(5000), [[4000, 4001]], mark).length < 400);
});

test("text from elsewhere cannot move the cursor, forge a line or turn the direction of writing", () => {
  assert.equal(printable("a\u001b[2Jb\r\nc\u202ed\u009b"), "a\ufffd[2Jb\ufffd c\ufffdd\ufffd");
});
