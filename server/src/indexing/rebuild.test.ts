import assert from "node:assert/strict";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, test } from "node:test";
import { storedKey, textKey } from "../blobs/keys.ts";
import type { Log } from "../log.ts";
import { IndexAudit } from "../maintenance/index-audit.ts";
import { runRound } from "../maintenance/test-rounds.ts";
import { titleTokenText } from "../search-index/analyze.ts";
import { rebuildMarks } from "../search-index/rebuild-marks.ts";
import { SearchIndexError } from "../search-index/search-index.ts";
import { type RebuildDeps, rebuildIndex } from "./rebuild.ts";
import { textScript } from "./test-documents.ts";
import { indexMethods, openTestIndexing, type TestIndexing } from "./test-indexing.ts";

let t: TestIndexing;
beforeEach(async () => {
  t = await openTestIndexing();
});
afterEach(() => t.close());

const PAGES = [
  "The pilot boards at the outer buoy.",
  "Line ends\u2028inside, and \u{1F6A2} 漢字.",
  "A third page of the pilot.",
];
const ALL = { teamSlug: null, signal: new AbortController().signal };

function deps(index: RebuildDeps["index"] = t.index): RebuildDeps {
  const { catalogue, ids, folder } = t.on;
  return { catalogue, ids, blobs: t.blobs, index, indexDir: join(folder, "index") };
}

async function indexedFile(name: string, pages: readonly string[] = PAGES) {
  // As the product's child says it; textScript has one title for all.
  const file = await t.newFile(name, { ...textScript(...pages), titleTokens: titleTokenText(name, name) });
  await t.workerWith().runOnce();
  assert.equal((await t.on.file(file.fileId)).state, "indexed");
  return file;
}

/** Everything that a search could see: texts, places and scores. */
function ranked(text: string) {
  return t.index.rank(t.team, {
    text,
    buckets: [t.bucket],
    tags: ["blue"],
    files: null,
    limit: 100,
    termBudgetRows: null,
  });
}

const silent: Log = { debug() {}, info() {}, warn() {}, error() {}, fatal() {} };

test("a rebuilt index ranks, scores and cites exactly as the old one did", async () => {
  await indexedFile("one.txt");
  await indexedFile("two.txt", ["Another pilot.", "漢字 again"]);
  const before = [await ranked("pilot"), await ranked("漢字 third")];
  assert.ok(before.every(({ candidates }) => candidates.length > 0));
  const report = await rebuildIndex(deps(), ALL);
  assert.deepEqual(report, { teams: 1, resumed: null, files: 2, chunks: 5, queued: 0 });
  assert.deepEqual([await ranked("pilot"), await ranked("漢字 third")], before);
  assert.equal(rebuildMarks(deps().indexDir).size, 0);
});

test("a rebuild that is killed after any write is known as unfinished, and the next one completes it", async () => {
  for (const name of ["a.txt", "b.txt", "c.txt"]) await indexedFile(name);
  const before = await ranked("pilot");
  for (let killedAfter = 0; killedAfter < 3; killedAfter++) {
    let writes = 0;
    const dying = {
      ...indexMethods(t.index),
      discard: (team: typeof t.team) => t.index.discard(team),
      async write(...call: Parameters<typeof t.index.write>) {
        if (writes++ === killedAfter) throw new Error("killed");
        await t.index.write(...call);
      },
    };
    await assert.rejects(rebuildIndex(deps(dying), ALL), /killed/);
    assert.equal((await ranked("pilot")).candidates.length, killedAfter * 2);
    assert.deepEqual([...rebuildMarks(deps().indexDir)], [[t.team, "rebuild"]]);
    const report = await rebuildIndex(deps(), ALL);
    assert.equal(report?.resumed, 1);
    assert.equal(report?.files, 3 - killedAfter, "what was written is not written again");
    assert.deepEqual(await ranked("pilot"), before);
  }
});

test("a rebuild that is killed around the discard begins with it again", async () => {
  await indexedFile("a.txt");
  const before = await ranked("pilot");
  for (const when of ["before", "after"] as const) {
    const dying = {
      ...indexMethods(t.index),
      async discard(team: typeof t.team) {
        if (when === "after") await t.index.discard(team);
        throw new Error("killed");
      },
    };
    await assert.rejects(rebuildIndex(deps(dying), ALL), /killed/);
    assert.deepEqual([...rebuildMarks(deps().indexDir).values()], ["discard"]);
    assert.equal((await rebuildIndex(deps(), ALL))?.files, 1);
    assert.deepEqual(await ranked("pilot"), before);
  }
});

test("a text that was cut into another number of chunks corrects the catalogue's and the buckets' counts", async () => {
  const file = await indexedFile("one.txt");
  await t.on.db.updateTable("files").set({ active_chunks: 7 }).where("id", "=", file.fileId).execute();
  await t.on.db.updateTable("buckets").set({ active_chunks: 7 }).where("id", "=", t.bucket).execute();
  await rebuildIndex(deps(), ALL);
  assert.equal((await t.on.file(file.fileId)).active_chunks, 3);
  assert.equal((await t.on.bucket(t.bucket)).active_chunks, 3);
});

const LOSSES = [
  { what: "missing", text: null },
  { what: "cut", text: '{"page":1,"label":null,"text":"The pil' },
  { what: "no JSON", text: "rubbish\n" },
  { what: "another page", text: '{"page":2,"label":null,"text":"x"}\n' },
];
for (const { what, text } of LOSSES)
  test(`a file whose kept text is damaged (${what}) is queued, read again, and found`, async () => {
    const file = await indexedFile("one.txt");
    const { active_build } = await t.on.file(file.fileId);
    const key = textKey(file.fileId, active_build ?? "");
    await t.blobs.remove(key);
    if (text !== null)
      await t.blobs.put(
        key,
        (async function* () {
          yield Buffer.from(text);
        })(),
      );
    assert.partialDeepStrictEqual(await rebuildIndex(deps(), ALL), { files: 0, queued: 1 });
    assert.equal((await t.on.file(file.fileId)).state, "indexed");
    await t.workerWith().runOnce();
    const again = await t.on.file(file.fileId);
    assert.equal((await ranked("pilot")).candidates.filter(({ build }) => build === again.active_build).length, 2);
    assert.ok(await t.blobs.size(storedKey(again.text_key ?? "")));
  });

test("an unknown team is refused, and nothing is thrown away", async () => {
  await indexedFile("one.txt");
  assert.equal(await rebuildIndex(deps(), { ...ALL, teamSlug: "nobody" }), null);
  assert.equal((await ranked("pilot")).candidates.length, 2);
});

test("files that a lost index does not hold are noticed by the server, queued, and found again; the others are left alone", async () => {
  const lost = await indexedFile("lost.txt");
  const kept = await indexedFile("kept.txt");
  const { active_build } = await t.on.file(lost.fileId);
  await t.index.removeBuild(t.team, { file: lost.fileId, build: active_build ?? "" });
  const audit = new IndexAudit({ catalogue: t.on.catalogue, index: t.index, ids: t.on.ids, log: silent });
  assert.equal(audit.state, "being compared with the catalogue");
  await runRound(audit);
  assert.equal(audit.missing, 1);
  assert.match(audit.state, /^1 files were missing/);
  assert.equal((await t.on.file(kept.fileId)).task_id, kept.taskId);
  const { task_id } = await t.on.file(lost.fileId);
  assert.notEqual(task_id, lost.taskId);
  assert.equal((await t.on.task(task_id)).lane, "slow", "uploads wait behind it");
  // A second look before the task has run queues nothing more.
  await runRound(audit);
  await t.workerWith().runOnce();
  assert.equal(await t.workerWith().runOnce(), false);
  assert.equal((await ranked("pilot")).candidates.length, 4);
  await runRound(audit);
  assert.equal(audit.state, "ok");
});

test("an index that is gone as a whole is filled again by the server", async () => {
  for (const name of ["a.txt", "b.txt"]) await indexedFile(name);
  await t.index.discard(t.team);
  const audit = new IndexAudit({ catalogue: t.on.catalogue, index: t.index, ids: t.on.ids, log: silent });
  await runRound(audit);
  while (await t.workerWith().runOnce());
  assert.equal((await ranked("pilot")).candidates.length, 4);
});

test("an index that is damaged where no look at its builds sees it takes no file for ever: it is thrown away, and all is found again", async () => {
  await indexedFile("old.txt");
  // The inverted index alone: what the audit reads, and SQLite's own check, find nothing wrong.
  const database = new DatabaseSync(join(t.on.folder, "index", `${t.team}.db`));
  database.enableDefensive(false);
  database.exec("UPDATE words_data SET block = x'ffffffffffffffffffff' WHERE id > 1");
  database.close();
  const audit = new IndexAudit({ catalogue: t.on.catalogue, index: t.index, ids: t.on.ids, log: silent });
  const file = await t.newFile("new.txt", { ...textScript(...PAGES), titleTokens: titleTokenText("new", "new") });
  for (let tries = 0; tries < 2; tries++) {
    await t.workerWith().runOnce();
    assert.notEqual((await t.on.file(file.fileId)).state, "indexed", "its chunks cannot be written");
    t.on.passMs(60_000);
  }
  assert.match(audit.state, /^cannot be read for 1 teams: a damaged one is made anew/);
  await runRound(audit);
  assert.equal(audit.missing, 1);
  t.on.passMs(120_000);
  while (await t.workerWith().runOnce());
  assert.equal((await t.on.file(file.fileId)).state, "indexed");
  assert.equal((await ranked("pilot")).candidates.length, 4);
  await runRound(audit);
  assert.equal(audit.state, "ok");
});

test("a disk that damages each new index is not written to again and again: the operator is told", async () => {
  await indexedFile("one.txt");
  let discards = 0;
  const broken = new SearchIndexError("database disk image is malformed", { isDamage: true });
  const index = {
    ...indexMethods(t.index),
    builds: () => Promise.reject(broken),
    damaged: () => [t.team],
    async discard() {
      discards += 1;
    },
  };
  const audit = new IndexAudit({ catalogue: t.on.catalogue, index, ids: t.on.ids, log: silent });
  for (let round = 0; round < 3; round++) await runRound(audit);
  assert.equal(discards, 1);
  assert.match(audit.state, /if this stays, stop the server and run wharf reindex$/);
});
