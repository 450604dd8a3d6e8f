import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { FileState, FilesTable } from "../catalogue/schema.ts";
import type { FileId } from "../ids.ts";
import { openTestCatalogue, type TestCatalogue } from "../tasks/test-catalogue.ts";
import { FILE_STATES, type FileEvent, membershipStatusOf, NEXT, nextFileState } from "./file.ts";

let t: TestCatalogue;
let fileId: FileId;
before(async () => {
  t = await openTestCatalogue();
  const team = await t.newTeam();
  fileId = (await t.newFile({ team, bucket: await t.newBucket(team) })).fileId;
});
after(() => t.close());

/** What a row of each state looks like, beside its constant columns. */
const COLUMNS: Record<FileState, Partial<FilesTable>> = {
  queued: living("queued"),
  indexing: living("indexing"),
  indexed: { ...living("indexed"), active_build: "task_1_1", active_version: 1 },
  failed: { ...living("failed"), error_code: "empty_text" },
  deleted: { ...living("deleted"), deleted_at: 1, title: "", filename: "", tags: "[]", metadata: "{}" },
};

function living(state: FileState): Partial<FilesTable> {
  return {
    state,
    title: "Note",
    filename: "note.txt",
    tags: '["a"]',
    metadata: '{"k":1}',
    active_build: null,
    active_version: null,
    error_code: null,
    deleted_at: null,
  };
}

function write(columns: Partial<FilesTable>): Promise<unknown> {
  return t.db.updateTable("files").set(columns).where("id", "=", fileId).execute();
}

describe("the table of the file's lifecycle", () => {
  const cells = FILE_STATES.flatMap((state) => Object.keys(NEXT[state]));
  test("has a cell for every state and event, and no state is dead: each can still be deleted", () => {
    assert.equal(cells.length, FILE_STATES.length * 7);
    for (const state of FILE_STATES) assert.equal(nextFileState(state, "delete"), "deleted");
  });

  test("is what docs/state-machines/file.md draws: every move and no other", () => {
    const moves = FILE_STATES.flatMap((state) =>
      EVENTS.flatMap((event) => {
        const next = nextFileState(state, event);
        return next === null || next === state ? [] : [`${state} ${event} ${next}`];
      }),
    );
    assert.deepEqual(moves.sort(), [
      "failed delete deleted",
      "failed reindex queued",
      "failed retry queued",
      "indexed delete deleted",
      "indexing activate indexed",
      "indexing cancel failed",
      "indexing delete deleted",
      "indexing fail failed",
      "queued cancel failed",
      "queued claim indexing",
      "queued delete deleted",
      "queued fail failed",
    ]);
  });

  test("leaves an indexed file indexed whatever becomes of a later task (POL-2)", () => {
    for (const event of EVENTS.filter((each) => each !== "delete"))
      assert.equal(nextFileState("indexed", event), "indexed");
  });

  test("lets nothing happen to a deleted file but another delete", () => {
    for (const event of EVENTS) assert.equal(nextFileState("deleted", event), event === "delete" ? "deleted" : null);
    const allow = FILE_STATES.filter((state) => nextFileState(state, "reindex") !== null);
    assert.deepEqual(allow, ["queued", "indexing", "indexed", "failed"]);
  });

  test("every allowed move is one that the database takes", async () => {
    for (const state of FILE_STATES) {
      for (const event of EVENTS) {
        const next = nextFileState(state, event);
        if (next === null) continue;
        await write(COLUMNS[state]);
        await write(COLUMNS[next]);
        assert.equal((await t.file(fileId)).state, next);
      }
    }
  });
});

describe("the database refuses a file that cannot be", () => {
  const impossible: readonly (readonly [string, Partial<FilesTable>])[] = [
    ["indexed without a build", { ...COLUMNS.indexed, active_build: null, active_version: null }],
    ["queued with a build", { ...COLUMNS.queued, active_build: "task_1_1", active_version: 1 }],
    ["indexing with a build", { ...COLUMNS.indexing, active_build: "task_1_1", active_version: 1 }],
    ["failed with a build", { ...COLUMNS.failed, active_build: "task_1_1", active_version: 1 }],
    ["deleted with a build", { ...COLUMNS.deleted, active_build: "task_1_1", active_version: 1 }],
    ["a build without its version", { ...COLUMNS.indexed, active_version: null }],
    ["a build of a version yet to come", { ...COLUMNS.indexed, active_version: 2 }],
    ["failed without a code", { ...COLUMNS.failed, error_code: null }],
    ["deleted without a time", { ...COLUMNS.deleted, deleted_at: null }],
    ["queued with a time of deletion", { ...COLUMNS.queued, deleted_at: 1 }],
    ["deleted with its file name", { ...COLUMNS.deleted, filename: "note.txt" }],
    ["deleted with its title", { ...COLUMNS.deleted, title: "Note" }],
    ["deleted with its tags", { ...COLUMNS.deleted, tags: '["a"]' }],
    ["deleted with its metadata", { ...COLUMNS.deleted, metadata: '{"k":1}' }],
    ["a size of nothing", { ...COLUMNS.queued, size_bytes: 0 }],
    ["half a digest", { ...COLUMNS.queued, sha256: "abc" }],
  ];
  for (const [name, columns] of impossible)
    test(name, async () => {
      await write(COLUMNS.queued);
      await assert.rejects(write(columns), /CHECK constraint failed/);
      assert.equal((await t.file(fileId)).state, "queued");
    });

  test("a state that has no name", async () => {
    await assert.rejects(
      async () => t.database.exec(`UPDATE files SET state = 'sleeping' WHERE id = '${fileId}'`),
      /CHECK/,
    );
  });

  test("a membership status that has no name", async () => {
    await assert.rejects(
      async () => t.database.exec(`UPDATE file_buckets SET status = 'stale' WHERE file_id = '${fileId}'`),
      /CHECK/,
    );
  });
});

test("a membership's status follows from its file's state (POL-2)", () => {
  assert.deepEqual(FILE_STATES.map(membershipStatusOf), ["pending", "pending", "active", "failed", null]);
});

const EVENTS: readonly FileEvent[] = ["claim", "activate", "fail", "cancel", "retry", "reindex", "delete"];
