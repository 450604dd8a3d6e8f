import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { TasksTable } from "../catalogue/schema.ts";
import { isRefusal } from "../errors.ts";
import type { TaskId } from "../ids.ts";
import { LIMITS } from "../limits.ts";
import { deleteFile } from "./delete-file.store.ts";
import { FILE_STATES, membershipStatusOf } from "./file.ts";
import { listFiles } from "./list.store.ts";
import { parseListQuery } from "./list.ts";
import { reindexFile } from "./reindex-file.store.ts";
import { forgetTombstones } from "./retention.store.ts";
import { findFile, readFile } from "./store.ts";
import { cancelTask, retryTask } from "./task-events.store.ts";
import { openTestFiles, type TestFile, type TestFiles, type TestTeam } from "./test-files.ts";

let f: TestFiles;
let team: TestTeam;
before(async () => {
  f = await openTestFiles();
  team = await f.newTeam();
});
after(() => f.close());

const LIVING = ["queued", "indexing", "indexed", "failed"] as const;
const CANARY = "zyzzyva";
const canaries = {
  filename: `${CANARY}.txt`,
  tags: [CANARY],
  metadata: { [CANARY]: CANARY },
  warnings: [{ code: "part_skipped", message: CANARY, pages: [1] }],
} as const;

function remove(file: TestFile) {
  return f.t.catalogue.run(deleteFile, {
    teamId: team.teamId,
    fileId: file.fileId,
    removalTaskId: f.t.ids.next("task"),
  });
}

const EVERY_FILE = {
  bucket: undefined,
  tags: [],
  status: undefined,
  metadata: [],
  createdAfter: undefined,
  limit: undefined,
  cursor: undefined,
};

function tasksOf(file: TestFile): Promise<TasksTable[]> {
  return f.t.db
    .selectFrom("tasks")
    .selectAll()
    .where("file_id", "=", file.fileId)
    .orderBy("created_at")
    .orderBy("type")
    .execute();
}

/** Every text in the catalogue's tables. */
function everything(): string {
  const tables = ["files", "file_tags", "file_metadata", "file_buckets", "tasks", "upload_sessions", "buckets"];
  return tables.map((table) => JSON.stringify(f.t.database.prepare(`SELECT * FROM ${table}`).all())).join("\n");
}

test("a list says of each file the place in the queue that the file itself says", async () => {
  const own = await f.newTeam();
  const files: TestFile[] = [];
  for (let n = 0; n < 6; n++) files.push(await f.newFile(own, { state: n === 2 ? "indexed" : "queued" }));
  const slow = files.filter((_, n) => n > 3).map((file) => file.taskId);
  await f.t.db.updateTable("tasks").set({ lane: "slow" }).where("id", "in", slow).execute();
  const request = parseListQuery(own.teamId, EVERY_FILE);
  const { files: listed } = await f.t.catalogue.run(listFiles, { ...request, teamId: own.teamId });
  assert.equal(listed.length, files.length);
  const places = [];
  for (const { id, task } of listed) {
    const alone = await f.t.catalogue.run(readFile, { teamId: own.teamId, fileId: id });
    assert.equal(task.queuePosition, alone?.task.queuePosition, id);
    places.push(task.queuePosition);
  }
  assert.deepEqual(places, [2, 1, 3, null, 2, 1]);
});

describe("insertFile", () => {
  test("makes file, tags, searchable metadata, memberships with counters and task together, or nothing of it (FIN-1)", async () => {
    const bucket = await f.newBucket(team, "insert");
    const file = await f.newFile(team, {
      buckets: [bucket],
      tags: ["a", "b"],
      metadata: { year: 2024, deep: {}, ok: true },
    });
    const view = await f.t.catalogue.run(readFile, { teamId: team.teamId, fileId: file.fileId });
    assert.equal(view?.state, "queued");
    assert.deepEqual(view?.memberships, [{ bucketId: bucket, slug: "insert", status: "pending" }]);
    assert.equal(view?.task.task.state, "queued");
    assert.equal(view?.task.queuePosition, 1);
    const count = (table: "file_tags" | "file_metadata") =>
      f.t.db.selectFrom(table).select("team_id").where("file_id", "=", file.fileId).execute();
    assert.equal((await count("file_tags")).length, 2);
    assert.equal((await count("file_metadata")).length, 2);
    assert.equal((await f.t.bucket(bucket)).pending_files, 1);
    const sessionOfAnother = f.t.db
      .updateTable("files")
      .set({ session_id: file.sessionId })
      .where("id", "<>", file.fileId);
    await f.newFile(team);
    await assert.rejects(sessionOfAnother.execute(), /UNIQUE/);
  });
});

describe("deleteFile", () => {
  for (const state of LIVING)
    test(`of a file that is ${state}: one transaction leaves ids, size and times, and a task that removes the rest`, async () => {
      const bucket = await f.newBucket(team, `delete-${state}`);
      const file = await f.newFile(team, { state, buckets: [bucket], ...canaries });
      const before = await f.t.file(file.fileId);
      assert.equal(before.state, state);
      const output = await remove(file);
      assert.ok(!isRefusal(output));
      assert.equal(output.file.state, "deleted");

      const row = await f.t.file(file.fileId);
      assert.equal(row.size_bytes, before.size_bytes);
      assert.equal(row.created_at, before.created_at);
      assert.equal(row.blob_key, before.blob_key, "the removal task still needs it");
      assert.deepEqual(
        [row.sha256, row.content_type, row.detected_content_type, row.error_message, row.active_build],
        ["", "", null, null, null],
      );
      assert.deepEqual(await f.t.memberships(file.fileId), []);
      const { pending_files, active_files, failed_files, active_chunks } = await f.t.bucket(bucket);
      assert.deepEqual({ pending_files, active_files, failed_files, active_chunks }, NO_FILES);
      assert.ok(!everything().includes(CANARY), "a word of the client is still in the catalogue");

      const [index, removal, ...more] = await tasksOf(file);
      assert.equal(more.length, 0);
      assert.equal(index?.state, state === "indexed" ? "succeeded" : state === "failed" ? "failed" : "cancelled");
      assert.equal(removal?.type, "remove");
      assert.equal(removal?.state, "queued");
    });

  test("clears what an error said of the document, and keeps the sentence of its code", async () => {
    const file = await f.newFile(team, { state: "failed" });
    assert.equal((await f.t.task(file.taskId)).error_message, "Page 1 is a scan.");
    await remove(file);
    assert.match((await f.t.task(file.taskId)).error_message ?? "", /^No text was found/);
  });

  test("again, and 20 times at once, answers the same and queues one removal", async () => {
    const file = await f.newFile(team, { state: "indexed" });
    const outputs = await Promise.all(Array.from({ length: 20 }, () => remove(file)));
    f.t.passMs(5_000);
    outputs.push(await remove(file));
    const times = outputs.map((output) => (isRefusal(output) ? null : output.file.deletedAt));
    assert.equal(new Set(times).size, 1);
    assert.equal((await tasksOf(file)).filter((task) => task.type === "remove").length, 1);
  });

  test("ends the attempt that is under way: what it still writes changes nothing", async () => {
    const file = await f.newFile(team);
    const held = await f.claim(file.taskId);
    await remove(file);
    assert.equal(await f.t.queue.heartbeat(held, { stage: "indexing", progress: null }, false), false);
    const fault = { code: "internal", message: "late", permanent: true, death: false } as const;
    assert.equal(await f.t.queue.fault(held, fault), false);
    assert.equal((await f.t.file(file.fileId)).state, "deleted");
    const refused = await f.t.catalogue.run(retryTask, { teamId: team.teamId, taskId: file.taskId });
    assert.ok(isRefusal(refused) && refused.refused === "conflict");
  });

  test("of an absent file, and of another team's, is refused alike and changes nothing (ALL-6)", async () => {
    const other = await f.newTeam();
    const file = await f.newFile(other, { state: "indexed" });
    const absent = { teamId: team.teamId, fileId: f.t.ids.next("file"), removalTaskId: f.t.ids.next("task") };
    const foreign = await remove(file);
    assert.deepEqual(foreign, await f.t.catalogue.run(deleteFile, absent));
    assert.ok(isRefusal(foreign) && foreign.refused === "file_not_found");
    assert.equal((await f.t.file(file.fileId)).state, "indexed");
  });

  test("leaves the ids that a repeated finalize answers with, and no digest (FIN-2)", async () => {
    const file = await f.newFile(team, { state: "indexed" });
    await remove(file);
    const session = await f.t.db
      .selectFrom("upload_sessions")
      .selectAll()
      .where("id", "=", file.sessionId)
      .executeTakeFirstOrThrow();
    assert.deepEqual([session.file_id, session.task_id, session.sha256], [file.fileId, file.taskId, ""]);
    assert.equal(session.content_type, "text/plain", "PUT-18 answers with the object's type");
  });
});

const NO_FILES = { pending_files: 0, active_files: 0, failed_files: 0, active_chunks: 0 };

describe("reindexFile", () => {
  const reindex = (file: TestFile, taskId: TaskId = f.t.ids.next("task")) =>
    f.t.catalogue.run(reindexFile, { teamId: team.teamId, fileId: file.fileId, taskId });

  test("an indexed file stays indexed and active while it is read again, and when that fails (POL-2)", async () => {
    const bucket = await f.newBucket(team, "reindex");
    const file = await f.newFile(team, { state: "indexed", buckets: [bucket] });
    const taskId = f.t.ids.next("task");
    const output = await reindex(file, taskId);
    assert.ok(!isRefusal(output) && output.enqueued);
    assert.equal(output.file.state, "indexed");
    assert.equal(output.file.task.task.id, taskId);
    const held = await f.claim(taskId);
    await f.t.queue.fault(held, { code: "corrupt_file", message: "Now it is.", permanent: true, death: false });
    const row = await f.t.file(file.fileId);
    assert.equal(row.state, "indexed");
    assert.equal(row.error_code, "corrupt_file");
    assert.equal(row.active_build, `${file.taskId}_1`);
    assert.deepEqual(await f.t.memberships(file.fileId), ["active"]);
    assert.equal((await f.t.bucket(bucket)).active_files, 1);
  });

  test("a failed file starts again, its memberships pending", async () => {
    const bucket = await f.newBucket(team, "reindex-failed");
    const file = await f.newFile(team, { state: "failed", buckets: [bucket] });
    const output = await reindex(file);
    assert.ok(!isRefusal(output));
    assert.equal(output.file.state, "queued");
    assert.equal(output.file.error, null);
    assert.deepEqual(await f.t.memberships(file.fileId), ["pending"]);
    const { pending_files, failed_files } = await f.t.bucket(bucket);
    assert.deepEqual({ pending_files, failed_files }, { pending_files: 1, failed_files: 0 });
  });

  for (const state of ["queued", "indexing"] as const)
    test(`while the file is ${state} it answers with the task under way and makes none`, async () => {
      const file = await f.newFile(team, { state });
      const output = await reindex(file);
      assert.ok(!isRefusal(output) && !output.enqueued);
      assert.equal(output.file.task.task.id, file.taskId);
      assert.equal((await tasksOf(file)).length, 1);
    });

  test("twice at once makes one task", async () => {
    const file = await f.newFile(team, { state: "indexed" });
    await Promise.all([reindex(file), reindex(file)]);
    assert.equal((await tasksOf(file)).length, 2);
  });

  test("cancelling it leaves the file indexed; a newer task cannot be undone by retrying the older", async () => {
    const file = await f.newFile(team, { state: "indexed" });
    const taskId = f.t.ids.next("task");
    await reindex(file, taskId);
    await f.t.catalogue.run(cancelTask, { teamId: team.teamId, taskId });
    assert.equal((await f.t.file(file.fileId)).state, "indexed");
    const older = await f.t.catalogue.run(retryTask, { teamId: team.teamId, taskId: file.taskId });
    assert.ok(isRefusal(older) && older.refused === "conflict");
  });

  test("a deleted file, and another team's, is not found (ALL-6)", async () => {
    const file = await f.newFile(team, { state: "indexed" });
    await remove(file);
    const foreign = await f.newFile(await f.newTeam(), { state: "indexed" });
    for (const output of [await reindex(file), await reindex(foreign)])
      assert.ok(isRefusal(output) && output.refused === "file_not_found");
    assert.equal((await tasksOf(foreign)).length, 1);
  });
});

test("memberships and counters follow the file through every state (POL-2)", async () => {
  for (const state of LIVING) {
    const file = await f.newFile(team, { state });
    assert.deepEqual(await f.t.memberships(file.fileId), [membershipStatusOf(state)]);
  }
  assert.equal(FILE_STATES.length, LIVING.length + 1);
});

describe("retention", () => {
  const find = (file: TestFile) => f.t.catalogue.run(findFile, { teamId: team.teamId, fileId: file.fileId });
  const read = (file: TestFile) => f.t.catalogue.run(readFile, { teamId: team.teamId, fileId: file.fileId });
  const forget = (limit = 100) => f.t.catalogue.run(forgetTombstones, { limit });
  const endSession = (file: TestFile) =>
    f.t.db.deleteFrom("upload_sessions").where("id", "=", file.sessionId).execute();
  const finishRemoval = (file: TestFile) =>
    f.t.db
      .updateTable("tasks")
      .set({ state: "succeeded", due_at: null, finished_at: f.t.now() })
      .where("file_id", "=", file.fileId)
      .where("type", "=", "remove")
      .execute();

  test("a tombstone is found for 30 days to the millisecond, and forgotten with its tasks after them", async () => {
    await forget();
    const file = await f.newFile(team, { state: "indexed" });
    const living = await f.newFile(team, { state: "indexed" });
    const output = await remove(file);
    assert.ok(!isRefusal(output));
    await finishRemoval(file);
    await endSession(file);
    const left = (output.file.deletedAt ?? 0) + LIMITS.tombstoneRetentionMs - f.t.now();
    f.t.passMs(left - 60_000);
    assert.equal(await forget(), 0);
    assert.equal((await find(file))?.state, "deleted");
    f.t.passMs(60_000);
    assert.equal(await find(file), null, "404 from then on, whenever maintenance comes");
    assert.notEqual(await read(file), null);
    assert.equal(await forget(), 1);
    assert.equal(await read(file), null);
    assert.deepEqual(await tasksOf(file), []);
    assert.equal((await find(living))?.state, "indexed");
  });

  test("waits for the bytes to be removed and for the session that still answers for the file (FIN-2)", async () => {
    const unremoved = await f.newFile(team);
    const answered = await f.newFile(team);
    for (const file of [unremoved, answered]) await remove(file);
    await endSession(unremoved);
    await finishRemoval(answered);
    f.t.passMs(LIMITS.tombstoneRetentionMs + 1);
    assert.equal(await forget(), 0);
    await finishRemoval(unremoved);
    await endSession(answered);
    assert.equal(await forget(1), 1, "no more than the batch");
    assert.equal(await forget(1), 1);
    assert.equal(await forget(1), 0);
  });
});
