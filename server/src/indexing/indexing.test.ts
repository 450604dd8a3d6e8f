import assert from "node:assert/strict";
import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { type BlobStore, BlobStoreError } from "../blobs/blob-store.ts";
import { originalKey, storedKey, textKey } from "../blobs/keys.ts";
import { openMemoryBlobStore } from "../blobs/memory.ts";
import type { Catalogue } from "../catalogue/catalogue.ts";
import { WharfError } from "../errors.ts";
import { ExtractionFault, ExtractorTrouble } from "../extraction/extractor.ts";
import { deleteFile } from "../files/delete-file.store.ts";
import { reindexFile } from "../files/reindex-file.store.ts";
import type { BucketId, FileId, TeamId } from "../ids.ts";
import { LIMITS } from "../limits.ts";
import type { Log } from "../log.ts";
import { tokenText } from "../search-index/analyze.ts";
import { openFts5SearchIndex } from "../search-index/fts5.ts";
import { type SearchIndex, SearchIndexError } from "../search-index/search-index.ts";
import { cancelTask, retryTask } from "../tasks/store.ts";
import { openTestCatalogue, type TestCatalogue, type TestFile } from "../tasks/test-catalogue.ts";
import { Worker } from "../tasks/worker.ts";
import { createIndexFile, type IndexingDeps } from "./index-file.ts";
import { createIndexer } from "./indexer.ts";
import { BuildSweep, pruneBuilds } from "./prune-builds.ts";
import { createRemoveFile } from "./remove-file.ts";
import { type Script, scriptedExtractor, textScript } from "./scripted-extractor.ts";
import { activate } from "./store.ts";

const SILENT: Log = { debug() {}, info() {}, warn() {}, error() {}, fatal() {} };
const fault =
  (code: ExtractionFault["code"], permanent = true, death = false) =>
  () => {
    throw new ExtractionFault(code, `It is ${code}.`, { permanent, death });
  };

let on: TestCatalogue;
let blobs: BlobStore;
let index: SearchIndex;
let team: TeamId;
let bucket: BucketId;
const scripts = new Map<string, Script>();

before(async () => {
  on = await openTestCatalogue();
  blobs = openMemoryBlobStore();
  index = await openFts5SearchIndex({ dir: join(on.folder, "index"), log: SILENT, fatal: () => {} });
  await mkdir(join(on.folder, "spool"));
  team = await on.newTeam();
  bucket = await on.newBucket(team);
});
after(async () => {
  await index.close();
  await on.close();
});

function depsWith(given: Partial<IndexingDeps> = {}): IndexingDeps {
  return {
    catalogue: on.catalogue,
    blobs,
    index,
    extractor: scriptedExtractor((source) => scripts.get(source.filename) ?? []),
    log: SILENT,
    spoolFolder: join(on.folder, "spool"),
    ...given,
  };
}

function workerWith(given: Partial<IndexingDeps> = {}): Worker {
  const deps = depsWith(given);
  const handlers = { index: createIndexFile(deps), remove: createRemoveFile(deps) };
  return new Worker({ queue: on.queue, handlers, log: SILENT, places: { fast: 1, slow: 1 } });
}

/** A file as finalize leaves it, its original published. */
async function newFile(filename: string, script: Script): Promise<TestFile> {
  scripts.set(filename, script);
  const sessionId = on.ids.next("sess");
  const sha256 = "a".repeat(64);
  await blobs.put(originalKey(sessionId, sha256), streamOf("the original"));
  return on.newFile({ team, bucket, filename, sessionId, sha256, tags: ["blue"] });
}

async function* streamOf(text: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text);
}

async function textOf(key: string | null): Promise<string> {
  const parts: Uint8Array[] = [];
  for await (const part of blobs.read(storedKey(key ?? ""))) parts.push(part);
  return Buffer.concat(parts).toString("utf8");
}

/** Which builds and positions the index holds for a word, shown or not. */
async function staged(word: string): Promise<string[]> {
  const query = { text: word, buckets: [bucket], tags: ["blue"], files: null, limit: 100, termBudgetRows: null };
  const { candidates } = await index.rank(team, query);
  return candidates.map(({ build, position }) => `${build}/${position}`);
}

async function shows(file: FileId): Promise<{ readonly state: string; readonly memberships: readonly string[] }> {
  return { state: (await on.file(file)).state, memberships: await on.memberships(file) };
}

/** Tasks whose lease has ended by now. */
async function rescued(): Promise<string[]> {
  return (await on.queue.rescue(on.now())).returned.map((task) => task.taskId);
}

async function emptyQueue(): Promise<void> {
  await on.db.deleteFrom("tasks").execute();
}

test("indexed, active and the build that search shows change in one instant, after text and chunks are durable (POL-2)", async () => {
  const file = await newFile("quay.txt", textScript("granite quay", "harbour wall"));
  let atWrite: unknown = null;
  let textAtWrite: number | null = null;
  const watching: SearchIndex = {
    ...indexMethods(index),
    async write(...call) {
      textAtWrite = await blobs.size(textKey(file.fileId, `${file.taskId}_1`));
      await index.write(...call);
      atWrite = await shows(file.fileId);
    },
  };
  assert.equal(await workerWith({ index: watching }).runOnce(), true);
  assert.ok((textAtWrite ?? 0) > 0, "the text was not published before the first chunk");
  assert.deepEqual(atWrite, { state: "indexing", memberships: ["pending"] });
  assert.deepEqual(await shows(file.fileId), { state: "indexed", memberships: ["active"] });
  const row = await on.file(file.fileId);
  assert.deepEqual(
    [row.active_build, row.active_version, row.active_chunks, row.active_pages, row.detected_content_type],
    [`${file.taskId}_1`, 1, 2, 2, "text/plain"],
  );
  assert.deepEqual(
    (await textOf(row.text_key))
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line)),
    [
      { page: 1, label: null, text: "granite quay" },
      { page: 2, label: null, text: "harbour wall" },
    ],
  );
  assert.deepEqual(await staged("granite"), [`${file.taskId}_1/0`]);
  const task = await on.task(file.taskId);
  assert.deepEqual([task.state, task.error_code, task.lease_until], ["succeeded", null, null]);
  const { pending_files, active_files, active_chunks } = await on.bucket(bucket);
  assert.deepEqual([pending_files, active_files, active_chunks], [0, 1, 2]);
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
    const file = await newFile(`${code}.txt`, [...textScript(`${code} first page`), fault(code)]);
    await workerWith().runOnce();
    const row = await on.file(file.fileId);
    assert.deepEqual([row.state, row.error_code, row.error_message], ["failed", code, `It is ${code}.`]);
    assert.deepEqual(await on.memberships(file.fileId), ["failed"]);
    assert.deepEqual(await staged(code.split("_")[0] ?? ""), []);
    assert.equal(await blobs.size(textKey(file.fileId, `${file.taskId}_1`)), null);
    assert.deepEqual([(await on.task(file.taskId)).state, (await on.task(file.taskId)).faults], ["failed", 1]);
  }
});

test("a document without a single chunk ends as empty_text, never as indexed with nothing to find", async () => {
  const file = await newFile("blank.txt", [{ kind: "type", detected: "text/plain", titleTokens: "" }]);
  await workerWith().runOnce();
  assert.deepEqual(
    [(await on.file(file.fileId)).state, (await on.file(file.fileId)).error_code],
    ["failed", "empty_text"],
  );
});

test("a child that dies twice fails the file; a soft fault is tried five times (R13)", async () => {
  const cases = [
    { code: "extraction_timeout", death: true, tries: LIMITS.maxDeaths },
    { code: "internal", death: false, tries: LIMITS.maxFaults },
  ] as const;
  for (const { code, death, tries } of cases) {
    const file = await newFile(`${code}.txt`, [fault(code, false, death)]);
    const worker = workerWith();
    let made = 0;
    for (; await worker.runOnce(); made += 1) on.passMs(60_000);
    assert.deepEqual(
      [made, (await on.file(file.fileId)).state, (await on.file(file.fileId)).error_code],
      [tries, "failed", code],
    );
  }
});

test("every trouble of the machine backs off and never fails the file, and it is indexed when the machine is well", async () => {
  const stores = blobMethods(blobs);
  const cases: readonly (readonly [string, Partial<IndexingDeps>])[] = [
    ["original missing", { blobs: { ...stores, read: failingRead(new BlobStoreError("missing", "gone")) } }],
    ["original damaged", { blobs: { ...stores, read: failingRead(new BlobStoreError("damaged", "short")) } }],
    ["disk full", { blobs: { ...stores, put: failing(new BlobStoreError("full", "ENOSPC")) } }],
    ["store away", { blobs: { ...stores, put: failing(new BlobStoreError("unavailable", "EIO")) } }],
    ["index away", { index: { ...indexMethods(index), write: failing(new SearchIndexError("away")) } }],
    ["no child", { extractor: scriptedExtractor(() => [() => Promise.reject(new ExtractorTrouble("no child"))]) }],
    ["database full", { catalogue: refusing(on.catalogue, new WharfError("storage_full")) }],
    ["no spool", { spoolFolder: join(on.folder, "absent"), extractor: scriptedExtractor(() => hugeScript()) }],
  ];
  for (const [name, given] of cases) {
    const file = await newFile(`${name}.txt`, textScript("at last"));
    const worker = workerWith(given);
    for (let i = 1; i <= 8; i++) {
      assert.equal(await worker.runOnce(), true, `${name}: try ${i}`);
      const task = await on.task(file.taskId);
      assert.deepEqual([task.state, task.faults, task.troubles, task.error_code], ["queued", 0, i, "internal"], name);
      assert.equal((await on.file(file.fileId)).state, "indexing");
      assert.equal(await worker.runOnce(), false, `${name}: claimed before its time`);
      on.passMs(60_000);
    }
    assert.equal(await workerWith().runOnce(), true);
    assert.deepEqual(await shows(file.fileId), { state: "indexed", memberships: ["active"] }, name);
  }
});

test("an attempt that lost its lease writes beside its successor, changes nothing, and its build is garbage (R12)", async () => {
  const wake = Promise.withResolvers<void>();
  const stalled = Promise.withResolvers<void>();
  const written = Promise.withResolvers<void>();
  const file = await newFile("stall.txt", textScript("basalt pier"));
  const stalling: SearchIndex = {
    ...indexMethods(index),
    async write(...call) {
      stalled.resolve();
      await wake.promise;
      await index.write(...call);
      written.resolve();
    },
  };
  const zombie = workerWith({ index: stalling }).runOnce();
  await stalled.promise;
  on.passMs(LIMITS.leaseMs + 1);
  assert.deepEqual(await rescued(), [file.taskId]);
  assert.equal(await workerWith().runOnce(), true);
  const shown = await on.file(file.fileId);
  assert.equal(shown.active_build, `${file.taskId}_2`);
  wake.resolve();
  await written.promise;
  await zombie;
  assert.deepEqual(await on.file(file.fileId), shown);
  assert.deepEqual((await staged("basalt")).toSorted(), [`${file.taskId}_1/0`, `${file.taskId}_2/0`]);
  assert.equal(await pruneBuilds({ catalogue: on.catalogue, index }), 1);
  assert.deepEqual(await staged("basalt"), [`${file.taskId}_2/0`]);
});

test("what a stopped worker writes for a file after its removal is swept, and nothing else is", async () => {
  const kept = await newFile("kept.txt", textScript("oaken door"));
  await workerWith().runOnce();
  const file = await newFile("late.txt", textScript("oaken door"));
  await workerWith().runOnce();
  await on.catalogue.run(deleteFile, { teamId: team, fileId: file.fileId, removalTaskId: on.ids.next("task") });
  await workerWith().runOnce();
  const chunk = {
    position: 0,
    page: 1,
    charStart: 0,
    charEnd: 10,
    text: "oaken door",
    tokens: tokenText("oaken door"),
  };
  for (const { fileId, taskId } of [file, kept])
    await index.write(team, {
      file: fileId,
      build: `${taskId}_9`,
      buckets: [bucket],
      tags: ["blue"],
      titleTokens: "",
      chunks: [chunk],
    });
  const sweep = new BuildSweep({ catalogue: on.catalogue, index });
  for (let round = 0; round < 2; round++) await sweep.runOnce();
  assert.deepEqual(await staged("oaken"), [`${kept.taskId}_1/0`]);
});

test("what an attempt wrote before it was killed is never shown beside its successor's chunks, and is gone afterwards", async () => {
  const file = await newFile("again.txt", textScript("slate roof", "slate floor"));
  const killed = await on.queue.claim("fast");
  assert.ok(killed !== null);
  const chunk = {
    position: 0,
    page: 1,
    charStart: 0,
    charEnd: 10,
    text: "slate roof",
    tokens: tokenText("slate roof"),
  };
  await index.write(team, {
    file: file.fileId,
    build: `${file.taskId}_1`,
    buckets: [bucket],
    tags: ["blue"],
    titleTokens: "",
    chunks: [chunk],
  });
  assert.equal(await pruneBuilds({ catalogue: on.catalogue, index }), 0, "a build whose task is held was removed");
  await on.queue.requeueAll();
  await workerWith().runOnce();
  assert.deepEqual((await staged("slate")).toSorted(), [`${file.taskId}_2/0`, `${file.taskId}_2/1`]);
});

test("a restart goes on where a dead server stopped, and nothing that it had begun is left in the index", async () => {
  const file = await newFile("restart.txt", textScript("copper spire"));
  assert.ok((await on.queue.claim("fast")) !== null);
  const chunk = { position: 0, page: 1, charStart: 0, charEnd: 6, text: "copper", tokens: tokenText("copper") };
  await index.write(team, {
    file: file.fileId,
    build: `${file.taskId}_1`,
    buckets: [bucket],
    tags: ["blue"],
    titleTokens: "",
    chunks: [chunk],
  });
  const indexer = createIndexer({ ...depsWith(), queue: on.queue, workers: 1 });
  await indexer.recover();
  assert.deepEqual(await staged("copper"), []);
  assert.deepEqual([(await on.task(file.taskId)).state, (await on.task(file.taskId)).faults], ["queued", 0]);
  const indexed = Promise.withResolvers<void>();
  const look = async () => {
    if ((await on.file(file.fileId)).state === "indexed") indexed.resolve();
  };
  const stop = on.queue.onChange(file.taskId, () => void look());
  await indexer.start();
  await indexed.promise;
  stop();
  await indexer.stop();
  assert.deepEqual(await staged("copper"), [`${file.taskId}_2/0`]);
});

test("an activation of a stale attempt, or of a cancelled task, writes nothing", async () => {
  const file = await newFile("stale.txt", textScript("x"));
  const claim = await on.queue.claim("fast");
  assert.ok(claim !== null);
  const attempt = {
    taskId: file.taskId,
    fileId: file.fileId,
    version: 1,
    chunks: 1,
    pages: 1,
    detectedType: "text/plain",
    build: `${file.taskId}_1`,
    textKey: textKey(file.fileId, `${file.taskId}_1`),
  };
  await on.queue.requeueAll();
  assert.equal((await on.catalogue.run(activate, { ...attempt, attempt: 1 })).activated, false);
  await on.queue.claim("fast");
  assert.equal((await on.catalogue.run(activate, { ...attempt, attempt: 1 })).activated, false);
  await on.catalogue.run(cancelTask, { teamId: team, taskId: file.taskId });
  assert.equal((await on.catalogue.run(activate, { ...attempt, attempt: 2 })).activated, false);
  assert.deepEqual(await shows(file.fileId), { state: "failed", memberships: ["failed"] });
  await emptyQueue();
});

test("a file that is indexed stays indexed and found while a later task runs, and when that fails or is cancelled (POL-2)", async () => {
  const endings = [
    { end: "fails", error: "corrupt_file" },
    { end: "is cancelled", error: null },
    { end: "succeeds", error: null },
  ] as const;
  for (const { end, error } of endings) {
    const file = await newFile(`later ${end}.txt`, textScript("marble stair"));
    await workerWith().runOnce();
    const first = await on.file(file.fileId);
    const taskId = on.ids.next("task");
    await on.catalogue.run(reindexFile, { teamId: team, fileId: file.fileId, taskId });
    scripts.set(`later ${end}.txt`, end === "fails" ? [fault("corrupt_file")] : textScript("marble stair", "again"));
    if (end === "is cancelled") await on.catalogue.run(cancelTask, { teamId: team, taskId });
    else await workerWith().runOnce();
    const row = await on.file(file.fileId);
    assert.deepEqual(await shows(file.fileId), { state: "indexed", memberships: ["active"] }, end);
    assert.equal(row.error_code, error, end);
    const build = end === "succeeds" ? `${taskId}_1` : first.active_build;
    assert.equal(row.active_build, build, end);
    assert.ok((await staged("marble")).includes(`${build}/0`), end);
    if (end === "succeeds") {
      assert.ok(
        !(await staged("marble")).includes(`${first.active_build}/0`),
        "the replaced build's chunks are still there",
      );
      assert.equal(await blobs.size(storedKey(first.text_key ?? "")), null);
    }
    await emptyQueue();
  }
});

test("a failed or cancelled task starts again with all its attempts, and its file and memberships with it", async () => {
  const file = await newFile("retry.txt", [fault("corrupt_file")]);
  await workerWith().runOnce();
  assert.deepEqual(await shows(file.fileId), { state: "failed", memberships: ["failed"] });
  scripts.set("retry.txt", textScript("repaired"));
  const retried = await on.catalogue.run(retryTask, { teamId: team, taskId: file.taskId });
  assert.ok("task" in retried);
  assert.deepEqual(
    [retried.task.state, retried.task.faults, retried.task.attempt, retried.task.lane],
    ["queued", 0, 1, "fast"],
  );
  assert.deepEqual(await shows(file.fileId), { state: "queued", memberships: ["pending"] });
  assert.equal((await on.file(file.fileId)).error_code, null);
  await workerWith().runOnce();
  assert.deepEqual(await shows(file.fileId), { state: "indexed", memberships: ["active"] });
  assert.equal((await on.file(file.fileId)).active_build, `${file.taskId}_2`);
});

test("a deleted file's chunks, texts, original and segments go, and its task cannot bring it back", async () => {
  const states = ["queued", "indexed", "failed"] as const;
  for (const state of states) {
    const file = await newFile(
      `gone ${state}.txt`,
      state === "failed" ? [fault("corrupt_file")] : textScript("canary"),
    );
    const segment = await blobs.beginSegment(file.sessionId, 1);
    await segment.close();
    if (state !== "queued") await workerWith().runOnce();
    const { text_key, blob_key } = await on.file(file.fileId);
    await on.catalogue.run(deleteFile, { teamId: team, fileId: file.fileId, removalTaskId: on.ids.next("task") });
    assert.equal(await workerWith().runOnce(), true);
    const row = await on.file(file.fileId);
    assert.deepEqual([row.state, row.blob_key, row.text_key], ["deleted", null, null], state);
    assert.deepEqual(await staged("canary"), []);
    for (const key of [text_key, blob_key]) if (key !== null) assert.equal(await blobs.size(storedKey(key)), null);
    assert.deepEqual(await entriesOf(file.sessionId), []);
    const retried = await on.catalogue.run(retryTask, { teamId: team, taskId: file.taskId });
    assert.ok("refused" in retried && retried.refused === "conflict");
    assert.equal(await workerWith().runOnce(), false);
  }
});

test("removal backs off while it cannot be done, never fails, and is done in the end", async () => {
  const file = await newFile("stubborn.txt", textScript("canary"));
  await workerWith().runOnce();
  const removal = on.ids.next("task");
  await on.catalogue.run(deleteFile, { teamId: team, fileId: file.fileId, removalTaskId: removal });
  const away = { ...blobMethods(blobs), remove: failing(new BlobStoreError("unavailable", "EIO")) };
  for (let i = 1; i <= 30; i++) {
    assert.equal(await workerWith({ blobs: away }).runOnce(), true);
    assert.deepEqual([(await on.task(removal)).state, (await on.task(removal)).troubles], ["queued", i]);
    on.passMs(60_000);
  }
  await workerWith().runOnce();
  assert.equal((await on.task(removal)).state, "succeeded");
  assert.equal((await on.file(file.fileId)).blob_key, null);
});

test("a removal task never touches a file that is not deleted", async () => {
  const file = await newFile("alive.txt", textScript("alive"));
  await workerWith().runOnce();
  const removal = on.ids.next("task");
  const row = await on.task(file.taskId);
  await on.db
    .insertInto("tasks")
    .values({ ...row, id: removal, type: "remove", state: "queued", finished_at: null })
    .execute();
  await workerWith().runOnce();
  assert.equal((await on.task(removal)).state, "queued");
  assert.ok((await blobs.size(storedKey((await on.file(file.fileId)).blob_key ?? ""))) !== null);
  assert.equal((await staged("alive")).length, 1);
  await emptyQueue();
});

test("a document larger than memory allows goes through the spool, complete, in order and without a file left behind", async () => {
  const file = await newFile("huge.txt", hugeScript());
  await workerWith().runOnce();
  assert.equal((await on.file(file.fileId)).state, "indexed");
  assert.equal((await on.file(file.fileId)).active_chunks, HUGE_PAGES);
  const builds = await index.builds(team, { file: file.fileId, build: "" }, 1);
  assert.deepEqual(
    builds.map(({ build, chunks }) => [build, chunks]),
    [[`${file.taskId}_1`, HUGE_PAGES]],
  );
  assert.deepEqual(await readdir(join(on.folder, "spool")), []);
});

const HUGE_PAGES = 1500;

/** Three times what waits in memory. */
function hugeScript(): Script {
  const chars = Math.ceil((3 * LIMITS.chunkSpoolChars) / HUGE_PAGES / 2);
  return textScript(...Array.from({ length: HUGE_PAGES }, (_, i) => `page${i} `.padEnd(chars, "z")));
}

async function entriesOf(session: string): Promise<string[]> {
  const found: string[] = [];
  for await (const entry of blobs.list()) if ("session" in entry && entry.session === session) found.push(entry.kind);
  return found;
}

// The adapters are classes: their methods, bound, so that a test can replace one.

function blobMethods(store: BlobStore): BlobStore {
  return {
    beginSegment: (...call) => store.beginSegment(...call),
    readSegments: (...call) => store.readSegments(...call),
    publish: (...call) => store.publish(...call),
    put: (...call) => store.put(...call),
    size: (...call) => store.size(...call),
    read: (...call) => store.read(...call),
    remove: (...call) => store.remove(...call),
    removeSegments: (...call) => store.removeSegments(...call),
    list: () => store.list(),
    removeEntry: (...call) => store.removeEntry(...call),
    check: () => store.check(),
  };
}

function indexMethods(real: SearchIndex): SearchIndex {
  return {
    write: (...call) => real.write(...call),
    removeFile: (...call) => real.removeFile(...call),
    removeBuild: (...call) => real.removeBuild(...call),
    rank: (...call) => real.rank(...call),
    builds: (...call) => real.builds(...call),
    teams: () => real.teams(),
    close: async () => {},
  };
}

function failing(error: Error): () => Promise<never> {
  return () => Promise.reject(error);
}

function failingRead(error: Error): BlobStore["read"] {
  return async function* () {
    yield await Promise.reject(error);
  };
}

/** A catalogue that refuses the activation. */
function refusing(catalogue: Catalogue, error: Error): Catalogue {
  return {
    run: (operation, input) =>
      operation.name === activate.name ? Promise.reject(error) : catalogue.run(operation, input),
    listen: (topic, wake) => catalogue.listen(topic, wake),
    stats: () => catalogue.stats(),
    close: async () => {},
  };
}
