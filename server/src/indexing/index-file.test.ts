import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { after, before, test } from "node:test";
import { BlobStoreError } from "../blobs/blob-store.ts";
import { storedKey, textKey } from "../blobs/keys.ts";
import { FILE_ERRORS, FILE_WARNINGS, WharfError } from "../errors.ts";
import { reindexFile } from "../files/reindex-file.store.ts";
import { cancelTask, retryTask } from "../files/task-events.store.ts";
import { LIMITS } from "../limits.ts";
import { type SearchIndex, SearchIndexError } from "../search-index/search-index.ts";
import { TROUBLES } from "../tasks/task.ts";
import type { Script } from "./fixtures/script.ts";
import type { IndexingDeps } from "./index-file.ts";
import { openScriptedReaders, textScript } from "./test-documents.ts";
import {
  blobMethods,
  failing,
  failingRead,
  indexMethods,
  openTestIndexing,
  refusing,
  type TestIndexing,
} from "./test-indexing.ts";

let t: TestIndexing;
before(async () => {
  t = await openTestIndexing();
});
after(() => t.close());

test("indexed, active and the build that search shows change in one instant, after text and chunks are durable (POL-2)", async () => {
  const file = await t.newFile("quay.txt", textScript("granite quay", "harbour wall"));
  let atWrite: unknown = null;
  let textAtWrite: number | null = null;
  const watching: SearchIndex = {
    ...indexMethods(t.index),
    async write(...call) {
      textAtWrite = await t.blobs.size(textKey(file.fileId, `${file.taskId}_1`));
      await t.index.write(...call);
      atWrite = await t.shows(file.fileId);
    },
  };
  assert.equal(await t.workerWith({ index: watching }).runOnce(), true);
  assert.ok((textAtWrite ?? 0) > 0, "the text was not published before the first chunk");
  assert.deepEqual(atWrite, { state: "indexing", memberships: ["pending"] });
  assert.deepEqual(await t.shows(file.fileId), { state: "indexed", memberships: ["active"] });
  const row = await t.on.file(file.fileId);
  assert.deepEqual(
    [row.active_build, row.active_version, row.active_chunks, row.active_pages, row.detected_content_type],
    [`${file.taskId}_1`, 1, 2, 2, "text/plain"],
  );
  assert.deepEqual(
    (await t.textOf(row.text_key))
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line)),
    [
      { page: 1, label: null, text: "granite quay" },
      { page: 2, label: null, text: "harbour wall" },
    ],
  );
  assert.deepEqual(await t.staged("granite"), [`${file.taskId}_1/0`]);
  const task = await t.on.task(file.taskId);
  assert.deepEqual([task.state, task.error_code, task.lease_until], ["succeeded", null, null]);
  const { pending_files, active_files, active_chunks } = await t.on.bucket(t.bucket);
  assert.deepEqual([pending_files, active_files, active_chunks], [0, 1, 2]);
});

test("a text that is there already under an attempt's name is not taken for its own: the next attempt reads the document", async () => {
  const file = await t.newFile("restored.txt", textScript("sandstone pier"));
  // A catalogue that was restored from a backup counts attempts again.
  await t.blobs.put(textKey(file.fileId, `${file.taskId}_1`), Readable.from([Buffer.from("of another attempt")]));
  assert.equal(await t.workerWith().runOnce(), true);
  const { state, error_message } = await t.on.task(file.taskId);
  assert.deepEqual([state, error_message], ["queued", TROUBLES.storage]);
  assert.deepEqual(await t.staged("sandstone"), []);
  t.on.passMs(LIMITS.machineBackoffMs[0]);
  assert.equal(await t.workerWith().runOnce(), true);
  const { active_build, text_key } = await t.on.file(file.fileId);
  assert.equal(active_build, `${file.taskId}_2`);
  assert.match(await t.textOf(text_key), /sandstone pier/);
});

test("what the text does not show stands with the file, until a later build shows more", async () => {
  const message = `${FILE_WARNINGS.part_skipped} (hidden sheets)`;
  const skipped = { code: "part_skipped", message, pages: [1] };
  const file = await t.newFile("sheets.txt", { ...textScript("first sheet"), skipped: [1] });
  assert.equal(await t.workerWith().runOnce(), true);
  assert.deepEqual(JSON.parse((await t.on.file(file.fileId)).warnings), [skipped]);

  t.scripts.set("sheets.txt", textScript("first sheet", "second sheet"));
  const again = { teamId: t.team, fileId: file.fileId, taskId: t.on.ids.next("task") };
  await t.on.catalogue.run(reindexFile, again);
  assert.deepEqual(JSON.parse((await t.on.file(file.fileId)).warnings), [skipped], "the old text is still shown");
  assert.equal(await t.workerWith().runOnce(), true);
  assert.equal((await t.on.file(file.fileId)).warnings, "[]");
});

test("a document that cannot be read to its end fails with its reason and leaves nothing in the index and no text (POL-1)", async () => {
  const cases = [
    "unsupported_file_type",
    "type_mismatch",
    "encrypted_file",
    "corrupt_file",
    "empty_text",
    "too_complex",
  ] as const;
  for (const code of cases) {
    const file = await t.newFile(`${code}.txt`, { ...textScript(`${code} first page`), ending: { fault: code } });
    await t.workerWith().runOnce();
    const row = await t.on.file(file.fileId);
    assert.deepEqual([row.state, row.error_code, row.error_message], ["failed", code, FILE_ERRORS[code]]);
    assert.deepEqual(await t.on.memberships(file.fileId), ["failed"]);
    assert.deepEqual(await t.staged(code.split("_")[0] ?? ""), []);
    assert.equal(await t.blobs.size(textKey(file.fileId, `${file.taskId}_1`)), null);
    assert.deepEqual([(await t.on.task(file.taskId)).state, (await t.on.task(file.taskId)).faults], ["failed", 1]);
  }
});

test("a document without a single chunk ends as empty_text, never as indexed with nothing to find", async () => {
  const file = await t.newFile("blank.txt", textScript());
  await t.workerWith().runOnce();
  assert.deepEqual(
    [(await t.on.file(file.fileId)).state, (await t.on.file(file.fileId)).error_code],
    ["failed", "empty_text"],
  );
  assert.equal(await t.blobs.size(textKey(file.fileId, `${file.taskId}_1`)), null, "its text was kept");
});

test("a child that dies twice fails the file; a soft fault is tried five times (R13)", async () => {
  const broken = { ...indexMethods(t.index), write: failing(new TypeError("a defect of ours")) };
  const cases = [
    { code: "too_complex", tries: LIMITS.maxDeaths, script: { ...textScript("x"), ending: "dies" }, given: {} },
    { code: "internal", tries: LIMITS.maxFaults, script: textScript("x"), given: { index: broken } },
  ] as const;
  for (const { code, tries, script, given } of cases) {
    const file = await t.newFile(`${code}.txt`, script);
    const worker = t.workerWith(given);
    let made = 0;
    for (; await worker.runOnce(); made += 1) t.on.passMs(60_000);
    assert.deepEqual(
      [made, (await t.on.file(file.fileId)).state, (await t.on.file(file.fileId)).error_code],
      [tries, "failed", code],
    );
  }
});

test("every trouble of the machine backs off and never fails the file, and it is indexed when the machine is well", async () => {
  const stores = blobMethods(t.blobs);
  // One that is being closed starts no reader any more.
  const closed = await openScriptedReaders(() => textScript());
  await closed.close();
  const huge = await openScriptedReaders(hugeScript);
  const cases: readonly (readonly [string, Partial<IndexingDeps>])[] = [
    ["original missing", { blobs: { ...stores, read: failingRead(new BlobStoreError("missing", "gone")) } }],
    ["original damaged", { blobs: { ...stores, read: failingRead(new BlobStoreError("damaged", "short")) } }],
    ["disk full", { blobs: { ...stores, put: failing(new BlobStoreError("full", "ENOSPC")) } }],
    ["store away", { blobs: { ...stores, put: failing(new BlobStoreError("unavailable", "EIO")) } }],
    ["index away", { index: { ...indexMethods(t.index), write: failing(new SearchIndexError("away")) } }],
    ["no child", { extractor: closed }],
    ["database full", { catalogue: refusing(t.on.catalogue, new WharfError("storage_full")) }],
    ["no spool", { spoolFolder: join(t.on.folder, "absent"), extractor: huge }],
  ];
  for (const [name, given] of cases) {
    const file = await t.newFile(`${name}.txt`, textScript("at last"));
    const worker = t.workerWith(given);
    for (let i = 1; i <= 8; i++) {
      assert.equal(await worker.runOnce(), true, `${name}: try ${i}`);
      const task = await t.on.task(file.taskId);
      assert.deepEqual([task.state, task.faults, task.troubles, task.error_code], ["queued", 0, i, "internal"], name);
      assert.equal((await t.on.file(file.fileId)).state, "indexing");
      assert.equal(await worker.runOnce(), false, `${name}: claimed before its time`);
      t.on.passMs(60_000);
    }
    assert.equal(await t.workerWith().runOnce(), true);
    assert.deepEqual(await t.shows(file.fileId), { state: "indexed", memberships: ["active"] }, name);
  }
  await huge.close();
});

test("a file that is indexed stays indexed and found while a later task runs, and when that fails or is cancelled (POL-2)", async () => {
  const endings = [
    { end: "fails", error: "corrupt_file" },
    { end: "is cancelled", error: null },
    { end: "succeeds", error: null },
  ] as const;
  for (const { end, error } of endings) {
    const file = await t.newFile(`later ${end}.txt`, textScript("marble stair"));
    await t.workerWith().runOnce();
    const first = await t.on.file(file.fileId);
    const taskId = t.on.ids.next("task");
    await t.on.catalogue.run(reindexFile, { teamId: t.team, fileId: file.fileId, taskId });
    t.scripts.set(`later ${end}.txt`, end === "fails" ? CORRUPT : textScript("marble stair", "again"));
    if (end === "is cancelled") await t.on.catalogue.run(cancelTask, { teamId: t.team, taskId });
    else await t.workerWith().runOnce();
    const row = await t.on.file(file.fileId);
    assert.deepEqual(await t.shows(file.fileId), { state: "indexed", memberships: ["active"] }, end);
    assert.equal(row.error_code, error, end);
    const build = end === "succeeds" ? `${taskId}_1` : first.active_build;
    assert.equal(row.active_build, build, end);
    assert.ok((await t.staged("marble")).includes(`${build}/0`), end);
    if (end === "succeeds") {
      assert.ok(
        !(await t.staged("marble")).includes(`${first.active_build}/0`),
        "the replaced build's chunks are still there",
      );
      assert.equal(await t.blobs.size(storedKey(first.text_key ?? "")), null);
    }
    await t.emptyQueue();
  }
});

test("a failed or cancelled task starts again with all its attempts, and its file and memberships with it", async () => {
  const file = await t.newFile("retry.txt", CORRUPT);
  await t.workerWith().runOnce();
  assert.deepEqual(await t.shows(file.fileId), { state: "failed", memberships: ["failed"] });
  t.scripts.set("retry.txt", textScript("repaired"));
  const retried = await t.on.catalogue.run(retryTask, { teamId: t.team, taskId: file.taskId });
  assert.ok("task" in retried);
  assert.deepEqual(
    [retried.task.state, retried.task.faults, retried.task.attempt, retried.task.lane],
    ["queued", 0, 1, "fast"],
  );
  assert.deepEqual(await t.shows(file.fileId), { state: "queued", memberships: ["pending"] });
  assert.equal((await t.on.file(file.fileId)).error_code, null);
  await t.workerWith().runOnce();
  assert.deepEqual(await t.shows(file.fileId), { state: "indexed", memberships: ["active"] });
  assert.equal((await t.on.file(file.fileId)).active_build, `${file.taskId}_2`);
});

test("a document larger than memory allows goes through the spool, complete, in order and without a file left behind", async () => {
  const file = await t.newFile("huge.txt", hugeScript());
  await t.workerWith().runOnce();
  assert.equal((await t.on.file(file.fileId)).state, "indexed");
  assert.equal((await t.on.file(file.fileId)).active_chunks, HUGE_PAGES);
  const builds = await t.index.builds(t.team, { file: file.fileId, build: "" }, 1);
  assert.deepEqual(
    builds.map(({ build, chunks }) => [build, chunks]),
    [[`${file.taskId}_1`, HUGE_PAGES]],
  );
  assert.deepEqual(await readdir(join(t.on.folder, "spool")), []);
});

test("batches of a document go into the index in order, a bounded number of them at once", async () => {
  const pages = Math.ceil(2.5 * LIMITS.chunkWritesAtOnce) * LIMITS.chunksPerWrite;
  const file = await t.newFile("batches.txt", textScript(...Array.from({ length: pages }, (_, i) => `page${i}`)));
  const index = indexMethods(t.index);
  const starts: number[] = [];
  let [atOnce, most] = [0, 0];
  const write: typeof index.write = async (team, batch) => {
    starts.push(batch.chunks[0]?.position ?? -1);
    atOnce += 1;
    most = Math.max(most, atOnce);
    await t.index.write(team, batch);
    atOnce -= 1;
  };
  await t.workerWith({ index: { ...index, write } }).runOnce();
  assert.equal((await t.on.file(file.fileId)).active_chunks, pages);
  assert.equal(most, LIMITS.chunkWritesAtOnce);
  assert.deepEqual(
    starts,
    Array.from({ length: pages / LIMITS.chunksPerWrite }, (_, i) => i * LIMITS.chunksPerWrite),
  );
});

const CORRUPT: Script = { ...textScript(), ending: { fault: "corrupt_file" } };

const HUGE_PAGES = Math.ceil((3 * LIMITS.chunkSpoolChars) / 2 / LIMITS.chunkMaxChars);

/** Three times what waits in memory. */
function hugeScript(): Script {
  return textScript(...Array.from({ length: HUGE_PAGES }, (_, i) => `page${i} `.padEnd(LIMITS.chunkMaxChars, "z")));
}
