import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { setTimeout } from "node:timers/promises";
import { brandId } from "../ids.ts";
import { createLog } from "../log.ts";
import { openDatabase } from "../sqlite/open-database.ts";
import { openFts5SearchIndex } from "./fts5.ts";
import { createIndexDirectory, indexPath } from "./fts5-files.ts";
import { Fts5Postings } from "./fts5-postings.ts";
import { Fts5Writer } from "./fts5-writer.ts";
import { ask, chunks } from "./test-chunks.ts";

const root = mkdtempSync(join(tmpdir(), "wharf-trees-"));
after(() => rmSync(root, { recursive: true }));

const TEAM = brandId("team", "team_01");
/** One on each level that some forty small commits reach, and one to spare. */
const FEW = 4;

test("what was written bit by bit stands in few trees once nobody writes, and is found as before", async (t) => {
  const dir = join(root, "thread");
  const index = await openFts5SearchIndex({
    dir,
    log: createLog("silent"),
    fatal: (error) => {
      throw error;
    },
  });
  t.after(() => index.close());
  for (let n = 0; n < 40; n++) await index.write(TEAM, chunks(`file_${100 + n}`, [`otter number ${n}`]));
  const before = await index.rank(TEAM, ask("otter 17"));
  assert.ok(treesOf(dir) > FEW, `${treesOf(dir)} trees`);
  for (let tries = 0; treesOf(dir) > FEW; tries++) {
    assert.ok(tries < 400, "nobody merges them");
    await setTimeout(50);
  }
  assert.deepEqual(await index.rank(TEAM, ask("otter 17")), before);
});

test("a merge's log is truncated, too", () => {
  const dir = join(root, "log");
  createIndexDirectory(dir);
  const writer = new Fts5Writer(dir);
  for (let n = 0; n < 5; n++)
    writer.commit([
      { id: 1, method: "write", input: { kind: "write", team: TEAM, write: chunks(`file_${n}`, ["otter"]) } },
    ]);
  writer.truncateLogs(writer.logs());
  assert.deepEqual(writer.logs(), []);
  assert.ok(writer.quietStep());
  assert.deepEqual(writer.logs(), [TEAM], "nobody would truncate it");
  writer.close();
});

/** Of FTS5's inverted index. */
function treesOf(dir: string): number {
  const database = openDatabase(indexPath(dir, TEAM), { readOnly: true });
  try {
    return new Fts5Postings(database).open().length;
  } finally {
    database.close();
  }
}

test("a team whose index is thrown away before its log's turn comes gets no file again", () => {
  const dir = join(root, "discarded");
  createIndexDirectory(dir);
  const writer = new Fts5Writer(dir);
  writer.commit([{ id: 1, method: "write", input: { kind: "write", team: TEAM, write: chunks("file_1", ["otter"]) } }]);
  const teams = writer.logs();
  assert.deepEqual(teams, [TEAM]);
  writer.commit([{ id: 2, method: "discard", input: { kind: "discard", team: TEAM } }]);
  writer.copyLogs(teams);
  writer.truncateLogs(teams);
  assert.equal(existsSync(indexPath(dir, TEAM)), false);
  writer.close();
});
