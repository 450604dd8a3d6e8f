import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { copyFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { after, before, test } from "node:test";
import { openCatalogue } from "../engines/catalogue.ts";
import { metadataFingerprints } from "../files/metadata-fingerprint.ts";
import { tagKey } from "../files/tag-key.ts";
import { kyselyOver } from "../sqlite/kysely-sqlite.ts";
import { openDatabase } from "../sqlite/open-database.ts";
import { migrate, NEWEST_VERSION, SQLITE } from "./migrate.ts";
import { initial } from "./migrations/0001-initial.ts";
import type { Schema } from "./schema.ts";

const NFD = (text: string) => text.normalize("NFD");

/** As they were sent. */
const FILES: readonly { readonly tags: readonly string[]; readonly metadata: object }[] = [
  { tags: ["plain"], metadata: { year: 2024 } },
  { tags: [NFD("Größe"), "plain"], metadata: { kunde: NFD("Müller"), year: 2024, none: null, deep: { kunde: "x" } } },
  // Two spellings of one word are one key.
  { tags: [NFD("ä"), "ä"], metadata: { [NFD("ü")]: 1, ü: 1, [NFD("é")]: 2, é: "2" } },
  { tags: [], metadata: {} },
  { tags: ["\u212b", "각".normalize("NFD")], metadata: { list: [NFD("ö")], flag: true } },
];

const FILE = `INSERT INTO files (id, team_id, state, title, filename, content_type, size_bytes, sha256, tags, metadata, version,
  session_id, task_id, created_at, updated_at) VALUES ($1, 'team_1', 'queued', '', '', 'text/plain', 1, '', $2, $3, 1, 's' || $1, 't' || $1, 1, 1)`;

/** What the first schema's program wrote: every key as it was sent. */
function fillOld(path: string): void {
  const old = openDatabase(path);
  for (const statement of initial.statements(SQLITE)) old.exec(statement);
  old.exec("CREATE TABLE schema_migrations (version integer PRIMARY KEY, name text, applied_at integer) STRICT");
  old.exec("INSERT INTO schema_migrations VALUES (1, 'initial', 1)");
  old.exec("INSERT INTO teams (id, slug, name, created_at) VALUES ('team_1', 'team', 'Team', 1)");
  const tagged = old.prepare("INSERT INTO file_tags VALUES ('team_1', ?, ?)");
  const described = old.prepare("INSERT INTO file_metadata VALUES ('team_1', ?, ?)");
  for (const [index, { tags, metadata }] of FILES.entries()) {
    const id = `file_${index}`;
    old.prepare(FILE).run({ 1: id, 2: JSON.stringify(tags), 3: JSON.stringify(metadata) });
    for (const tag of tags) tagged.run(tag, id);
    for (const [key, value] of Object.entries(metadata))
      if (value === null || typeof value !== "object") described.run(fingerprintAsSent(key, value), id);
  }
  old.close();
}

function fingerprintAsSent(key: string, value: unknown): string {
  return createHash("sha256")
    .update(`${key}\0${JSON.stringify(value)}`)
    .digest("hex");
}

/** The keys that search compares, as today's program makes them of what was sent. */
function expectedKeys(): readonly (readonly string[])[] {
  return FILES.flatMap(({ tags, metadata }, index) => {
    const keys = [...tags.map(tagKey), ...metadataFingerprints(JSON.stringify(metadata))];
    return [...new Set(keys)].map((key) => [`file_${index}`, key]);
  }).sort();
}

function keysIn(path: string): readonly (readonly string[])[] {
  const now = openDatabase(path);
  const rows = now
    .prepare("SELECT file_id, tag AS key FROM file_tags UNION ALL SELECT file_id, fingerprint FROM file_metadata")
    .all();
  assert.equal(now.prepare("SELECT max(version) AS version FROM schema_migrations").get()?.["version"], NEWEST_VERSION);
  const sent = now.prepare("SELECT tags, metadata FROM files ORDER BY id").all();
  assert.deepEqual(
    sent.map(({ tags, metadata }) => [tags, metadata]),
    FILES.map(({ tags, metadata }) => [JSON.stringify(tags), JSON.stringify(metadata)]),
    "what was sent is kept as it was",
  );
  now.close();
  return rows.map(({ file_id, key }) => [String(file_id), String(key)]).sort();
}

/** Dies at the statement whose turn it is: nothing behind it runs, and nobody commits. */
class DyingDatabase extends DatabaseSync {
  left: number;

  constructor(path: string, statements: number) {
    super(path);
    this.left = statements;
  }

  override prepare(sql: string): StatementSync {
    this.left -= 1;
    if (this.left < 0) throw new Error("killed");
    return super.prepare(sql);
  }
}

let folder: string;
let first: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "wharf-nfc-"));
  first = join(folder, "first.db");
  fillOld(first);
});
after(() => rm(folder, { recursive: true }));

test("a catalogue of the first schema has its tags and metadata compared in NFC, and keeps what was sent", async () => {
  const path = join(folder, "whole.db");
  await copyFile(first, path);
  await (await openCatalogue({ path, fatal: assert.ifError })).close();
  assert.deepEqual(keysIn(path), expectedKeys());
});

test("killed at any statement of the migrations, or before its commit, it opens the next time with the same keys", async () => {
  let killedAt = 0;
  for (let whole = false; !whole; killedAt++) {
    const path = join(folder, `killed-${killedAt}.db`);
    await copyFile(first, path);
    const dying = new DyingDatabase(path, killedAt);
    dying.exec("BEGIN IMMEDIATE");
    const define = (name: string, run: (text: string) => string) => dying.function(name, (text) => run(String(text)));
    try {
      await migrate(kyselyOver<Schema>(dying), SQLITE, 2, define);
      whole = true;
    } catch (error) {
      assert.match(String(error), /killed/);
    }
    dying.close();
    await (await openCatalogue({ path, fatal: assert.ifError })).close();
    assert.deepEqual(keysIn(path), expectedKeys(), `killed at statement ${killedAt}`);
  }
  assert.ok(killedAt > 8, `${killedAt} statements`);
});
