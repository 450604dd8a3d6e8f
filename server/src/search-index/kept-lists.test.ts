import assert from "node:assert/strict";
import { test } from "node:test";
import { KeptLists } from "./kept-lists.ts";
import { postingsBytes, postingsOfIds } from "./posting-list.ts";

const LIST = postingsOfIds(Array.from({ length: 100 }, (_, id) => id + 1));
const LIST_BYTES = postingsBytes(LIST);

test("lists are kept up to their bytes, those that were asked for last the longest", () => {
  const kept = new KeptLists(3 * LIST_BYTES);
  const team = kept.ofTeam();
  for (const term of ["a", "b", "c", "c"]) team.keep(term, LIST);
  assert.equal(team.get("a"), LIST);
  team.keep("d", LIST);
  assert.deepEqual(
    ["a", "b", "c", "d"].map((term) => team.get(term) === LIST),
    [true, false, true, true],
  );
  assert.equal(kept.bytes, 3 * LIST_BYTES);
});

test("a team that asks for much takes no room from one that has less than its part", () => {
  const kept = new KeptLists(10 * LIST_BYTES);
  const [modest, greedy] = [kept.ofTeam(), kept.ofTeam()];
  for (const term of ["a", "b", "c"]) modest.keep(term, LIST);
  for (let term = 0; term < 1000; term++) greedy.keep(String(term), LIST);
  assert.equal(modest.bytes, 3 * LIST_BYTES);
  assert.equal(kept.bytes, 10 * LIST_BYTES);
});

test("what is larger than the whole room is not kept, and what was cleared leaves its room to others", () => {
  const kept = new KeptLists(2 * LIST_BYTES);
  const [one, other] = [kept.ofTeam(), kept.ofTeam()];
  one.keep("large", postingsOfIds(Array.from({ length: 10_000 }, (_, id) => id + 1)));
  assert.equal(kept.bytes, 0);
  assert.equal(one.get("large"), undefined);
  for (const term of ["a", "b"]) one.keep(term, LIST);
  one.clear();
  assert.equal(one.get("a"), undefined);
  for (const term of ["a", "b"]) other.keep(term, LIST);
  assert.equal(other.bytes, 2 * LIST_BYTES);
});
