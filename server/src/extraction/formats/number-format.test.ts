import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { numberFormat, showNumber } from "./number-format.ts";

/** Id of a number format, its code when the workbook says one, a value, and what the cell shows. */
const CASES: readonly (readonly [id: number, code: string | undefined, value: number, shows: string])[] = [
  [0, undefined, 19.989999999999998, "19.99"],
  [0, undefined, 0.1 + 0.2, "0.3"],
  [0, undefined, 4_006_381_333_931, "4006381333931"],
  [0, undefined, 9_007_199_254_740_991, "9007199254740991"],
  [0, undefined, 1e-7, "1E-7"],
  [0, undefined, -5, "-5"],
  [49, undefined, 12.5, "12.5"],
  [9, undefined, 0.25, "25%"],
  [10, undefined, 0.075, "7.50%"],
  [164, '#,##0.00 "€"', 1234.5, "1,234.50 €"],
  [164, "#,##0.00\\ [$€-407]", 1234.5, "1,234.50 €"],
  [164, "[$$-409]#,##0.00", 56_701.0309278351, "$56,701.03"],
  [164, "0000", 42, "0042"],
  [164, "000-00-0000", 12_345_678, "012-34-5678"],
  [164, '[Red]-#,##0;;"none"', 0, "none"],
  [164, ";;;", 5, ""],
  [164, "[>100]0", 5, "5"],
  [164, "Standard", 12.5, "12.5"],
  [164, "0".repeat(256), 5, "5"],
  [20, undefined, 0.75, "18:00"],
  [21, undefined, 0.999988425925926, "23:59:59"],
  [46, undefined, 4.166724537037037, "100:00:05"],
  [164, "[h]:mm", 1.0625, "25:30"],
  [164, "[h]:mm", -1.5, "-36:00"],
  [164, "h:mm AM/PM", 0.604166666666667, "2:30 PM"],
  [14, undefined, 45_351, "2024-02-29"],
  [22, undefined, 45_292.427511574075, "2024-01-01 10:15"],
  [164, "dd.mm.yy hh:mm:ss", 45_292.427511574075, "2024-01-01 10:15:37"],
  [164, "[$-407]d. mmmm yyyy", 45_351, "2024-02-29"],
  [164, "mmm yyyy", 45_352, "Mar 2024"],
  [164, "dd.mm.yyyy hh:mm", 0.5, "12:00"],
  [14, undefined, 1, "1900-01-01"],
  [14, undefined, 60, "1900-02-29"],
  [14, undefined, 61, "1900-03-01"],
  [14, undefined, -1, "-1"],
  [14, undefined, 2_958_466, "2958466"],
];

for (const [id, code, value, shows] of CASES) {
  test(`${value} in the format ${code?.slice(0, 40) ?? id} shows as "${shows}"`, () => {
    assert.equal(showNumber(value, numberFormat(id, code), false), shows);
  });
}

test("days of 1904 are 1462 days later, times are the same", () => {
  assert.equal(showNumber(0, numberFormat(14, undefined), true), "1904-01-01");
  assert.equal(showNumber(43_889, numberFormat(14, undefined), true), "2024-02-29");
  assert.equal(showNumber(1.0625, numberFormat(164, "[h]:mm"), true), "25:30");
});

test("no format makes a number throw", () => {
  const letters = [...'0#?.,%E+-/@*_\\"[]hms<>=$€-yMdGeneralAPB12; ()'];
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...letters), { maxLength: 60 }), (code) => {
      for (const value of [0, -1.5, 45_351.75, 1e300, 5e-324])
        showNumber(value, numberFormat(164, code.join("")), false);
    }),
  );
});
