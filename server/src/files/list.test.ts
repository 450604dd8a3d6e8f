import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { WharfError } from "../errors.ts";
import { brandId, createIdSource } from "../ids.ts";
import { type ListQuery, makeCursor, parseListQuery } from "./list.ts";
import { metadataFingerprint, metadataFingerprints } from "./metadata-fingerprint.ts";

const ids = createIdSource({ now: () => 1_700_000_000_000 });
const team = ids.next("team");
const none: ListQuery = {
  bucket: undefined,
  tags: [],
  status: undefined,
  metadata: [],
  createdAfter: undefined,
  limit: undefined,
  cursor: undefined,
};
const parse = (query: Partial<ListQuery>) => parseListQuery(team, { ...none, ...query });

function refuses(field: string, query: Partial<ListQuery>): void {
  assert.throws(
    () => parse(query),
    (error: unknown) =>
      error instanceof WharfError && error.code === "invalid_request" && error.details["field"] === field,
    JSON.stringify(query),
  );
}

describe("created_after", () => {
  const times: readonly (readonly [string, number])[] = [
    ["2026-01-31T12:00:00Z", Date.UTC(2026, 0, 31, 12)],
    ["2026-01-31t12:00:00z", Date.UTC(2026, 0, 31, 12)],
    ["2026-01-31T12:00:00.5+02:00", Date.UTC(2026, 0, 31, 10, 0, 0, 500)],
    ["2024-02-29T00:00:00-00:00", Date.UTC(2024, 1, 29)],
    ["2026-01-31T12:00:00.123999999Z", Date.UTC(2026, 0, 31, 12, 0, 0, 123)],
  ];
  for (const [text, ms] of times)
    test(`reads ${text}`, () => assert.equal(parse({ createdAfter: text }).filter.createdAfter, ms));

  const malformed = [
    "",
    "yesterday",
    "2026-01-31",
    "2026-01-31T12:00:00",
    "2026-01-31 12:00:00Z",
    "1769860800",
    "2026-02-30T00:00:00Z",
  ];
  for (const text of [...malformed, "2026-13-01T00:00:00Z", "2026-01-31T25:00:00Z", "2026-01-31T12:00:00 02:00"])
    test(`refuses ${JSON.stringify(text)}`, () => refuses("created_after", { createdAfter: text }));
});

describe("the rest of the query", () => {
  test("an unknown status, a limit outside 1 to 200 and too many filters are refused, naming the parameter", () => {
    for (const status of ["", "done", "INDEXED", "constructor"]) refuses("status", { status });
    for (const limit of [0, -1, 201, 1.5, Number.NaN]) refuses("limit", { limit });
    for (const order of ["", "NEWEST", "name", "__proto__"]) refuses("order", { order });
    refuses("name", { name: "n".repeat(256) });
    assert.deepEqual([parse({ name: "" }).filter.name, parse({ name: "e\u0301" }).filter.name], [null, "é"]);
    refuses("tag", { tags: Array.from({ length: 21 }, (_, i) => `t${i}`) });
    refuses("metadata", { metadata: Array.from({ length: 21 }, (_, i) => [`k${i}`, "1"] as const) });
  });

  test("limit is 50 unless it is given", () => {
    assert.equal(parse({}).limit, 50);
    assert.equal(parse({ limit: 200 }).limit, 200);
  });

  const scalars: readonly (readonly [string, string | number | boolean | null])[] = [
    ["2024", 2024],
    ['"2024"', "2024"],
    ["true", true],
    ["null", null],
    ["hr", "hr"],
    ['"hr"', "hr"],
    ["-1.5", -1.5],
    ["", ""],
    ["{}", "{}"],
    ["[1]", "[1]"],
    ["a b", "a b"],
  ];
  for (const [text, value] of scalars)
    test(`metadata.k=${text} means ${JSON.stringify(value)}`, () =>
      assert.deepEqual(parse({ metadata: [["k", text]] }).filter.metadata, [metadataFingerprint("k", value)]));
});

describe("metadata fingerprints", () => {
  test("are one for each scalar at the top, and tell types, keys and values apart", () => {
    const metadata = { year: 2024, text: "2024", flag: true, none: null, deep: { year: 2024 }, list: [2024] };
    const fingerprints = metadataFingerprints(JSON.stringify(metadata));
    assert.equal(fingerprints.length, 4);
    assert.equal(new Set(fingerprints).size, 4);
    for (const fingerprint of fingerprints) assert.match(fingerprint, /^[0-9a-f]{64}$/);
    assert.notEqual(metadataFingerprint("a", "bc"), metadataFingerprint("ab", "c"));
    assert.notEqual(metadataFingerprint("k", 1), metadataFingerprint("k", "1"));
    assert.notEqual(metadataFingerprint("k", null), metadataFingerprint("k", "null"));
  });

  test("are of NFC, keys and values, and two pairs that are one after it have one", () => {
    assert.equal(metadataFingerprint("u\u0308", "e\u0301"), metadataFingerprint("ü", "é"));
    assert.equal(metadataFingerprints('{"u\u0308":1,"ü":1,"v":1}').length, 2);
  });

  test("of every JSON object match what a filter with the value's JSON text looks for", () => {
    const scalar = fc.oneof(
      fc.string(),
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      fc.boolean(),
      fc.constant(null),
    );
    fc.assert(
      fc.property(fc.string(), scalar, (key, value) => {
        const kept = metadataFingerprints(JSON.stringify(Object.fromEntries([[key, value]])));
        assert.deepEqual(kept, parse({ metadata: [[key, JSON.stringify(value)]] }).filter.metadata);
      }),
    );
  });
});

describe("a cursor", () => {
  const at = { createdAt: 1_700_000_000_123, id: ids.next("file") };
  const filtered: Partial<ListQuery> = {
    bucket: "human-resources",
    tags: ["b", "a"],
    metadata: [["year", "2024"]],
    status: "indexed",
  };
  const cursor = makeCursor(team, parse(filtered).filter, at);

  test("leads back to its position with the same filters, in whatever order they are spelled", () => {
    assert.deepEqual(parse({ ...filtered, cursor }).after, at);
    assert.deepEqual(
      parse({ ...filtered, tags: ["a", "b", "a"], bucket: "Human_Resources", limit: 7, cursor }).after,
      at,
    );
  });

  test("is opaque: it shows neither the team nor the filters", () => {
    // A long name: two letters stand in the seal's random characters now and then.
    const text = Buffer.from(cursor, "base64url").toString();
    assert.ok(!text.includes(team) && !text.includes("human-resources"));
  });

  test("of another team or of other filters is refused", () => {
    const other = ids.next("team");
    const refused = (error: unknown) => error instanceof WharfError && error.details["field"] === "cursor";
    assert.throws(() => parseListQuery(other, { ...none, ...filtered, cursor }), refused);
    const others: readonly Partial<ListQuery>[] = [
      { bucket: undefined },
      { bucket: "legal" },
      { tags: ["a"] },
      { tags: [] },
      { metadata: [["year", '"2024"']] },
      { status: "failed" },
      { status: undefined },
      { createdAfter: "2026-01-01T00:00:00Z" },
    ];
    for (const change of others) refuses("cursor", { ...filtered, ...change, cursor });
  });

  test("that was edited anywhere is refused", () => {
    for (let i = 0; i < cursor.length; i++) {
      for (const character of ["A", "z", "-", "=", " ", "+"]) {
        if (cursor[i] === character) continue;
        refuses("cursor", { ...filtered, cursor: cursor.slice(0, i) + character + cursor.slice(i + 1) });
      }
    }
    for (const text of ["", "x", `${cursor}A`, `${cursor}=`, ` ${cursor}`, cursor.slice(0, -1), cursor.repeat(2)])
      refuses("cursor", { ...filtered, cursor: text });
  });

  test("of any text never breaks", () => {
    fc.assert(fc.property(fc.string(), (text) => refuses("cursor", { cursor: text })));
    fc.assert(
      fc.property(fc.string(), (text) => refuses("cursor", { cursor: Buffer.from(text).toString("base64url") })),
    );
    const forged = makeCursor(team, parse({}).filter, { createdAt: Number.NaN, id: brandId("file", "x") });
    refuses("cursor", { cursor: forged });
  });
});
