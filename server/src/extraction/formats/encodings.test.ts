import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeText } from "../fixtures/encode-text.ts";
import { LEGACY_TEXTS } from "../fixtures/legacy-texts.ts";
import { decodeText, undeclared } from "./decode-text.ts";

/** Each text from each of its lines on, round and round, cut at this many characters. */
function* samples(lines: readonly string[], length: number): Generator<string> {
  for (let start = 0; start < lines.length; start++) {
    let text = "";
    for (let at = start; text.length < length; at++) text += `${lines[at % lines.length]}\n`;
    const cut = text.slice(0, length);
    if (/[^\0-\x7f]/.test(cut)) yield cut;
  }
}

/**
 * What is right must stay so; at 600 and 150 characters everything was, at 60 two of 660 were wrong (MacRoman,
 * Mac Cyrillic).
 */
const LENGTHS = [
  { length: 600, rightPercent: 100 },
  { length: 150, rightPercent: 99.5 },
  { length: 60, rightPercent: 98.5 },
] as const;

for (const { length, rightPercent } of LENGTHS)
  test(`of texts of ${length} characters without a declaration, in ${LEGACY_TEXTS.length} languages and their encodings, ${rightPercent} % are read right`, async () => {
    let all = 0;
    const wrong: string[] = [];
    for (const { language, encodings, lines } of LEGACY_TEXTS)
      for (const encoding of encodings)
        for (const text of samples(lines, length)) {
          all += 1;
          const read = await decodeText(encodeText(text, encoding), undeclared);
          if (read?.normalize("NFC") !== text) wrong.push(`${language}, ${encoding}: ${read?.slice(0, 60)}`);
        }
    assert.ok(all > 600, "the set has shrunk");
    assert.ok(wrong.length <= all * (1 - rightPercent / 100), `${wrong.length} of ${all} wrong:\n${wrong.join("\n")}`);
  });
