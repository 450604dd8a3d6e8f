import assert from "node:assert/strict";
import { test } from "node:test";
import { originalKey, textKey } from "../blobs/keys.ts";
import type { SessionState } from "../catalogue/schema.ts";
import { brandId } from "../ids.ts";
import { isGarbage, type Known } from "./garbage.ts";

const ID = brandId("sess", "sess_1");
const FILE = brandId("file", "file_1");
const ORIGINAL = originalKey(ID, "0".repeat(64));
const TEXT = textKey(FILE, "task_1_1");

function known(state: SessionState | null, more: { keys?: readonly string[]; builds?: readonly string[] } = {}): Known {
  const session = { id: ID, state: state ?? "open", writerEpoch: 1, segments: [] };
  return {
    sessions: new Map(state === null ? [] : [[ID, session]]),
    keys: new Set(more.keys),
    builds: new Set(more.builds),
  };
}

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
