import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { createFirstKey, createKey, findCaller, listKeys, type NewKey } from "../access/store.ts";
import { catalogueLogBytes, openCatalogue } from "../engines/catalogue.ts";
import { createIdSource } from "../ids.ts";
import { serviceFigures } from "../metrics/store.ts";
import { openDatabase } from "../sqlite/open-database.ts";
import { type Catalogue, writeOperation } from "./catalogue.ts";
import { NO_LOCKS } from "./locks.ts";

const MIB = 1024 * 1024;
const ids = createIdSource({ now: () => Date.now() });

let folder: string;
let path: string;
let catalogue: Catalogue;
let fatal: Error[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "wharf-catalogue-"));
  path = join(folder, "catalogue.db");
  fatal = [];
  catalogue = await open();
});

afterEach(async () => {
  await catalogue.close();
  await rm(folder, { recursive: true });
});

function open(): Promise<Catalogue> {
  return openCatalogue({ path, fatal: (error) => fatal.push(error) });
}

let made = 0;
function newKey(name: string): NewKey {
  made += 1;
  return { id: ids.next("key"), name, hash: String(made).padStart(64, "0"), last4: "last", scopes: ["search"] };
}

function addKey(name: string) {
  return catalogue.run(createKey, { key: newKey(name), teamSlug: "team", newTeamId: ids.next("team") });
}

test("What was acknowledged is read at once, and is there after the catalogue was closed and opened", async () => {
  await Promise.all(Array.from({ length: 50 }, (_, index) => addKey(`key ${index}`)));
  assert.equal((await catalogue.run(listKeys, { teamSlug: "team" })).length, 50);
  await catalogue.close();
  catalogue = await open();
  assert.equal((await catalogue.run(listKeys, { teamSlug: "team" })).length, 50);
});

test("Close lets finish what was asked for before it", async () => {
  const asked = Array.from({ length: 30 }, (_, index) => addKey(`key ${index}`));
  await catalogue.close();
  await Promise.all(asked);
  catalogue = await open();
  assert.equal((await catalogue.run(listKeys, { teamSlug: "team" })).length, 30);
});

test("Two first starts at once make one team and one key", async () => {
  const starts = [1, 2].map(() =>
    catalogue.run(createFirstKey, { key: newKey("first"), teamSlug: "default", newTeamId: ids.next("team") }),
  );
  const created = (await Promise.all(starts)).filter((start) => start.created);
  assert.equal(created.length, 1);
});

test("A violated constraint is an error of the operation, and the next one works", async () => {
  const key = newKey("twice");
  const input = { key, teamSlug: "team", newTeamId: ids.next("team") };
  await catalogue.run(createKey, input);
  await assert.rejects(catalogue.run(createKey, { ...input, key: { ...key, id: ids.next("key") } }), /UNIQUE/);
  await addKey("after");
});

test("A schema newer than this program is refused with a sentence that says what to run", async () => {
  await catalogue.close();
  const database = openDatabase(path);
  database.exec("INSERT INTO schema_migrations (version, name, applied_at) VALUES (999, 'later', 0)");
  database.close();
  await assert.rejects(open(), { name: "ConfigError", message: /schema 999.*newer Wharf/ });
  assert.deepEqual(fatal, []);
  const mend = openDatabase(path);
  mend.exec("DELETE FROM schema_migrations WHERE version = 999");
  mend.close();
  catalogue = await open();
});

test("An operation that nobody registered is an error of its call; the thread goes on", async () => {
  const unknown = writeOperation("test.nowhere", NO_LOCKS, async () => "");
  await assert.rejects(catalogue.run(unknown, {}), /no operation test.nowhere/);
  await addKey("after");
  assert.deepEqual(fatal, []);
});

test("Reads without pause beside writers leave the write-ahead log under 32 MiB", { timeout: 60_000 }, async () => {
  // About 20 MB a second into the log when nothing truncates it; WHARF_TEST_LONG is the 30 s of the promise.
  const until = performance.now() + 6000;
  let reading = true;
  let largest = 0;
  const reader = (async () => {
    while (reading) {
      await catalogue.run(listKeys, { teamSlug: "none" });
      largest = Math.max(largest, catalogueLogBytes(path));
    }
  })();
  const writers = Array.from({ length: 32 }, async () => {
    while (performance.now() < until) await addKey("k".repeat(2000));
  });
  await Promise.all(writers);
  reading = false;
  await reader;
  const written = (await catalogue.run(listKeys, { teamSlug: "team" })).length * 2000;
  assert.ok(largest < 32 * MIB, `the log grew to ${largest} bytes`);
  assert.ok(written > 0);
});

test("A look-up does not wait behind walks over many rows", async () => {
  const database = openDatabase(path);
  database.exec(`
    WITH RECURSIVE row(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM row WHERE n < 50000)
    INSERT INTO teams (id, slug, name, open_sessions, created_at) SELECT 'team_' || n, 'slug' || n, 'name', 0, 0 FROM row`);
  database.close();
  const WALKS = 50;
  // Until the thread for walks is there, both share one: so again and again.
  for (let round = 0; round < 40; round++) {
    let walked = 0;
    const walks = Array.from({ length: WALKS }, () => catalogue.run(serviceFigures, {}).then(() => (walked += 1)));
    assert.equal(await catalogue.run(findCaller, { hash: "none" }), null);
    const before = walked;
    await Promise.all(walks);
    if (before < WALKS) return;
  }
  assert.fail(`each time the look-up was answered behind ${WALKS} walks`);
});
