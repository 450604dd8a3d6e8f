import assert from "node:assert/strict";
import { test } from "node:test";
import type { SessionState } from "../../catalogue/schema.ts";
import { brandId } from "../../ids.ts";
import type { SessionFacts } from "../sweep.store.ts";
import { isGarbageSegment, type StoredSegment, tailOf } from "./segment-garbage.ts";

const ID = brandId("sess", "sess_1");

/** `state` null: the session has no row. */
function known(
  state: SessionState | null,
  more: { epoch?: number; listed?: readonly number[] } = {},
): SessionFacts | undefined {
  const segments = (more.listed ?? []).map((epoch) => ({ epoch, bytes: 1 }));
  return state === null ? undefined : { id: ID, state, writerEpoch: more.epoch ?? 1, segments };
}

function segment(epoch: number): StoredSegment {
  return { kind: "segment", session: ID, epoch, bytes: 1 };
}

test("A segment that its session lists stays; one of an ended or unknown session goes", () => {
  assert.equal(isGarbageSegment(segment(1), known("open", { listed: [1] }), 1), false);
  assert.equal(isGarbageSegment(segment(1), known("received", { listed: [1] }), 1), false);
  for (const state of ["finalized", "expired", "cancelled", null] as const)
    assert.equal(isGarbageSegment(segment(1), known(state, { listed: [1] }), null), true, String(state));
});

test("An unlisted segment goes once a later writer has recorded; the current writer's may count any moment", () => {
  assert.equal(isGarbageSegment(segment(1), known("open", { epoch: 2, listed: [2] }), null), true);
  assert.equal(isGarbageSegment(segment(1), known("open", { epoch: 2, listed: [] }), null), false);
  assert.equal(isGarbageSegment(segment(2), known("open", { epoch: 2, listed: [] }), null), false);
  assert.equal(isGarbageSegment(segment(2), known("open", { epoch: 2, listed: [] }), 1), true);
});

test("A listed segment is cut back to its record once nobody can record more of it", () => {
  const long = { ...segment(1), bytes: 5 };
  const keptOf = (entry: StoredSegment, of: SessionFacts | undefined, heldMs: number | null) =>
    tailOf(entry, of, heldMs)?.keptBytes;
  assert.equal(keptOf(long, known("open", { listed: [1] }), 1), 1);
  assert.equal(keptOf(long, known("open", { listed: [1] }), null), undefined, "its writer may be writing");
  assert.equal(keptOf(long, known("open", { epoch: 2, listed: [1] }), null), undefined, "no later record yet");
  assert.equal(keptOf(long, known("received", { epoch: 2, listed: [1, 2] }), null), 1);
  for (const state of ["finalized", "expired", "cancelled", null] as const)
    assert.equal(keptOf(long, known(state, { listed: [1] }), 1), undefined, "it goes whole");
  assert.equal(keptOf(segment(1), known("open", { listed: [1] }), 1), undefined, "it is no longer than its record");
  assert.equal(keptOf(long, known("open"), 1), undefined, "nothing lists it: it goes whole");
});
