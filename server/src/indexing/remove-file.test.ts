import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { BlobStoreError } from "../blobs/blob-store.ts";
import { storedKey } from "../blobs/keys.ts";
import { deleteFile } from "../files/delete-file.store.ts";
import { retryTask } from "../files/task-events.store.ts";
import { SearchIndexError } from "../search-index/search-index.ts";
import { textScript } from "./test-documents.ts";
import { blobMethods, failing, indexMethods, openTestIndexing, type TestIndexing } from "./test-indexing.ts";

let t: TestIndexing;
before(async () => {
  t = await openTestIndexing();
});
after(() => t.close());

test("a deleted file's chunks, texts, original and segments go, and its task cannot bring it back", async () => {
  const states = ["queued", "indexed", "failed"] as const;
  for (const state of states) {
    const ending = state === "failed" ? { ending: { fault: "corrupt_file" as const } } : {};
    const file = await t.newFile(`gone ${state}.txt`, { ...textScript("canary"), ...ending });
    const segment = await t.blobs.beginSegment(file.sessionId, 1);
    await segment.close();
    if (state !== "queued") await t.workerWith().runOnce();
    const { text_key, blob_key } = await t.on.file(file.fileId);
    await t.on.catalogue.run(deleteFile, { teamId: t.team, fileId: file.fileId, removalTaskId: t.on.ids.next("task") });
    assert.equal(await t.workerWith().runOnce(), true);
    const row = await t.on.file(file.fileId);
    assert.deepEqual([row.state, row.blob_key, row.text_key], ["deleted", null, null], state);
    assert.deepEqual(await t.staged("canary"), []);
    for (const key of [text_key, blob_key]) if (key !== null) assert.equal(await t.blobs.size(storedKey(key)), null);
    assert.deepEqual(await t.entriesOf(file.sessionId), []);
    const retried = await t.on.catalogue.run(retryTask, { teamId: t.team, taskId: file.taskId });
    assert.ok("refused" in retried && retried.refused === "conflict");
    assert.equal(await t.workerWith().runOnce(), false);
  }
});

test("removal backs off while it cannot be done, never fails, and is done in the end", async () => {
  const file = await t.newFile("stubborn.txt", textScript("canary"));
  await t.workerWith().runOnce();
  const removal = t.on.ids.next("task");
  await t.on.catalogue.run(deleteFile, { teamId: t.team, fileId: file.fileId, removalTaskId: removal });
  const away = { ...blobMethods(t.blobs), remove: failing(new BlobStoreError("unavailable", "EIO")) };
  for (let i = 1; i <= 30; i++) {
    assert.equal(await t.workerWith({ blobs: away }).runOnce(), true);
    assert.deepEqual([(await t.on.task(removal)).state, (await t.on.task(removal)).troubles], ["queued", i]);
    t.on.passMs(60_000);
  }
  await t.workerWith().runOnce();
  assert.equal((await t.on.task(removal)).state, "succeeded");
  assert.equal((await t.on.file(file.fileId)).blob_key, null);
});

test("a file's bytes go within the minute also where its team's index is damaged; its chunks go when that was mended (FIL-4)", async () => {
  const file = await t.newFile("damaged index.txt", textScript("canary"));
  await t.workerWith().runOnce();
  const { text_key, blob_key } = await t.on.file(file.fileId);
  const removal = t.on.ids.next("task");
  await t.on.catalogue.run(deleteFile, { teamId: t.team, fileId: file.fileId, removalTaskId: removal });
  const damaged = { ...indexMethods(t.index), removeFile: failing(new SearchIndexError("malformed")) };
  await t.workerWith({ index: damaged }).runOnce();
  for (const key of [text_key, blob_key]) assert.equal(await t.blobs.size(storedKey(key ?? "")), null);
  assert.deepEqual([(await t.on.task(removal)).state, (await t.on.task(removal)).troubles], ["queued", 1]);
  t.on.passMs(60_000);
  await t.workerWith().runOnce();
  assert.deepEqual([(await t.on.task(removal)).state, await t.staged("canary")], ["succeeded", []]);
});

test("a removal task never touches a file that is not deleted", async () => {
  const file = await t.newFile("alive.txt", textScript("alive"));
  await t.workerWith().runOnce();
  const removal = t.on.ids.next("task");
  const row = await t.on.task(file.taskId);
  await t.on.db
    .insertInto("tasks")
    .values({ ...row, id: removal, type: "remove", state: "queued", finished_at: null })
    .execute();
  await t.workerWith().runOnce();
  assert.equal((await t.on.task(removal)).state, "queued");
  assert.ok((await t.blobs.size(storedKey((await t.on.file(file.fileId)).blob_key ?? ""))) !== null);
  assert.equal((await t.staged("alive")).length, 1);
  await t.emptyQueue();
});
