import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { BlobStore } from "../blobs/blob-store.ts";
import { storedKey, textKey } from "../blobs/keys.ts";
import { accepted } from "../errors.ts";
import { activate } from "../indexing/store.ts";
import { buildName } from "../search-index/build.ts";
import { reindexFile } from "./reindex-file.store.ts";
import { chunksOf, openTestFiles, type TestFile, type TestFiles, type TestTeam } from "./test-files.ts";
import { type TextRequest, textAnswer } from "./text.ts";

let f: TestFiles;
let team: TestTeam;
before(async () => {
  f = await openTestFiles();
  team = await f.newTeam();
});
after(() => f.close());

const log = { debug() {}, info() {}, warn() {}, error() {}, fatal() {} };

async function answer(blobs: BlobStore, file: TestFile, page: number | null = null): Promise<string> {
  const deps = { catalogue: f.t.catalogue, blobs, downloads: f.downloads, log };
  const request: TextRequest = { method: "GET", page, requestId: "req_1", by: { teamId: team.teamId, keyId: null } };
  const chunks: Uint8Array[] = [];
  const body = await textAnswer(deps, { teamId: team.teamId, fileId: file.fileId }, request);
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks).toString("utf8");
}

/** As indexing does it: the new build takes over, then the old one's text goes. */
async function takeOver(file: TestFile, text: string): Promise<void> {
  const taskId = f.t.ids.next("task");
  await f.t.catalogue.run(reindexFile, { teamId: team.teamId, fileId: file.fileId, taskId });
  const { attempt, fileId } = await f.claim(taskId);
  const build = buildName(taskId, attempt);
  const key = textKey(fileId, build);
  await f.blobs.put(key, chunksOf(Buffer.from(`${JSON.stringify({ page: 1, label: null, text })}\n`)));
  const made = {
    version: 1,
    build,
    chunks: 1,
    pages: 1,
    textKey: key,
    detectedType: "text/plain",
    warnings: "[]",
    labels: 0,
  };
  const { replaced } = accepted(await f.t.catalogue.run(activate, { fileId, taskId, attempt, ...made }));
  await f.blobs.remove(storedKey(replaced?.textKey ?? ""));
}

for (const page of [null, 1])
  test(`a build that takes over between row and text (${page === null ? "all pages" : "one page"}) is answered with its text`, async () => {
    const file = await f.newFile(team, { state: "indexed" });
    let reads = 0;
    const blobs: BlobStore = {
      ...f.blobs,
      async *read(key, range) {
        reads += 1;
        if (reads === 1) await takeOver(file, "The new text.");
        yield* f.blobs.read(key, range);
      },
    };
    assert.equal(JSON.parse(await answer(blobs, file, page)).pages[0].text, "The new text.");
    assert.equal(f.downloads.running, 0);
  });

test("lines that end anywhere in the store's chunks become the members of the array", async () => {
  const pages = [{ text: "" }, { text: "a" }, { text: 'b",{"page":4,' }, { text: "\n\\n" }, { text: "😀" }].map(
    (page) => ({ label: null, ...page }),
  );
  const file = await f.newFile(team, { state: "indexed", pages });
  for (let size = 1; size < 130; size += size < 40 ? 1 : 7) {
    const blobs: BlobStore = {
      ...f.blobs,
      async *read(key, range) {
        for await (const chunk of f.blobs.read(key, range))
          for (let at = 0; at < chunk.byteLength; at += size) yield chunk.subarray(at, at + size);
      },
    };
    assert.deepEqual(
      JSON.parse(await answer(blobs, file)).pages,
      pages.map((page, i) => ({ page: i + 1, ...page })),
    );
    for (const [i, page] of pages.entries())
      assert.deepEqual(JSON.parse(await answer(blobs, file, i + 1)).pages, [{ page: i + 1, ...page }]);
  }
});
