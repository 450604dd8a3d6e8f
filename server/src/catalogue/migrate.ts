import { type Kysely, sql } from "kysely";
import type { Dialect, Migration, SqlFunction } from "./migration.ts";
import { initial } from "./migrations/0001-initial.ts";
import { fileWarnings } from "./migrations/0002-file-warnings.ts";
import { digestsOfDeletedFiles } from "./migrations/0003-digests-of-deleted-files.ts";
import { extractorVersion } from "./migrations/0004-extractor-version.ts";
import { nfcKeys } from "./migrations/0005-nfc-keys.ts";
import { taskCrashes } from "./migrations/0006-task-crashes.ts";
import { maintenancePositions } from "./migrations/0007-maintenance-positions.ts";
import { agents } from "./migrations/0008-agents.ts";
import { bucketsAndBatches } from "./migrations/0009-buckets-and-batches.ts";
import { dashboard } from "./migrations/0010-dashboard.ts";
import { keptResponses } from "./migrations/0011-kept-responses.ts";
import type { Schema } from "./schema.ts";

export const SQLITE: Dialect = { integer: "integer", strict: " STRICT" };

export const MIGRATIONS: readonly Migration[] = [
  initial,
  fileWarnings,
  digestsOfDeletedFiles,
  extractorVersion,
  nfcKeys,
  taskCrashes,
  maintenancePositions,
  agents,
  bucketsAndBatches,
  dashboard,
  keptResponses,
];
export const NEWEST_VERSION = MIGRATIONS.length;

/** The data was written by a newer Wharf: refuse rather than guess. */
export class SchemaTooNewError extends Error {
  override readonly name = "SchemaTooNewError";
}

/**
 * Brings the database to the newest schema. The caller holds what keeps a second process out (server.lock; an advisory
 * lock on PostgreSQL) and runs it inside one transaction, so that a kill at any statement leaves the old schema whole.
 * `define` makes a function known to the database's SQL.
 */
export async function migrate(
  db: Kysely<Schema>,
  dialect: Dialect,
  now: number,
  define: (name: string, run: SqlFunction) => void,
): Promise<void> {
  await sql
    .raw(
      `CREATE TABLE IF NOT EXISTS schema_migrations (
        version ${dialect.integer} PRIMARY KEY NOT NULL, name text NOT NULL, applied_at ${dialect.integer} NOT NULL
      )${dialect.strict}`,
    )
    .execute(db);
  const applied = await db.selectFrom("schema_migrations").select("version").execute();
  const current = Math.max(0, ...applied.map((row) => row.version));
  if (current > NEWEST_VERSION)
    throw new SchemaTooNewError(
      `The data has schema ${current}, but this Wharf knows only up to ${NEWEST_VERSION}. Run the newer Wharf that wrote it.`,
    );
  for (const migration of MIGRATIONS.slice(current)) {
    for (const [name, run] of Object.entries(migration.functions ?? {})) define(name, run);
    for (const statement of migration.statements(dialect)) await sql.raw(statement).execute(db);
    await db
      .insertInto("schema_migrations")
      .values({ version: migration.version, name: migration.name, applied_at: now })
      .execute();
  }
}
