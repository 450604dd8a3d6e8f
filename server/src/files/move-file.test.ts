import assert from "node:assert/strict";
import { glob, readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { forgetResponses } from "../agents/responses.store.ts";
import { serialTx } from "../catalogue/catalogue.ts";
import type { BucketsTable, FileState, FilesTable } from "../catalogue/schema.ts";
import type { TeamId } from "../ids.ts";
import { openTestCatalogue, type TestCatalogue } from "../tasks/test-catalogue.ts";
import { moveOpenSessions } from "../uploads/session.store.ts";
import { FILE_STATES, type FileEvent, membershipStatusOf, nextFileState } from "./file.ts";
import { moveFile } from "./move-file.store.ts";

let t: TestCatalogue;
let team: TeamId;
before(async () => {
  t = await openTestCatalogue();
  team = await t.newTeam();
});
after(() => t.close());

const EVENTS: readonly FileEvent[] = ["claim", "activate", "fail", "cancel", "retry", "reindex", "delete"];
const CHUNKS = 7;

/** What an event brings with it. */
const CHANGES = {
  claim: {},
  activate: { active_version: 1, active_build: "task_1_2", active_chunks: CHUNKS },
  fail: { error_code: "corrupt_file", error_message: "It ends on page 3." },
  cancel: { error_code: "cancelled", error_message: "It was cancelled." },
  retry: {},
  reindex: {},
  delete: {},
} as const satisfies Record<FileEvent, Partial<FilesTable>>;

/** A file in this state, alone in its bucket, with the counters that follow. */
async function fileIn(state: FileState) {
  const bucket = await t.newBucket(team);
  const file = await t.newFile({ team, bucket });
  const move = (event: FileEvent) =>
    moveFile(serialTx(t.db, t.now()), file.fileId, { event, changes: CHANGES[event], ofTask: file.taskId });
  const way: Record<FileState, readonly FileEvent[]> = {
    queued: [],
    indexing: ["claim"],
    indexed: ["claim", "activate"],
    failed: ["claim", "fail"],
    deleted: ["delete"],
  };
  for (const event of way[state]) assert.notEqual(await move(event), null);
  assert.equal((await t.file(file.fileId)).state, state);
  return { ...file, bucket, move };
}

function countersOf(bucket: BucketsTable) {
  const { pending_files, active_files, failed_files, active_chunks } = bucket;
  return { pending_files, active_files, failed_files, active_chunks };
}

describe("a file moves by its table, and its memberships and the bucket's counters with it", () => {
  for (const state of FILE_STATES)
    for (const event of EVENTS)
      test(`${state}, ${event}`, async () => {
        const { fileId, bucket, move } = await fileIn(state);
        const before = await t.file(fileId);
        const moved = await move(event);
        const next = nextFileState(state, event);
        const now = await t.file(fileId);
        if (next === null) {
          assert.equal(moved, null);
          assert.deepEqual(now, before);
          return;
        }
        assert.equal(moved?.state, state);
        assert.equal(now.state, next);
        const status = membershipStatusOf(next);
        assert.deepEqual(await t.memberships(fileId), status === null ? [] : [status]);
        assert.deepEqual(countersOf(await t.bucket(bucket)), {
          pending_files: status === "pending" ? 1 : 0,
          active_files: status === "active" ? 1 : 0,
          failed_files: status === "failed" ? 1 : 0,
          active_chunks: status === "active" ? CHUNKS : 0,
        });
      });
});

test("an event of an older task leaves the file alone", async () => {
  const { fileId } = await fileIn("indexing");
  const before = await t.file(fileId);
  const tx = serialTx(t.db, t.now());
  assert.equal(await moveFile(tx, fileId, { event: "fail", changes: CHANGES.fail, ofTask: t.ids.next("task") }), null);
  assert.deepEqual(await t.file(fileId), before);
});

test("a move that was decided on another state than the row has by now writes nothing", async () => {
  const { fileId, move } = await fileIn("queued");
  // As in a database that runs two of them at once, where nobody has locked the file.
  const raced = t.db.withPlugin({
    transformQuery: ({ node }) => node,
    async transformResult({ result }) {
      if (result.rows.some((row) => row["state"] === "queued")) await move("delete");
      return result;
    },
  });
  const tx = serialTx(raced, t.now());
  await assert.rejects(moveFile(tx, fileId, { event: "claim" }), /another one moved it/);
  assert.equal((await t.file(fileId)).state, "deleted");
});

test("nothing else writes a file's state", async () => {
  const root = join(import.meta.dirname, "..");
  const writers: string[] = [];
  for await (const path of glob("**/*.ts", { cwd: root })) {
    if (/\.test\.ts$|conformance|\/test-/.test(path)) continue;
    const text = await readFile(join(root, path), "utf8");
    for (const [statement] of text.matchAll(/updateTable\("files"\)[^;]*/g))
      if (/\bstate\s*[:,}]/.test(statement)) writers.push(path);
  }
  assert.deepEqual(new Set(writers), new Set(["files/move-file.store.ts"]));
});

test("a counter that is wrong keeps no file, session or answer where it is", async () => {
  const { fileId, bucket, move } = await fileIn("queued");
  const wrong = { pending_files: 0, active_files: 0, failed_files: 0, active_chunks: 0 };
  const harm = () => t.db.updateTable("buckets").set(wrong).where("id", "=", bucket).execute();
  for (const event of ["claim", "activate", "delete"] as const) {
    await harm();
    assert.notEqual(await move(event), null);
  }
  assert.equal((await t.file(fileId)).state, "deleted");
  await moveOpenSessions(serialTx(t.db, t.now()), { teamId: team, by: -1 });
  const answer = { question: "?", answer: "{}", conversation_id: "c", previous_id: null, bytes: 3 };
  const row = { ...answer, id: t.ids.next("resp"), team_id: team, created_at: 1, expires_at: 2 };
  await t.db.insertInto("responses").values(row).execute();
  await t.db.insertInto("response_totals").values({ team_id: team, bytes: 1 }).execute();
  assert.equal(await t.catalogue.run(forgetResponses, { limit: 10 }), 1);
  assert.deepEqual(await t.db.selectFrom("response_totals").select("bytes").execute(), [{ bytes: 0 }]);
});
