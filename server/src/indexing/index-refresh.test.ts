import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import type { TeamId } from "../ids.ts";
import type { Log } from "../log.ts";
import { titleTokenText } from "../search-index/analyze.ts";
import type { FileNames, SearchIndex } from "../search-index/search-index.ts";
import { IndexRefresh } from "./index-refresh.ts";
import { textScript } from "./test-documents.ts";
import { indexMethods, openTestIndexing, type TestIndexing } from "./test-indexing.ts";

let t: TestIndexing;
beforeEach(async () => {
  t = await openTestIndexing();
});
afterEach(() => t.close());

const silent: Log = { debug() {}, info() {}, warn() {}, error() {}, fatal() {} };

/** The real index, which says that its chunks are outdated, one batch a file, until they were read again. */
function outdatedIndex(files: readonly { readonly fileId: FileNames["file"] }[], onRead: () => void = () => {}) {
  const read: FileNames[] = [];
  let at = 0;
  const index = {
    ...indexMethods(t.index),
    refresh: async (_team: TeamId, namesOf: Parameters<SearchIndex["refresh"]>[1]) => {
      const next = files[at];
      if (next === undefined) return 0;
      at += 1;
      read.push(...(await namesOf([next.fileId])));
      onRead();
      return 1;
    },
  };
  return { index, read };
}

async function indexed(name: string) {
  const file = await t.newFile(name, textScript("otter"));
  await t.workerWith().runOnce();
  return file;
}

test("every file is read again with its title, file name and tags of now; one that is deleted goes without", async () => {
  const files = [await indexed("one.txt"), await indexed("two.txt")];
  const { index, read } = outdatedIndex([...files, { fileId: t.on.ids.next("file") }]);
  const refresh = new IndexRefresh({ catalogue: t.on.catalogue, index, log: silent });
  assert.equal(refresh.state, null);
  await refresh.runOnce();
  assert.deepEqual(
    read.map(({ file }) => file),
    files.map(({ fileId }) => fileId),
  );
  assert.equal(read[0]?.titleTokens, titleTokenText("one.txt", "one.txt"));
  assert.deepEqual(read[0]?.tags, ["blue"]);
  assert.equal(refresh.state, null);
});

test("between two batches it rests three times as long as one took, so that clients have the machine", async () => {
  const files = [await indexed("one.txt"), await indexed("two.txt")];
  const { index } = outdatedIndex(files);
  const times: { began: number; ended: number }[] = [];
  const slow: SearchIndex = {
    ...index,
    async refresh(...given) {
      const began = performance.now();
      await wait(20);
      const chunks = await index.refresh(...given);
      times.push({ began, ended: performance.now() });
      return chunks;
    },
  };
  await new IndexRefresh({ catalogue: t.on.catalogue, index: slow, log: silent }).runOnce();
  const [first, second] = times;
  assert.ok(first && second);
  assert.ok(second.began - first.ended >= 2.9 * (first.ended - first.began));
});

test("a stop ends it between two batches, and says meanwhile how far it is", async () => {
  const files = [await indexed("one.txt"), await indexed("two.txt"), await indexed("three.txt")];
  let stopped: Promise<void> | null = null;
  const { index, read } = outdatedIndex(files, () => {
    stopped ??= refresh.stop();
  });
  const refresh: IndexRefresh = new IndexRefresh({ catalogue: t.on.catalogue, index, log: silent });
  refresh.start();
  await refresh.stop();
  await stopped;
  assert.ok(read.length <= 1);
  if (read.length === 1) assert.match(refresh.state ?? "", /^1 passages have been read again/);
});
