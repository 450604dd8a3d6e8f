import assert from "node:assert/strict";
import { test } from "node:test";
import type { StoredEntry } from "../blobs/blob-store.ts";
import { originalKey, textKey } from "../blobs/keys.ts";
import { openMemoryBlobStore } from "../blobs/memory.ts";
import type { SessionState } from "../catalogue/schema.ts";
import { brandId } from "../ids.ts";
import { openTestCatalogue } from "../tasks/test-catalogue.ts";
import { isGarbage, type Known, reconcile, tailOf } from "./reconcile.ts";

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
  assert.equal(isGarbage(segment(1), known("open", { listed: [1] }), true), false);
  assert.equal(isGarbage(segment(1), known("received", { listed: [1] }), true), false);
  for (const state of ["finalized", "expired", "cancelled", null] as const)
    assert.equal(isGarbage(segment(1), known(state, { listed: [1] }), false), true, String(state));
});

test("An unlisted segment goes once a later writer has recorded; the current writer's may count any moment", () => {
  assert.equal(isGarbage(segment(1), known("open", { epoch: 2, listed: [2] }), false), true);
  assert.equal(isGarbage(segment(1), known("open", { epoch: 2, listed: [] }), false), false);
  assert.equal(isGarbage(segment(2), known("open", { epoch: 2, listed: [] }), false), false);
  assert.equal(isGarbage(segment(2), known("open", { epoch: 2, listed: [] }), true), true);
});

test("A listed segment is cut back to its record once nobody can record more of it", () => {
  const long = { ...segment(1), bytes: 5 };
  const keptOf = (entry: StoredEntry, of: Known, nobodyWrites: boolean) => tailOf(entry, of, nobodyWrites)?.keptBytes;
  assert.equal(keptOf(long, known("open", { listed: [1] }), true), 1);
  assert.equal(keptOf(long, known("open", { listed: [1] }), false), undefined, "its writer may be writing");
  assert.equal(keptOf(long, known("open", { epoch: 2, listed: [1] }), false), undefined, "no later record yet");
  assert.equal(keptOf(long, known("received", { epoch: 2, listed: [1, 2] }), false), 1);
  for (const state of ["finalized", "expired", "cancelled", null] as const)
    assert.equal(keptOf(long, known(state, { listed: [1] }), true), undefined, "it goes whole");
  assert.equal(keptOf(segment(1), known("open", { listed: [1] }), true), undefined, "it is no longer than its record");
  assert.equal(keptOf(long, known("open"), true), undefined, "nothing lists it: it goes whole");
});

test("An original stays while a file refers to it, or while its session may still make one", () => {
  const entry = { kind: "original", session: ID, key: ORIGINAL, bytes: 1 } as const;
  assert.equal(isGarbage(entry, known("received"), true), false);
  assert.equal(isGarbage(entry, known("finalized", { keys: [ORIGINAL] }), true), false);
  assert.equal(isGarbage(entry, known(null, { keys: [ORIGINAL] }), true), false);
  assert.equal(isGarbage(entry, known("finalized"), false), true);
  assert.equal(isGarbage(entry, known(null), false), true);
});

test("A text stays while its file shows it or a task with a lease writes it", () => {
  const entry = { kind: "text", file: FILE, build: "task_1_1", key: TEXT, bytes: 1 } as const;
  assert.equal(isGarbage(entry, known(null, { keys: [TEXT] }), true), false);
  assert.equal(isGarbage(entry, known(null, { builds: ["task_1_1"] }), true), false);
  assert.equal(isGarbage(entry, known(null, { builds: ["task_1_2"] }), false), true);
});

test("A temporary object goes after an hour, or when nobody can be writing it", () => {
  const minute = 60_000;
  assert.equal(isGarbage({ kind: "temporary", name: "t", ageMs: minute }, known(null), false), false);
  assert.equal(isGarbage({ kind: "temporary", name: "t", ageMs: 61 * minute }, known(null), false), true);
  assert.equal(isGarbage({ kind: "temporary", name: "t", ageMs: 0 }, known(null), true), true);
});

test("A round that is stopped ends, however much is stored", async (t) => {
  const { catalogue, close } = await openTestCatalogue();
  t.after(close);
  const stopping = new AbortController();
  async function* list(): AsyncGenerator<StoredEntry> {
    for (let listed = 1; ; listed++) {
      if (listed === 1200) stopping.abort();
      // A store that never ends must not keep the test from doing so.
      if (listed === 5000) return;
      yield { kind: "temporary", name: "t", ageMs: 0 };
    }
  }
  const blobs = Object.assign(openMemoryBlobStore(), { list });
  const options = { nobodyWrites: false, busy: () => [], repair: true, signal: stopping.signal };
  assert.equal((await reconcile({ blobs, catalogue }, options)).looked, 1199);
});
