import { DatabaseSync } from "node:sqlite";
import { quickCheck } from "../sqlite/quick-check.ts";
import { NEWEST_VERSION } from "./migrate.ts";

export interface CatalogueInspection {
  /** Version of the schema in the file; 0 when it has none, or is damaged. */
  readonly schema: number;
  readonly newestSchema: number;
  readonly sqlite: string;
  /** What SQLite's own check found; empty = sound. */
  readonly damage: readonly string[];
}

/**
 * Looks at the file through a reading connection of its own: beside a running server, and without bringing the
 * schema up to date.
 */
export function inspectCatalogue(path: string): CatalogueInspection {
  const database = new DatabaseSync(path, { readOnly: true, timeout: 5000 });
  const sqlite = process.versions["sqlite"] ?? "";
  try {
    // First: of a damaged file nothing else can be believed.
    const damage = quickCheck(database);
    const schema = damage.length > 0 ? 0 : schemaOf(database);
    return { schema, newestSchema: NEWEST_VERSION, sqlite, damage };
  } finally {
    database.close();
  }
}

/**
 * The version of the schema in the file, when this program would bring it up to date; null: it has the newest, a newer
 * one, or none yet. Looks at nothing else, and changes nothing.
 */
export function olderSchema(path: string): number | null {
  const database = new DatabaseSync(path, { readOnly: true, timeout: 5000 });
  try {
    const schema = schemaOf(database);
    return schema > 0 && schema < NEWEST_VERSION ? schema : null;
  } finally {
    database.close();
  }
}

function schemaOf(database: DatabaseSync): number {
  const table = database.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'schema_migrations'").get();
  if (table === undefined) return 0;
  return Number(database.prepare("SELECT max(version) AS schema FROM schema_migrations").get()?.["schema"] ?? 0);
}
