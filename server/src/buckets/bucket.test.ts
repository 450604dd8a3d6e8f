import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { looksLikeBucketId, normaliseSlug } from "./bucket.ts";

test("a slug is lower-cased, each space or _ becomes one -, and nothing is trimmed or collapsed (CRE-5)", () => {
  const cases: readonly (readonly [string, string | null])[] = [
    ["legal", "legal"],
    ["Legal Team_2", "legal-team-2"],
    ["a  b", "a--b"],
    ["a ", "a-"],
    ["7", "7"],
    ["a".repeat(63), "a".repeat(63)],
    ["a".repeat(64), null],
    ["", null],
    [" a", null],
    ["-a", null],
    ["_a", null],
    ["a.b", null],
    ["a/b", null],
    ["a\tb", null],
    ["a\n", null],
    ["straße", null],
    ["日本", null],
    // U+212A KELVIN SIGN lower-cases to an ASCII k.
    ["\u212A", "k"],
  ];
  for (const [text, slug] of cases) assert.equal(normaliseSlug(text), slug, JSON.stringify(text));
});

test("whatever is sent, a slug is [a-z0-9][a-z0-9-]{0,62} and normalises to itself (CRE-5)", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 80 }), (text) => {
      const slug = normaliseSlug(text);
      if (slug === null) return;
      assert.match(slug, /^[a-z0-9][a-z0-9-]{0,62}$/);
      assert.equal(normaliseSlug(slug), slug);
    }),
  );
});

test("only what begins with bucket_ looks like a bucket's id", () => {
  assert.equal(looksLikeBucketId("bucket_01abc"), true);
  assert.equal(looksLikeBucketId("bucket-01abc"), false);
  assert.equal(looksLikeBucketId("Bucket_01abc"), false);
});
