import assert from "node:assert/strict";
import { test } from "node:test";
import { type TeamChild, TeamChildren } from "./team-children.ts";

interface NamedChild extends TeamChild {
  readonly name: string;
}

function child(name: string, slowed = false): NamedChild {
  return { name, teamId: name.slice(0, 1), slowed };
}

function keeping(room: number, ...children: readonly NamedChild[]): TeamChildren<NamedChild> {
  const waiting = new TeamChildren<NamedChild>(room);
  for (const each of children) waiting.keep(each);
  return waiting;
}

test("a child that has read for a team is given to that team alone, and once", () => {
  const waiting = keeping(4, child("a1"), child("b1"));
  assert.equal(waiting.take("c", "fast"), null);
  assert.equal(waiting.take("b", "fast")?.name, "b1");
  assert.equal(waiting.take("b", "fast"), null);
  assert.equal(waiting.take("a", "slow")?.name, "a1");
});

test("the one that waited last goes first: its memory is warm", () => {
  assert.equal(keeping(4, child("a1"), child("a2")).take("a", "fast")?.name, "a2");
});

test("a slowed child reads in the slow lane alone, and there before others", () => {
  assert.equal(keeping(4, child("a1", true)).take("a", "fast"), null);
  assert.equal(keeping(4, child("a1", true), child("a2")).take("a", "slow")?.name, "a1");
});

const surpluses: readonly (readonly [waiting: readonly string[], kept: string, surplus: string | null])[] = [
  [["a1", "b1"], "c1", null],
  [["a1", "b1", "c1"], "d1", "a1"],
  [["b1", "a1", "a2"], "a3", "a1"],
  [["b1", "a1", "a2"], "c1", "a1"],
  [["b1", "a1", "b2"], "a2", "b1"],
];

for (const [names, kept, surplus] of surpluses) {
  test(`room for three, ${names.join(" ")} wait, ${kept} comes: ${surplus ?? "nobody"} has to go`, () => {
    const waiting = keeping(3, ...names.map((name) => child(name)));
    assert.equal(waiting.keep(child(kept))?.name ?? null, surplus);
  });
}

test("a child that has ended is not given out", () => {
  const ended = child("a1");
  const waiting = keeping(3, ended);
  waiting.drop(ended);
  assert.equal(waiting.take("a", "fast"), null);
});
