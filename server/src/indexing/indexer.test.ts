import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { test } from "node:test";
import { openFsBlobStore } from "../blobs/fs.ts";
import { originalKey, storedKey } from "../blobs/keys.ts";
import { createExtractionPool } from "../extraction/pool.ts";
import { createLog } from "../log.ts";
import { openFts5SearchIndex } from "../search-index/fts5.ts";
import { openTestCatalogue } from "../tasks/test-catalogue.ts";
import { createIndexer } from "./indexer.ts";

test("a finalized file becomes indexed, active and findable by itself, with its text kept by page", async () => {
  const on = await openTestCatalogue();
  const log = createLog("warn");
  const blobs = await openFsBlobStore({ root: join(on.folder, "blobs") });
  const index = await openFts5SearchIndex({ dir: join(on.folder, "index"), log, fatal: () => {} });
  const extractor = await createExtractionPool({ places: 1, log });
  const { catalogue, queue } = on;
  const indexer = createIndexer({
    catalogue,
    queue,
    blobs,
    arrivals: { discard: (session) => blobs.removeSegments(session) },
    index,
    extractor,
    log,
    spoolFolder: join(on.folder, "spool"),
    workers: 1,
  });
  try {
    const team = await on.newTeam();
    const bucket = await on.newBucket(team);
    const content = Buffer.from("The quay was rebuilt in granite. Ships moor there.\n");
    const sha256 = createHash("sha256").update(content).digest("hex");
    const sessionId = on.ids.next("sess");
    await blobs.put(originalKey(sessionId, sha256), streamOf(content));
    const { fileId, taskId } = await on.newFile({ team, bucket, bytes: content.length, sha256, sessionId });
    const changed = waitFor(async () => (await on.file(fileId)).state === "indexed", 15_000);
    await indexer.start();
    await changed;
    const file = await on.file(fileId);
    assert.equal(file.active_build, `${taskId}_1`);
    assert.equal(file.detected_content_type, "text/plain");
    assert.deepEqual(await on.memberships(fileId), ["active"]);
    assert.equal((await on.bucket(bucket)).active_chunks, file.active_chunks);
    assert.equal((await on.task(taskId)).state, "succeeded");
    const query = {
      text: "granite",
      buckets: [bucket],
      tags: [],
      files: null,
      limit: 10,
      termBudgetRows: null,
    };
    const { candidates } = await index.rank(team, query);
    assert.deepEqual(
      candidates.map(({ build }) => build),
      [`${taskId}_1`],
    );
    const text = await textOf(blobs.read(storedKey(file.text_key ?? "")));
    assert.deepEqual(JSON.parse(text), { page: 1, label: null, text: content.toString("utf8").trimEnd() });
  } finally {
    await indexer.stop();
    await extractor.close();
    await index.close();
    await on.close();
  }
});

async function* streamOf(content: Uint8Array): AsyncGenerator<Uint8Array> {
  yield content;
}

async function textOf(chunks: AsyncIterable<Uint8Array>): Promise<string> {
  const parts: Uint8Array[] = [];
  for await (const chunk of chunks) parts.push(chunk);
  return Buffer.concat(parts).toString("utf8");
}

async function waitFor(holds: () => Promise<boolean>, ms: number): Promise<void> {
  const end = performance.now() + ms;
  while (!(await holds())) {
    if (performance.now() > end) throw new Error("did not happen in time");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
