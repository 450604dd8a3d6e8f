import assert from "node:assert/strict";
import { test } from "node:test";
import { ReaderUsers, userRange } from "./reader-users.ts";

test("no two readers have one user at once, and one that is free again comes last", () => {
  const users = new ReaderUsers({ first: 100, count: 3 }, 0);
  assert.deepEqual([users.take(), users.take()], [100, 101]);
  users.giveBack(100);
  assert.equal(users.take(), 102);
  assert.equal(users.take(), 100);
  users.giveBack(102);
  assert.equal(users.take(), 102);
});

const maps: readonly (readonly [name: string, uid: string, gid: string, first: number | null])[] = [
  ["a whole machine", "         0          0 4294967295\n", "0 0 4294967295", 1_900_000_000],
  ["a container with a map of 65 536", "0 100000 65536", "0 100000 65536", 60_706],
  ["a container whose map of groups is smaller", "0 100000 65536", "0 100000 1000", null],
  ["a container with a map in pieces", "0 1000 1\n1 100000 70000", "0 1000 1\n1 100000 70000", 60_706],
  ["a namespace with one user", "0 1000 1", "0 1000 1", null],
  ["no map", "", "", null],
];

for (const [name, uid, gid, first] of maps) {
  test(`in ${name} users of their own begin at ${first ?? "nothing"}`, () => {
    assert.equal(userRange([uid, gid])?.first ?? null, first);
  });
}
