import type { JsonValue } from "../../src/errors.ts";
import type { Random } from "../support/random.ts";
import { oneOf } from "./world.ts";

/** Texts that something once broke on: bounds, encodings, other languages' syntax, other types' spelling. */
export const ODD_TEXTS: readonly string[] = [
  "",
  " ",
  "\t\r\n",
  "0",
  "-1",
  "1e400",
  "null",
  "true",
  "[]",
  "{}",
  "a".repeat(64),
  "a".repeat(65),
  "é".repeat(255),
  "\u{1f600}".repeat(128),
  "x".repeat(513),
  "x".repeat(2001),
  "\u0000",
  "a\u0000b",
  "\u0007\u001b[31m",
  "\u007f\u0085",
  "\ud800",
  "\udfff\ud800",
  "e\u0301\u0301\u0301",
  "\u202etxt.exe",
  "\u2028\u2029",
  "\ufeff",
  "ｗｉｄｅ",
  "../../../etc/passwd",
  "..\\..\\x",
  "C:\\CON",
  "%00%2e%2e%2f",
  "%",
  "' OR 1=1 --",
  '"; DROP TABLE files; --',
  "a*b?c[d]",
  '{"$ne":1}',
  "walrus NEAR/2 x",
  '"unclosed',
  "-not AND OR",
  "title:x",
  "^a*",
  "<script>alert(1)</script>",
  "{{7*7}}#{7*7}",
  "__proto__",
  "constructor",
  "toString",
  "bucket_",
  "bucket_00000000000000000000000000",
  "a/b;  ;  ;  ;  ;  ;  (",
  "text/plain; charset=utf-16",
  `${" ".repeat(500)}a`,
  "a,".repeat(300),
  "2024-02-30T25:61:61Z",
  "9999-12-31T23:59:60Z",
  "-000001-01-01T00:00:00Z",
];

const ODD_NUMBERS: readonly number[] = [
  0,
  -0,
  -1,
  1,
  0.1,
  1.5,
  26_214_400,
  26_214_401,
  2 ** 31,
  2 ** 32,
  2 ** 53 - 1,
  2 ** 53,
  -(2 ** 53),
  1e300,
  Number.MIN_VALUE,
];

/** Any value of any type; seldom deep. */
export function oddValue(random: Random, depth = 0): JsonValue {
  switch (random.integer(0, depth > 2 ? 3 : 6)) {
    case 0:
      return null;
    case 1:
      return random.next() < 0.5;
    case 2:
      return oneOf(random, ODD_NUMBERS) ?? 0;
    case 3:
      return oddText(random);
    case 4:
      return Array.from({ length: random.integer(0, 25) }, () => oddValue(random, depth + 1));
    case 5:
      return nested(random.integer(1, 40));
    default:
      return Object.fromEntries(
        Array.from({ length: random.integer(0, 5) }, () => [oddText(random), oddValue(random, depth + 1)]),
      );
  }
}

export function oddText(random: Random): string {
  const text = oneOf(random, ODD_TEXTS) ?? "";
  return random.next() < 0.8 ? text : text + (oneOf(random, ODD_TEXTS) ?? "");
}

/** Header values that a client library lets through. */
export function oddHeader(random: Random): string {
  return oddText(random).replace(/[^\t\x20-\x7e\x80-\xff]/g, "?");
}

function nested(levels: number): JsonValue {
  let value: JsonValue = 1;
  for (let level = 0; level < levels; level++) value = level % 2 === 0 ? [value] : { a: value };
  return value;
}
