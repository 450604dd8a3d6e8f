import { type Kysely, sql } from "kysely";
import { MIGRATIONS } from "../../src/catalogue/migrate.ts";
import type { Dialect } from "../../src/catalogue/migration.ts";
import type { Schema } from "../../src/catalogue/schema.ts";

const POSTGRES: Dialect = { integer: "bigint", strict: "" };

/**
 * The newest schema in a new PostgreSQL database, from the migrations that SQLite runs. What they do to rows is left
 * out: there are none, and it calls functions that only SQLite has.
 */
export async function createSchema(db: Kysely<Schema>): Promise<void> {
  for (const migration of MIGRATIONS)
    for (const statement of migration.statements(POSTGRES))
      if (/^(?:CREATE|ALTER) /.test(statement)) await sql.raw(toPostgres(statement)).execute(db);
}

/**
 * Texts compare byte by byte, as in SQLite, whatever language the database sorts by: slugs and ids are walked in pages,
 * and a page that begins after a text must not sort it otherwise than the code does.
 */
function toPostgres(statement: string): string {
  return statement.replace(/\btext\b/g, 'text COLLATE "C"');
}
