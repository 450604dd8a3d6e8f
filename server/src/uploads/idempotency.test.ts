import assert from "node:assert/strict";
import { test } from "node:test";
import { fingerprintOf, parseIdempotencyKey } from "./idempotency.ts";

test("A quoted and a bare spelling of one value are the same key (IDE-1)", () => {
  assert.equal(parseIdempotencyKey("8e03978e-40d5"), "8e03978e-40d5");
  assert.equal(parseIdempotencyKey('"8e03978e-40d5"'), "8e03978e-40d5");
  assert.equal(parseIdempotencyKey('"a\\"b\\\\c"'), 'a"b\\c');
  assert.equal(parseIdempotencyKey("nightly job 7"), "nightly job 7");
  assert.equal(parseIdempotencyKey("k".repeat(255)), "k".repeat(255));
});

test("What is no key of 1 to 255 printable ASCII characters is malformed (IDE-1)", () => {
  const stray = ['key"', 'k"ey', '"key"x', '"key" "key"', 'a "b"'];
  for (const raw of [
    ...stray,
    "",
    '""',
    '"open',
    "k".repeat(256),
    `"${"k".repeat(256)}"`,
    "schlüssel",
    "tab\there",
    "\u0000",
  ])
    assert.equal(parseIdempotencyKey(raw), null, JSON.stringify(raw));
});

test("The fingerprint is of what was sent: order and absent fields do not matter, values do (IDE-2, IDE-3)", () => {
  const base = fingerprintOf({ filename: "a", size_bytes: 1, metadata: { x: 1, y: [1, 2] } });
  assert.equal(fingerprintOf({ metadata: { y: [1, 2], x: 1 }, size_bytes: 1, title: undefined, filename: "a" }), base);
  assert.notEqual(fingerprintOf({ filename: "a", size_bytes: 1, metadata: { x: 1, y: [2, 1] } }), base);
  assert.notEqual(fingerprintOf({ filename: "a", size_bytes: 2, metadata: { x: 1, y: [1, 2] } }), base);
  assert.notEqual(fingerprintOf({ filename: "a", size_bytes: 1, metadata: { x: "1", y: [1, 2] } }), base);
});
