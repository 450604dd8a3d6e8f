import assert from "node:assert/strict";
import { test } from "node:test";
import { parseContentRange } from "./content-range.ts";

test("Every form of the dialect is understood (rows P, K, Q)", () => {
  const cases = {
    "bytes 0-9/10": { kind: "part", first: 0, last: 9, total: 10 },
    "bytes 0-262143/*": { kind: "part", first: 0, last: 262_143, total: null },
    "bytes 0-*/*": { kind: "part", first: 0, last: null, total: null },
    "bytes 5-*/10": { kind: "part", first: 5, last: null, total: 10 },
    "bytes 10-*/10": { kind: "part", first: 10, last: null, total: 10 },
    "bytes */10": { kind: "probe", total: 10 },
    "bytes */*": { kind: "probe", total: null },
    "bytes */0": { kind: "probe", total: 0 },
  };
  for (const [header, range] of Object.entries(cases)) assert.deepEqual(parseContentRange(header), range, header);
  assert.deepEqual(parseContentRange(undefined), { kind: "whole" });
});

test("Garbage is no range, whatever its shape (PUT-16, rows X1 … X3)", () => {
  const garbage = [
    "",
    "bytes",
    "*/*",
    "bytes 0-9",
    "bytes a-b/c",
    "bytes 9-0/10",
    "bytes 0-9/5",
    "bytes 0-9/9",
    "bytes 11-*/10",
    "bytes 0--1/0",
    "bytes -1-9/10",
    "bytes=0-9/10",
    "chunks 0-9/10",
    "Bytes 0-9/10",
    "bytes 0x0-0x9/10",
    "bytes 0-1e3/2000",
    "bytes 0-9/10, bytes 0-9/10",
    "bytes 0-4,5-9/10",
    " bytes 0-9/10",
    "bytes 0-9/10 ",
    "bytes 0-9223372036854775807/9223372036854775808",
    `bytes 0-9/${"9".repeat(30)}`,
    `bytes 0-${"9".repeat(4096)}/*`,
  ];
  for (const header of garbage) assert.equal(parseContentRange(header), null, header);
});
