import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { getPriority, tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, type TestContext, test } from "node:test";
import { brandId } from "../ids.ts";
import { LIMITS } from "../limits.ts";
import { createLog } from "../log.ts";
import { openDatabase } from "../sqlite/open-database.ts";
import type { Answer } from "../sqlite/thread-protocol.ts";
import { titleTokenText } from "./analyze.ts";
import { openFts5SearchIndex } from "./fts5.ts";
import { createIndexDirectory, indexPath } from "./fts5-files.ts";
import type { WriterCall } from "./fts5-protocol.ts";
import { Fts5Writer } from "./fts5-writer.ts";
import { describeSearchIndex } from "./search-index.conformance.ts";
import type { SearchIndex } from "./search-index.ts";
import { ask, chunks, file } from "./test-chunks.ts";
import { toFirstFormat, toSecondAnalyser, toThirdAnalyser } from "./test-older-index.ts";

const root = mkdtempSync(join(tmpdir(), "wharf-index-"));
after(() => rmSync(root, { recursive: true }));
let folders = 0;
const folder = () => join(root, String(folders++));

const start = (dir: string, readers?: number) =>
  openFts5SearchIndex({
    dir,
    ...(readers === undefined ? {} : { readers }),
    log: createLog("silent"),
    fatal: (error) => {
      throw error;
    },
  });

/** An index that ends with its test, also when that fails. */
async function open(t: TestContext, dir = folder()): Promise<SearchIndex> {
  const index = await start(dir);
  t.after(() => index.close());
  return index;
}

const NO_TASKS = existsSync("/proc/self/task") ? false : "the system does not tell of threads";

describeSearchIndex("fts5", () => start(folder()), { skip: [] });

const TEAM = brandId("team", "team_01");

describe("fts5 files", () => {
  test("what was written is there after a restart", async (t) => {
    const dir = folder();
    const first = await open(t, dir);
    await first.write(TEAM, chunks("file_1", ["otter"]));
    await first.close();
    const second = await open(t, dir);
    assert.equal((await second.rank(TEAM, ask("otter"))).candidates.length, 1);
    await second.close();
  });

  test("of its threads the one that writes alone yields to those that answer", { skip: NO_TASKS }, async (t) => {
    const before = priorities();
    const index = await open(t);
    const writes = Math.min(19, getPriority(0) + LIMITS.indexWriterYields);
    const added = (priority: number) => count(priorities(), priority) - count(before, priority);
    assert.equal(added(writes), 1);
    assert.equal(added(getPriority(0)), 1, "a start waits for one that reads");
    // The others start with the first read.
    await index.rank(TEAM, ask("otter"));
    while (added(getPriority(0)) < LIMITS.indexReaders) await index.rank(TEAM, ask("otter"));
    assert.equal(added(getPriority(0)), LIMITS.indexReaders);
  });

  test("an index of the first format is searched as it is, and finds no less while it is read again", async (t) => {
    const dir = folder();
    const texts = Array.from({ length: 50 }, (_, n) => `Teil KT-55-${n} ٢٠٢٤ C++ otter`);
    const first = await open(t, dir);
    await first.write(TEAM, chunks("file_1", texts, { title: "Liste", tags: ["Gro\u0308ße"] }));
    await first.close();
    toFirstFormat(indexPath(dir, TEAM));
    const index = await open(t, dir);
    const found = async (text: string, tags: readonly string[] = []) =>
      (await index.rank(TEAM, { ...ask(text), tags })).candidates.length;
    const askAll = async () => [await found("otter"), await found("٢٠٢٤"), await found("C++"), await found("liste")];
    assert.deepEqual(await askAll(), [50, 50, 50, 50]);
    assert.equal(await found("otter", ["Gro\u0308ße"]), 50);
    assert.equal(await found("KT5517"), 0);
    const names = [{ file: file("file_1"), titleTokens: titleTokenText("liste.csv", "Liste"), tags: ["Größe"] }];
    let batches = 0;
    const refresh = () =>
      index.refresh(TEAM, async (files) => {
        assert.deepEqual(files, [file("file_1")]);
        // The same batch, once before: it then comes again, as after a crash between it and its answer, and
        // changes nothing.
        await index.refresh(TEAM, async () => names);
        return names;
      });
    while ((await refresh()) > 0) {
      batches += 1;
      assert.deepEqual(await askAll(), [50, 50, 50, 50]);
      assert.equal(await found("otter", ["Gro\u0308ße"]), 50);
    }
    assert.equal(batches, Math.ceil(50 / LIMITS.indexReadAgainBatch));
    assert.deepEqual(await askAll(), [50, 50, 50, 50]);
    assert.equal(await found("C"), 50);
    assert.equal(await found("2024"), 50);
    assert.equal(await found("otter", ["Größe"]), 50);
    assert.equal((await index.rank(TEAM, ask("KT5517"))).candidates[0]?.position, 17);
    // As if it had been written by this version: scores come from the same counts.
    const fresh = await open(t);
    await fresh.write(TEAM, {
      ...chunks("file_1", texts, { tags: ["Größe"] }),
      titleTokens: names[0]?.titleTokens ?? "",
    });
    assert.deepEqual(
      await index.rank(TEAM, ask("otter 2024 KT-55-17")),
      await fresh.rank(TEAM, ask("otter 2024 KT-55-17")),
    );
  });

  test("an index of the second analyser finds no less while it is read again, and what the third one reads afterwards", async (t) => {
    const dir = folder();
    const first = await open(t, dir);
    await first.write(TEAM, chunks("file_1", ["Brand™ otter"]));
    await first.close();
    toSecondAnalyser(indexPath(dir, TEAM));
    const index = await open(t, dir);
    const found = async (text: string) => (await index.rank(TEAM, ask(text))).candidates.length;
    assert.deepEqual([await found("Brand™"), await found("brand"), await found("otter")], [1, 0, 1]);
    const names = [{ file: file("file_1"), titleTokens: "", tags: [] }];
    while ((await index.refresh(TEAM, async () => names)) > 0);
    assert.deepEqual([await found("Brand™"), await found("brand"), await found("otter")], [1, 1, 1]);
  });

  test("an index of the third analyser finds a number before its sign is read, and the sign first afterwards", async (t) => {
    const dir = folder();
    const first = await open(t, dir);
    await first.write(TEAM, chunks("file_1", ["10 ships", "a share of 10 % of all"]));
    await first.close();
    toThirdAnalyser(indexPath(dir, TEAM));
    const index = await open(t, dir);
    const found = async () => (await index.rank(TEAM, ask("10%"))).candidates.map(({ position }) => position);
    assert.deepEqual((await found()).toSorted(), [0, 1]);
    while ((await index.refresh(TEAM, async () => [{ file: file("file_1"), titleTokens: "", tags: [] }])) > 0);
    assert.deepEqual(await found(), [1, 0]);
  });

  test("a removed file's words are in no file of the folder once the log is truncated", async (t) => {
    const dir = folder();
    const index = await open(t, dir);
    const canary = ["xylocanary", "quagglebird", "zimmerflood"];
    await index.write(TEAM, chunks("file_1", ["otter stream", "heron lake"]));
    await index.write(
      TEAM,
      chunks("file_2", [canary.join(" "), `${canary.join(" ")} again`], { title: "Titlecanary" }),
    );
    assert.ok(holds(dir, canary[0] ?? ""), "the search for the canary would find it");
    await index.removeFile(TEAM, file("file_2"));
    // Closing truncates the logs as the idle writer does every 15 s.
    await index.close();
    for (const word of [...canary, "titlecanari", "quagglebird zimmerflood"]) assert.ok(!holds(dir, word), word);
    assert.ok(holds(dir, "otter stream"));
  });

  test("a removal too large to be thorough leaves no word either once it is merged, also when a restart came between", () => {
    const dir = folder();
    createIndexDirectory(dir);
    const total = LIMITS.indexThoroughRemovalChunks + 50;
    const texts = Array.from({ length: total }, (_, n) => `xylocanary number ${n}`);
    const first = new Fts5Writer(dir);
    call(first, { kind: "write", team: TEAM, write: chunks("file_1", ["otter stream"]) });
    call(first, { kind: "write", team: TEAM, write: chunks("file_2", texts) });
    while (call(first, { kind: "remove", team: TEAM, file: file("file_2"), build: null }) === true);
    first.close();
    const second = new Fts5Writer(dir);
    call(second, { kind: "write", team: TEAM, write: chunks("file_3", ["badger"]) });
    while (second.idleStep());
    second.close();
    assert.ok(!holds(dir, "xylocanary"));
    assert.ok(holds(dir, "otter"));
  });

  test("in how many chunks a word occurs is counted exactly, whatever shares a commit, and without what failed in it", () => {
    const dir = folder();
    createIndexDirectory(dir);
    const writer = new Fts5Writer(dir);
    const write = (name: string, texts: readonly string[]): WriterCall => ({
      kind: "write",
      team: TEAM,
      write: chunks(name, texts, { title: "otter list" }),
    });
    const good = chunks("file_4", ["otter alone", "otter with a half page"]);
    const half = good.chunks.map((chunk) => ({ ...chunk, page: chunk.position + 0.5 * chunk.position }));
    const odd = chunks("file_5", ["7"]);
    const strange = ['say"so', "back\\slash", "__proto__", "42", "größe", "東京", "line\nfeed"];
    commit(writer, [write("file_1", ["otter and badger", "badger 東京"]), write("file_2", ["otter gone"])]);
    const answers = commit(writer, [
      write("file_3", ["otter and stoat"]),
      { kind: "write", team: TEAM, write: { ...good, chunks: half } },
      { kind: "remove", team: TEAM, file: file("file_2"), build: null },
      write("file_1", ["otter and weasel", "badger"]),
      {
        kind: "write",
        team: TEAM,
        write: { ...odd, chunks: odd.chunks.map((chunk) => ({ ...chunk, tokens: strange.join(" ") })) },
      },
    ]);
    assert.deepEqual(
      answers.map((answer) => "output" in answer),
      [true, false, true, true, true],
    );
    writer.close();
    const database = openDatabase(indexPath(dir, TEAM));
    const counted = new Map<unknown, unknown>(
      database
        .prepare("SELECT term, chunks FROM terms")
        .all()
        .map(({ term, chunks }) => [term, chunks]),
    );
    for (const term of strange) assert.equal(counted.get(term), 1, term);
    // FTS5 takes these apart: the analyser makes no such term, only a reader that was taken over would.
    for (const term of strange.filter((each) => /["\\\n]/.test(each))) counted.delete(term);
    database.exec("CREATE VIRTUAL TABLE temp.vocabulary USING fts5vocab(main, words, 'row')");
    const own = database.prepare("SELECT term, doc FROM vocabulary").all();
    const apart = new Set(["say", "so", "back", "slash", "line", "feed"]);
    assert.deepEqual(
      counted,
      new Map(own.filter(({ term }) => !apart.has(String(term))).map(({ term, doc }) => [term, doc])),
    );
    assert.deepEqual(database.prepare("SELECT chunks FROM totals").get()?.["chunks"], 4);
    database.close();
  });

  test("an index that is read again is merged once, when that is through, and then no removed word is left", () => {
    const dir = folder();
    createIndexDirectory(dir);
    const chunksOfOne = LIMITS.indexReadAgainBatch * 3;
    const texts = Array.from({ length: chunksOfOne }, (_, n) => `xylocanary number ${n}`);
    const before = new Fts5Writer(dir);
    for (const name of ["file_1", "file_2"])
      call(before, { kind: "write", team: TEAM, write: chunks(name, name === "file_1" ? texts : ["otter stream"]) });
    before.close();
    toFirstFormat(indexPath(dir, TEAM));
    const writer = new Fts5Writer(dir);
    const readAgain = (upTo: number) => call(writer, { kind: "read-again", team: TEAM, upTo, names: [] });
    const remove = () => call(writer, { kind: "remove", team: TEAM, file: file("file_1"), build: null });
    readAgain(LIMITS.indexReadAgainBatch);
    assert.ok(!writer.idleStep(), "a merge would begin anew with the next batch");
    while (remove() === true);
    assert.ok(!writer.idleStep(), "the other file is to be read again");
    readAgain(chunksOfOne + 1);
    assert.ok(writer.idleStep());
    while (writer.idleStep());
    writer.close();
    assert.ok(!holds(dir, "xylocanary"));
    assert.ok(holds(dir, "otter"));
  });

  test("filters that let most through one by one and nothing together find nothing", async (t) => {
    const index = await open(t);
    for (const [n, tags] of [
      ["a", "b"],
      ["b", "c"],
      ["c", "a"],
    ].entries())
      await index.write(TEAM, { ...chunks(`file_${n}`, ["otter", "otter"]), tags });
    const found = async (tags: readonly string[]) => await index.rank(TEAM, { ...ask("otter"), tags });
    assert.deepEqual(await found(["a", "b", "c"]), { candidates: [], complete: true, termsIgnored: [] });
    assert.equal((await found(["a", "b"])).candidates.length, 2);
  });

  test("a discard is heard by every reading thread", async (t) => {
    const index = await start(folder(), 3);
    t.after(() => index.close());
    /** As many at once as there are threads: each thread has one, and has opened the team's file. */
    const onAll = (word: string) => Promise.all(Array.from({ length: 3 }, () => index.rank(TEAM, ask(word))));
    const found = async (word: string) => (await onAll(word)).map((ranking) => ranking.candidates.length);
    await index.write(TEAM, chunks("file_1", ["otter"]));
    assert.deepEqual(await found("otter"), [1, 1, 1]);
    await index.discard(TEAM);
    await index.write(TEAM, chunks("file_2", ["badger"]));
    assert.deepEqual(await found("otter"), [0, 0, 0]);
    assert.deepEqual(await found("badger"), [1, 1, 1]);
  });

  test("more teams than files that may be open are written and read", async (t) => {
    const index = await open(t);
    const teams = Array.from({ length: LIMITS.indexOpenFiles + 6 }, (_, n) => brandId("team", `team_${1000 + n}`));
    for (let round = 0; round < 2; round++) {
      for (const team of teams) await index.write(team, chunks(`file_${round}`, [`otter ${round}`]));
      for (const team of teams) assert.equal((await index.rank(team, ask("otter"))).candidates.length, round + 1);
    }
    assert.deepEqual(await index.teams(), teams);
    await index.close();
  });

  test("concurrent writes of many files and teams are all there", async (t) => {
    const index = await open(t);
    const teams = ["team_1", "team_2", "team_3"].map((id) => brandId("team", id));
    const names = Array.from({ length: 40 }, (_, n) => `file_${100 + n}`);
    await Promise.all(
      teams.flatMap((team) => names.map((name) => index.write(team, chunks(name, ["otter", "badger"])))),
    );
    for (const team of teams) {
      const builds = await index.builds(team, null, 100);
      assert.deepEqual(
        builds.map((build) => [build.file, build.chunks]),
        names.map((name) => [name, 2]),
      );
    }
    await index.close();
  });
});

/** Of each thread of this process that runs JavaScript beside the main one. */
function priorities(): readonly number[] {
  return readdirSync("/proc/self/task").flatMap((thread) => {
    const stat = readFileSync(`/proc/self/task/${thread}/stat`, "latin1");
    if (!stat.includes("(WorkerThread)")) return [];
    return [Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[16])];
  });
}

function count(all: readonly number[], one: number): number {
  return all.filter((each) => each === one).length;
}

function commit(writer: Fts5Writer, inputs: readonly WriterCall[]): readonly Answer[] {
  return writer.commit(inputs.map((input, id) => ({ id, method: input.kind, input })));
}

function call(writer: Fts5Writer, input: WriterCall): unknown {
  const [answer] = commit(writer, [input]);
  assert.ok(answer !== undefined && "output" in answer, JSON.stringify(answer));
  return answer.output;
}

function holds(dir: string, text: string): boolean {
  return readdirSync(dir).some((name) => readFileSync(join(dir, name)).includes(text));
}
