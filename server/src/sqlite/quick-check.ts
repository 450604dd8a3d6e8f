import type { DatabaseSync } from "node:sqlite";

/** Most findings of one file: a damaged one may have a line for each page. */
const MOST = 5;

/** SQLite's check of pages, rows and virtual tables, without comparing each index with its table. Empty = sound. */
export function quickCheck(database: DatabaseSync): readonly string[] {
  try {
    const rows = database.prepare(`PRAGMA quick_check(${MOST})`).all();
    return rows.map((row) => String(row["quick_check"])).filter((text) => text !== "ok");
  } catch (error) {
    return [error instanceof Error ? error.message : String(error)];
  }
}
