import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { LIMITS } from "../../limits.ts";
import { tokenText } from "../../search-index/analyze.ts";
import { DocumentFault } from "../fault.ts";
import { TextAllowance, TextBuilder } from "./text-builder.ts";

function textOf(pieces: readonly string[]): string {
  const out = new TextBuilder(new TextAllowance());
  for (const piece of pieces) out.inline(piece);
  return out.take();
}

test("white space collapses the same however the text is cut into pieces", () => {
  const piece = fc.oneof(
    fc.constantFrom(" ", "\n", "a \n b", "c\r\nd", "e  f\tg", "\u00a0x", "\u2009", "\u3000y", "😀"),
    fc.constantFrom(" ", "\u00a0", "x", "😀", "a ").map((unit) => unit.repeat(40_000)),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
      assert.equal(textOf(pieces), pieces.join("").replace(/\s+/g, " ").replace(/^ | $/g, ""));
    }),
    { numRuns: 100 },
  );
});

for (const space of "\t\v\u0085\u00a0\u1680\u2000\u2009\u200a\u2028\u202f\u205f\u3000") {
  const name = space.charCodeAt(0).toString(16).padStart(4, "0");
  test(`U+${name} separates words, as a piece of its own and within one, and search finds both`, () => {
    assert.equal(textOf([space, "Herr", space, `Müller${space}pays${space} 10`, space]), "Herr Müller pays 10");
    assert.equal(tokenText(`Herr${space}Maier`), "herr maier");
  });
}

test("a document may give as many characters as the limit says, breaks counted, and not one more", () => {
  const allowance = new TextAllowance();
  const first = new TextBuilder(allowance);
  first.inline("x".repeat(LIMITS.extractedChars - 3));
  first.paragraph();
  const second = new TextBuilder(allowance);
  first.inline("y");
  assert.equal(first.take().length, LIMITS.extractedChars);
  assert.throws(
    () => second.inline("z"),
    (error) => error instanceof DocumentFault && error.code === "too_complex",
  );
});
