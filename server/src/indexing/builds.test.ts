import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { textKey } from "../blobs/keys.ts";
import { accepted } from "../errors.ts";
import { deleteFile } from "../files/delete-file.store.ts";
import { cancelTask } from "../files/task-events.store.ts";
import { LIMITS } from "../limits.ts";
import { BuildSweep, DeletedFileSweep } from "../maintenance/build-sweep.ts";
import { runRound } from "../maintenance/test-rounds.ts";
import { tokenText } from "../search-index/analyze.ts";
import type { SearchIndex } from "../search-index/search-index.ts";
import { createIndexer } from "./indexer.ts";
import { pruneBuilds } from "./prune-builds.ts";
import { activate } from "./store.ts";
import { textScript } from "./test-documents.ts";
import { indexMethods, openTestIndexing, type TestIndexing } from "./test-indexing.ts";

let t: TestIndexing;
before(async () => {
  t = await openTestIndexing();
});
after(() => t.close());

test("an attempt that lost its lease writes beside its successor, changes nothing, and its build is garbage (R12)", async () => {
  const wake = Promise.withResolvers<void>();
  const stalled = Promise.withResolvers<void>();
  const written = Promise.withResolvers<void>();
  const file = await t.newFile("stall.txt", textScript("basalt pier"));
  const stalling: SearchIndex = {
    ...indexMethods(t.index),
    async write(...call) {
      stalled.resolve();
      await wake.promise;
      await t.index.write(...call);
      written.resolve();
    },
  };
  const zombie = t.workerWith({ index: stalling }).runOnce();
  await stalled.promise;
  t.on.passMs(LIMITS.leaseMs + 1);
  assert.deepEqual(await t.rescued(), [file.taskId]);
  assert.equal(await t.workerWith().runOnce(), true);
  const shown = await t.on.file(file.fileId);
  assert.equal(shown.active_build, `${file.taskId}_2`);
  wake.resolve();
  await written.promise;
  await zombie;
  assert.deepEqual(await t.on.file(file.fileId), shown);
  assert.deepEqual((await t.staged("basalt")).toSorted(), [`${file.taskId}_1/0`, `${file.taskId}_2/0`]);
  assert.equal(await pruneBuilds(t.depsWith()), 1);
  assert.deepEqual(await t.staged("basalt"), [`${file.taskId}_2/0`]);
});

test("what a stopped worker writes for a file after its removal is swept, and nothing else is", async () => {
  const kept = await t.newFile("kept.txt", textScript("oaken door"));
  await t.workerWith().runOnce();
  const file = await t.newFile("late.txt", textScript("oaken door"));
  await t.workerWith().runOnce();
  await t.on.catalogue.run(deleteFile, { teamId: t.team, fileId: file.fileId, removalTaskId: t.on.ids.next("task") });
  await t.workerWith().runOnce();
  const chunk = {
    position: 0,
    page: 1,
    charStart: 0,
    charEnd: 10,
    text: "oaken door",
    tokens: tokenText("oaken door"),
  };
  for (const { fileId, taskId } of [file, kept])
    await t.index.write(t.team, {
      file: fileId,
      build: `${taskId}_9`,
      buckets: [t.bucket],
      tags: ["blue"],
      titleTokens: "",
      chunks: [chunk],
    });
  // However far the round through all builds is from the deleted file's.
  await runRound(new DeletedFileSweep(t.depsWith()));
  assert.deepEqual((await t.staged("oaken")).toSorted(), [`${kept.taskId}_1/0`, `${kept.taskId}_9/0`]);
  await runRound(new BuildSweep(t.depsWith()));
  assert.deepEqual(await t.staged("oaken"), [`${kept.taskId}_1/0`]);
});

test("what an attempt wrote before it was killed is never shown beside its successor's chunks, and is gone afterwards", async () => {
  const file = await t.newFile("again.txt", textScript("slate roof", "slate floor"));
  const killed = await t.on.queue.claim("fast");
  assert.ok(killed !== null);
  const chunk = {
    position: 0,
    page: 1,
    charStart: 0,
    charEnd: 10,
    text: "slate roof",
    tokens: tokenText("slate roof"),
  };
  await t.index.write(t.team, {
    file: file.fileId,
    build: `${file.taskId}_1`,
    buckets: [t.bucket],
    tags: ["blue"],
    titleTokens: "",
    chunks: [chunk],
  });
  assert.equal(await pruneBuilds(t.depsWith()), 0, "a build whose task is held was removed");
  await t.on.queue.requeueAll();
  await t.workerWith().runOnce();
  assert.deepEqual((await t.staged("slate")).toSorted(), [`${file.taskId}_2/0`, `${file.taskId}_2/1`]);
});

test("a restart goes on where a dead server stopped, and nothing that it had begun is left in the index", async () => {
  const file = await t.newFile("restart.txt", textScript("copper spire"));
  assert.ok((await t.on.queue.claim("fast")) !== null);
  const chunk = { position: 0, page: 1, charStart: 0, charEnd: 6, text: "copper", tokens: tokenText("copper") };
  await t.index.write(t.team, {
    file: file.fileId,
    build: `${file.taskId}_1`,
    buckets: [t.bucket],
    tags: ["blue"],
    titleTokens: "",
    chunks: [chunk],
  });
  const indexer = createIndexer({ ...t.depsWith(), arrivals: t.arrivals, queue: t.on.queue, workers: 1 });
  await indexer.recover();
  assert.deepEqual(await t.staged("copper"), []);
  assert.deepEqual([(await t.on.task(file.taskId)).state, (await t.on.task(file.taskId)).faults], ["queued", 0]);
  const indexed = Promise.withResolvers<void>();
  const look = async () => {
    if ((await t.on.file(file.fileId)).state === "indexed") indexed.resolve();
  };
  const stop = t.on.queue.onChange(file.taskId, () => void look());
  await indexer.start();
  await indexed.promise;
  stop();
  await indexer.stop();
  assert.deepEqual(await t.staged("copper"), [`${file.taskId}_2/0`]);
});

test("a team whose index is damaged holds up neither a start nor what is swept for the other teams", async () => {
  const teams = [await t.on.newTeam(), await t.on.newTeam()] as const;
  const [damaged, healthy] = teams;
  const late = {
    buckets: [],
    tags: [],
    titleTokens: "",
    chunks: [{ position: 0, page: 1, charStart: 0, charEnd: 1, text: "x", tokens: "x" }],
  };
  for (const team of teams) {
    const { fileId } = await t.on.newFile({ team, bucket: await t.on.newBucket(team) });
    await t.on.catalogue.run(deleteFile, { teamId: team, fileId, removalTaskId: t.on.ids.next("task") });
    await t.index.write(team, { ...late, file: fileId, build: "late_1" });
  }
  await t.emptyQueue();
  await t.on.newFile({ team: damaged, bucket: await t.on.newBucket(damaged) });
  assert.ok((await t.on.queue.claim("fast")) !== null);
  await t.index.discard(damaged);
  await writeFile(join(t.on.folder, "index", `${damaged}.db`), "no database ".repeat(1_000));
  const deps = t.depsWith();

  await createIndexer({ ...deps, arrivals: t.arrivals, queue: t.on.queue, workers: 1 }).recover();
  assert.equal((await t.index.builds(healthy, null, 10)).length, 1);
  await runRound(new DeletedFileSweep(deps));
  assert.deepEqual(await t.index.builds(healthy, null, 10), []);
  await t.index.write(healthy, { ...late, file: t.on.ids.next("file"), build: "never_1" });
  await runRound(new BuildSweep(deps));
  assert.deepEqual(await t.index.builds(healthy, null, 10), []);
  await t.emptyQueue();
});

test("an activation of a stale attempt, or of a cancelled task, writes nothing", async () => {
  const file = await t.newFile("stale.txt", textScript("x"));
  const claim = await t.on.queue.claim("fast");
  assert.ok(claim !== null);
  const attempt = {
    taskId: file.taskId,
    fileId: file.fileId,
    version: 1,
    chunks: 1,
    pages: 1,
    detectedType: "text/plain",
    warnings: "[]",
    labels: 0,
    build: `${file.taskId}_1`,
    textKey: textKey(file.fileId, `${file.taskId}_1`),
  };
  await t.on.queue.requeueAll();
  assert.equal(accepted(await t.on.catalogue.run(activate, { ...attempt, attempt: 1 })).activated, false);
  await t.on.queue.claim("fast");
  assert.equal(accepted(await t.on.catalogue.run(activate, { ...attempt, attempt: 1 })).activated, false);
  await t.on.catalogue.run(cancelTask, { teamId: t.team, taskId: file.taskId });
  assert.equal(accepted(await t.on.catalogue.run(activate, { ...attempt, attempt: 2 })).activated, false);
  assert.deepEqual(await t.shows(file.fileId), { state: "failed", memberships: ["failed"] });
  await t.emptyQueue();
});
