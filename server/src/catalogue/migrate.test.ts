import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { openCatalogue } from "../engines/catalogue.ts";
import { openDatabase } from "../sqlite/open-database.ts";
import { MIGRATIONS, NEWEST_VERSION, SQLITE } from "./migrate.ts";

const FILE = `INSERT INTO files (id, team_id, state, title, filename, content_type, size_bytes, sha256, tags, metadata, version, active_version, active_build,
  session_id, task_id, created_at, updated_at, deleted_at) VALUES ('file_' || $1, 'team_1', $1, '', '', 'text/plain', 1, '', '[]', '{}', 1,
  iif($1 = 'indexed', 1, NULL), iif($1 = 'indexed', 'b', NULL), 'sess_' || $1, 'task_' || $1, 1, 1, iif($1 = 'deleted', 1, NULL))`;

const SESSION = `INSERT INTO upload_sessions (id, team_id, state, filename, title, content_type, size_bytes, tags, metadata, bucket_ids, received_bytes,
  digest_state, md5, crc32c, created_at, updated_at, expires_at, ended_at, sha256, file_id, task_id) VALUES ('sess_' || $1, 'team_1', 'finalized', '', '',
  'text/plain', 1, '[]', '{}', '[]', 1, 'md5.crc', 'md5', 'crc', 1, 1, 1, 1, 'sha', 'file_' || $1, 'task_' || $1)`;

const RESPONSE = `INSERT INTO responses (id, team_id, conversation_id, question, answer, created_at, expires_at)
  VALUES ('resp_' || $1, 'team_1', 'conv_1', 'Où?', $1, 1, 2)`;

/** As a Wharf made it that began with the first schema, was in use, and was brought as far as `version` since. */
function fillOld(path: string, version: number): void {
  const old = openDatabase(path);
  old.exec("CREATE TABLE schema_migrations (version integer PRIMARY KEY, name text, applied_at integer)");
  const applied = old.prepare("INSERT INTO schema_migrations VALUES (?, ?, 1)");
  for (const migration of MIGRATIONS.slice(0, version)) {
    for (const [name, run] of Object.entries(migration.functions ?? {}))
      old.function(name, { deterministic: true }, (text) => run(String(text)));
    for (const statement of migration.statements(SQLITE)) old.exec(statement);
    applied.run(migration.version, migration.name);
    if (migration.version === 8) for (const answer of ["one", "zwölf"]) old.prepare(RESPONSE).run({ 1: answer });
    if (migration.version > 1) continue;
    old.exec("INSERT INTO teams (id, slug, name, created_at) VALUES ('team_1', 'team', 'Team', 1)");
    for (const state of ["queued", "indexed", "deleted"]) old.prepare(FILE).run({ 1: state });
    for (const state of ["indexed", "deleted"]) old.prepare(SESSION).run({ 1: state });
  }
  old.close();
}

for (const { version, name } of MIGRATIONS)
  test(`a catalogue of schema ${version} (${name}), with files in it, is brought to the newest and keeps them`, async (t) => {
    const folder = await mkdtemp(join(tmpdir(), "wharf-migrate-"));
    t.after(() => rm(folder, { recursive: true }));
    const path = join(folder, "catalogue.db");
    fillOld(path, version);

    await (await openCatalogue({ path, fatal: assert.ifError })).close();
    const now = openDatabase(path);
    t.after(() => now.close());
    assert.equal(
      now.prepare("SELECT max(version) AS version FROM schema_migrations").get()?.["version"],
      NEWEST_VERSION,
    );
    assert.deepEqual(
      now
        .prepare("SELECT state, warnings, extractor_version FROM files ORDER BY id")
        .all()
        .map((row) => [row["state"], row["warnings"], row["extractor_version"]]),
      [
        ["deleted", "[]", 1],
        ["indexed", "[]", 1],
        ["queued", "[]", 1],
      ],
    );
    const warned = now.prepare("UPDATE files SET warnings = '[1]' WHERE state = ?");
    assert.equal(warned.run("indexed").changes, 1);
    for (const state of ["queued", "deleted"]) assert.throws(() => warned.run(state), /CHECK/);

    // What a delete has left since the third schema.
    const digests = now.prepare("SELECT md5, crc32c, sha256, digest_state FROM upload_sessions ORDER BY id").all();
    assert.deepEqual(
      digests.map((row) => Object.values(row)),
      [
        ["", "", "", null],
        ["md5", "crc", "sha", "md5.crc"],
      ],
    );

    // Since the eleventh schema a team's kept answers are counted; one that began before the eighth has none.
    const sizes = now.prepare("SELECT bytes FROM responses ORDER BY id").all();
    const totals = now.prepare("SELECT team_id, bytes FROM response_totals").all();
    assert.deepEqual(
      [sizes, totals].map((rows) => rows.map((row) => Object.values(row))),
      version < 8 ? [[], []] : [[[7], [10]], [["team_1", 17]]],
    );
  });
