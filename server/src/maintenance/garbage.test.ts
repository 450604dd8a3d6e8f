import assert from "node:assert/strict";
import { test } from "node:test";
import type { StoredEntry } from "../blobs/blob-store.ts";
import { originalKey, textKey } from "../blobs/keys.ts";
import type { SessionState } from "../catalogue/schema.ts";
import { brandId } from "../ids.ts";
import { isGarbage, type Known, tailOf } from "./garbage.ts";

const ID = brandId("sess", "sess_1");
const FILE = brandId("file", "file_1");
const ORIGINAL = originalKey(ID, "0".repeat(64));
const TEXT = textKey(FILE, "task_1_1");

function known(
  state: SessionState | null,
  more: { epoch?: number; listed?: readonly number[]; keys?: readonly string[]; builds?: readonly string[] } = {},
): Known {
  const segments = (more.listed ?? []).map((epoch) => ({ epoch, bytes: 1 }));
  const session = { id: ID, state: state ?? "open", writerEpoch: more.epoch ?? 1, segments };
  return {
    sessions: new Map(state === null ? [] : [[ID, session]]),
    keys: new Set(more.keys),
    builds: new Set(more.builds),
  };
}

function segment(epoch: number) {
  return { kind: "segment", session: ID, epoch, bytes: 1 } as const;
}

test("A segment that its session lists stays; one of an ended or unknown session goes", () => {
  assert.equal(isGarbage(segment(1), known("open", { listed: [1] }), 1), false);
  assert.equal(isGarbage(segment(1), known("received", { listed: [1] }), 1), false);
  for (const state of ["finalized", "expired", "cancelled", null] as const)
    assert.equal(isGarbage(segment(1), known(state, { listed: [1] }), null), true, String(state));
});

test("An unlisted segment goes once a later writer has recorded; the current writer's may count any moment", () => {
  assert.equal(isGarbage(segment(1), known("open", { epoch: 2, listed: [2] }), null), true);
  assert.equal(isGarbage(segment(1), known("open", { epoch: 2, listed: [] }), null), false);
  assert.equal(isGarbage(segment(2), known("open", { epoch: 2, listed: [] }), null), false);
  assert.equal(isGarbage(segment(2), known("open", { epoch: 2, listed: [] }), 1), true);
});

test("A listed segment is cut back to its record once nobody can record more of it", () => {
  const long = { ...segment(1), bytes: 5 };
  const keptOf = (entry: StoredEntry, of: Known, heldMs: number | null) => tailOf(entry, of, heldMs)?.keptBytes;
  assert.equal(keptOf(long, known("open", { listed: [1] }), 1), 1);
  assert.equal(keptOf(long, known("open", { listed: [1] }), null), undefined, "its writer may be writing");
  assert.equal(keptOf(long, known("open", { epoch: 2, listed: [1] }), null), undefined, "no later record yet");
  assert.equal(keptOf(long, known("received", { epoch: 2, listed: [1, 2] }), null), 1);
  for (const state of ["finalized", "expired", "cancelled", null] as const)
    assert.equal(keptOf(long, known(state, { listed: [1] }), 1), undefined, "it goes whole");
  assert.equal(keptOf(segment(1), known("open", { listed: [1] }), 1), undefined, "it is no longer than its record");
  assert.equal(keptOf(long, known("open"), 1), undefined, "nothing lists it: it goes whole");
});

test("An original stays while a file refers to it, or while its session may still make one", () => {
  const entry = { kind: "original", session: ID, key: ORIGINAL } as const;
  assert.equal(isGarbage(entry, known("received"), 1), false);
  assert.equal(isGarbage(entry, known("finalized", { keys: [ORIGINAL] }), 1), false);
  assert.equal(isGarbage(entry, known(null, { keys: [ORIGINAL] }), 1), false);
  assert.equal(isGarbage(entry, known("finalized"), null), true);
  assert.equal(isGarbage(entry, known(null), null), true);
});

test("A text stays while its file shows it or a task with a lease writes it", () => {
  const entry = { kind: "text", file: FILE, build: "task_1_1", key: TEXT } as const;
  assert.equal(isGarbage(entry, known(null, { keys: [TEXT] }), 1), false);
  assert.equal(isGarbage(entry, known(null, { builds: ["task_1_1"] }), 1), false);
  assert.equal(isGarbage(entry, known(null, { builds: ["task_1_2"] }), null), true);
});

test("A temporary object goes after an hour, or when its process is gone", () => {
  const minute = 60_000;
  const cases: readonly [ageMs: number, heldMs: number | null, garbage: boolean][] = [
    [minute, null, false],
    [61 * minute, null, true],
    // Older than this process, and younger.
    [minute, minute - 1, true],
    [minute, minute + 1, false],
    // Its age is 0 while it is in use.
    [0, 61 * minute, false],
    [61 * minute, 24 * 60 * minute, true],
    // Doctor, which nobody is beside.
    [0, 0, true],
  ];
  for (const [ageMs, heldMs, garbage] of cases)
    assert.equal(
      isGarbage({ kind: "temporary", name: "t", ageMs }, known(null), heldMs),
      garbage,
      `${ageMs} ${heldMs}`,
    );
});
