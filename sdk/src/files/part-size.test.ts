import assert from "node:assert/strict";
import { test } from "node:test";
import { PartSize } from "./part-size.ts";

const UNIT = 256 * 1024;
const MOST = 8 * 1024 * 1024;

test("a part is whole units of 256 KiB, takes about two seconds, and never more than 8 MiB", () => {
  let now = 0;
  const part = new PartSize({ now: () => now });
  assert.equal(part.bytes, MOST);
  const after = (bytes: number, ms: number) => {
    part.begins();
    now += ms;
    part.ended(bytes);
    return part.bytes;
  };
  assert.equal(after(MOST, 10), MOST);
  assert.equal(after(MOST, 8000), MOST / 4);
  assert.equal(after(MOST / 4, 2100) % UNIT, 0);
  assert.equal(after(UNIT, 60_000), UNIT);
  assert.equal(after(UNIT, 0), MOST);
});

test("a part that was lost makes the next one smaller, down to one unit", () => {
  const part = new PartSize({ now: () => 0 });
  const sizes = Array.from({ length: 5 }, () => {
    part.failed();
    return part.bytes;
  });
  assert.deepEqual(
    sizes,
    [MOST / 4, MOST / 16, UNIT * 0.5, UNIT, UNIT].map((bytes) => Math.max(UNIT, bytes)),
  );
});
