import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { decideRange } from "./byte-range.ts";

describe("a Range header", () => {
  const size = 100;
  const parts: readonly (readonly [string, number, number])[] = [
    ["bytes=0-0", 0, 1],
    ["bytes=0-9", 0, 10],
    ["bytes=90-", 90, 100],
    ["bytes=99-99", 99, 100],
    ["bytes=50-1000", 50, 100],
    ["bytes=0-99999999999999999999999999", 0, 100],
    ["bytes=-1", 99, 100],
    ["bytes=-100", 0, 100],
    ["bytes=-5000", 0, 100],
    ["BYTES = 0-9", 0, 10],
    ["bytes=0-9,", 0, 10],
    ["bytes= , 0-9 ,", 0, 10],
    ["bytes=007-009", 7, 10],
  ];
  for (const [header, start, end] of parts)
    test(`${header} of ${size} bytes is [${start}, ${end})`, () => {
      assert.deepEqual(decideRange(header, size), { kind: "part", start, end });
    });

  for (const header of ["bytes=100-", "bytes=100-200", "bytes=-0", "bytes=999999999999999999999999999999-"])
    test(`${header} of ${size} bytes cannot be satisfied`, () => {
      assert.deepEqual(decideRange(header, size), { kind: "unsatisfiable" });
    });

  const ignored = [
    undefined,
    "",
    "bytes",
    "bytes=",
    "bytes=-",
    "bytes=a-b",
    "bytes=5-2",
    "bytes=1-2-3",
    "bytes=--5",
    "bytes=+1-2",
    "bytes=0x1-2",
    "bytes=1.5-2",
    "items=0-9",
    "bytes=0-1,5-6",
    "bytes=0-1, -1",
    "bytes 0-9",
  ];
  for (const header of ignored)
    test(`${JSON.stringify(header)} gives the whole`, () => {
      assert.deepEqual(decideRange(header, size), { kind: "whole" });
    });

  test("of any text never gives an empty range or one outside the file", () => {
    const digits = fc.string({ unit: fc.constantFrom("0", "1", "9", "-", ",", " "), maxLength: 12 });
    fc.assert(
      fc.property(digits, fc.integer({ min: 1, max: 1000 }), (text, sizeBytes) => {
        const range = decideRange(`bytes=${text}`, sizeBytes);
        if (range.kind !== "part") return;
        assert.ok(0 <= range.start && range.start < range.end && range.end <= sizeBytes);
      }),
      { numRuns: 2000 },
    );
  });
});
