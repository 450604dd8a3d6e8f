import assert from "node:assert/strict";
import { test } from "node:test";
import { parseMediaType } from "./media-type.ts";

test("a media type is its essence in lower case, and its parameters without quotes", () => {
  const cases: readonly (readonly [string, string, readonly (readonly [string, string])[]])[] = [
    ["text/plain", "text/plain", []],
    ["Application/PDF", "application/pdf", []],
    ["application/vnd.ms-word.document.macroEnabled.12", "application/vnd.ms-word.document.macroenabled.12", []],
    ["text/plain;charset=UTF-8", "text/plain", [["charset", "UTF-8"]]],
    ['text/plain \t; Charset="utf-8"  ', "text/plain", [["charset", "utf-8"]]],
    ["a/b;", "a/b", []],
    ["a/b; ;\t;; x=y ;", "a/b", [["x", "y"]]],
    [
      'a/b; x="a;b=\\"c\\\\"; y=1; x=2',
      "a/b",
      [
        ["x", 'a;b="c\\'],
        ["y", "1"],
        ["x", "2"],
      ],
    ],
    ['a/b; x=""', "a/b", [["x", ""]]],
    ['a/b; x="\té 日"', "a/b", [["x", "\té 日"]]],
  ];
  for (const [text, essence, parameters] of cases)
    assert.deepEqual(parseMediaType(text), { essence, parameters }, text);
});

test("what is no media type is null", () => {
  const cases = [
    "",
    "pdf",
    "/",
    "a/",
    "/b",
    "a/b/c",
    " a/b",
    "a /b",
    "a/b c",
    "a/b x=y",
    "a/b,c/d",
    "a/b; x",
    "a/b; =y",
    "a/b; x=",
    "a/b; x =y",
    "a/b; x= y",
    'a/b; x="y',
    'a/b; x="y\\',
    'a/b; x="y\\"',
    'a/b; x="y"z',
    'a/b; x="\u0000"',
    'a/b; x="\\\r\n"',
    "text/plain\r\nX: y",
    "té/st",
    `a/b${";  ".repeat(22)}(`,
  ];
  for (const text of cases) assert.equal(parseMediaType(text), null, text);
});
