import assert from "node:assert/strict";
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, type TestContext, test } from "node:test";
import { brandId } from "../ids.ts";
import { createLog } from "../log.ts";
import { openDatabase } from "../sqlite/open-database.ts";
import { openFts5SearchIndex } from "./fts5.ts";
import { indexPath } from "./fts5-files.ts";
import { SearchIndexError } from "./search-index.ts";
import { ask, chunks } from "./test-chunks.ts";

const root = mkdtempSync(join(tmpdir(), "wharf-damaged-"));
after(() => rmSync(root, { recursive: true }));
let folders = 0;
const folder = () => join(root, String(folders++));

/** An index that ends with its test, also when that fails. */
async function open(t: TestContext, dir = folder(), damageSureMs?: number) {
  const index = await openFts5SearchIndex({
    dir,
    ...(damageSureMs === undefined ? {} : { damageSureMs }),
    log: createLog("silent"),
    fatal: (error) => {
      throw error;
    },
  });
  t.after(() => index.close());
  return index;
}

const TEAM = brandId("team", "team_01");

describe("an index file that is damaged", () => {
  test("a damaged index is trouble for reads and writes until it is discarded, and no other team's", async (t) => {
    const dir = folder();
    const other = brandId("team", "team_02");
    const first = await open(t, dir);
    for (const team of [TEAM, other]) await first.write(team, chunks("file_1", ["otter"]));
    await first.close();
    writeFileSync(indexPath(dir, TEAM), "not a database, ".repeat(1000));
    const index = await open(t, dir);
    await assert.rejects(index.write(TEAM, chunks("file_2", ["badger"])), SearchIndexError);
    await assert.rejects(index.rank(TEAM, ask("otter")), SearchIndexError);
    assert.equal((await index.rank(other, ask("otter"))).candidates.length, 1);
    await index.discard(TEAM);
    await index.write(TEAM, chunks("file_2", ["badger"]));
    assert.equal((await index.rank(TEAM, ask("badger"))).candidates.length, 1);
    await index.close();
  });

  test("damage that is met again counts as certain, an outage never, and a discard ends it", async (t) => {
    const dir = folder();
    const first = await open(t, dir);
    const other = brandId("team", "team_02");
    for (const team of [TEAM, other]) await first.write(team, chunks("file_1", ["otter"]));
    await first.close();
    writeFileSync(indexPath(dir, TEAM), "not a database, ".repeat(1000));
    const index = await open(t, dir, 0);
    const isDamage = (error: unknown) => error instanceof SearchIndexError && error.isDamage;
    await assert.rejects(index.write(TEAM, chunks("file_2", ["badger"])), isDamage);
    assert.deepEqual(index.damaged(), []);
    await assert.rejects(index.rank(TEAM, ask("otter")), isDamage);
    assert.deepEqual(index.damaged(), [TEAM]);
    await index.discard(TEAM);
    assert.deepEqual(index.damaged(), []);
    await index.write(TEAM, chunks("file_2", ["badger"]));

    // Of a newer version: no damage, and nothing that may be thrown away without being asked.
    const newer = openDatabase(indexPath(dir, other));
    newer.exec("PRAGMA user_version = 1000");
    newer.close();
    for (let i = 0; i < 3; i++) await assert.rejects(index.rank(other, ask("otter")), (error) => !isDamage(error));
    assert.deepEqual(index.damaged(), []);
  });

  test("a file that was cut short is trouble, never a wrong answer", async (t) => {
    const dir = folder();
    const first = await open(t, dir);
    await first.write(
      TEAM,
      chunks(
        "file_1",
        Array.from({ length: 80 }, (_, n) => `otter number ${n} ${"filler ".repeat(30)}`),
      ),
    );
    await first.close();
    truncateSync(indexPath(dir, TEAM), 8192);
    const index = await open(t, dir);
    await assert.rejects(index.rank(TEAM, ask("otter")), SearchIndexError);
    await assert.rejects(index.write(TEAM, chunks("file_2", ["badger"])), SearchIndexError);
    await index.close();
  });

  test("an index file taken away under the server is trouble: nothing more is acknowledged into it", async (t) => {
    const dir = folder();
    const index = await open(t, dir);
    await index.write(TEAM, chunks("file_1", ["otter"]));
    rmSync(indexPath(dir, TEAM));
    for (let i = 0; i < 2; i++) await assert.rejects(index.write(TEAM, chunks("file_2", ["badger"])), SearchIndexError);
    await index.discard(TEAM);
    await index.write(TEAM, chunks("file_1", ["otter"]));
    assert.equal((await index.rank(TEAM, ask("otter"))).candidates.length, 1);
    await index.close();
  });
});
