import { chmodSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";

const CACHES_BYTES = 256 * 1024 * 1024;

/** SQLite before 3.51.3 can lose a commit when a checkpoint and a reader meet (WAL-reset bug). */
const OLDEST_SQLITE = [3, 51, 3] as const;

/**
 * Opens a database as all of ours are opened: WAL, every commit synced, deleted content overwritten. Checkpoints are
 * left to `wal-checkpoint.ts`: SQLite's own run behind a commit and never shrink the log while somebody reads.
 */
export function openDatabase(path: string, options: { readonly readOnly?: boolean } = {}): DatabaseSync {
  const database = new DatabaseSync(path, { readOnly: options.readOnly ?? false, timeout: 5000 });
  if (options.readOnly !== true) {
    // 0600 before anything is in it; -wal and -shm inherit the mode. (chmod opens no file, so it drops no lock.)
    chmodSync(path, 0o600);
    refuseOldSqlite(database);
    database.exec("PRAGMA journal_mode = WAL");
  }
  database.exec("PRAGMA synchronous = FULL");
  database.exec("PRAGMA foreign_keys = ON");
  database.exec("PRAGMA secure_delete = ON");
  database.exec("PRAGMA wal_autocheckpoint = 0");
  database.exec("PRAGMA cache_size = -16384");
  // For all databases of the process together: beyond this, caches use their pages again instead of growing.
  database.exec(`PRAGMA soft_heap_limit = ${CACHES_BYTES}`);
  database.exec("PRAGMA temp_store = MEMORY");
  return database;
}

function refuseOldSqlite(database: DatabaseSync): void {
  const row = database.prepare("SELECT sqlite_version() AS version").get();
  const version = String(row?.["version"]);
  const parts = version.split(".").map(Number);
  for (const [index, oldest] of OLDEST_SQLITE.entries()) {
    const part = parts[index] ?? 0;
    if (part > oldest) return;
    if (part < oldest)
      throw new Error(
        `SQLite ${version} is too old, ${OLDEST_SQLITE.join(".")} or newer is needed: use the pinned Node.`,
      );
  }
}

/** SQLite's result codes that decisions depend on (the low byte of an extended code). */
export const SQLITE_CODES = {
  NOMEM: 7,
  READONLY: 8,
  IOERR: 10,
  CORRUPT: 11,
  FULL: 13,
  CANTOPEN: 14,
  NOTADB: 26,
} as const;

/** The primary result code of an error from `node:sqlite`, or null when it is none. */
export function sqliteCodeOf(error: unknown): number | null {
  return typeof error === "object" && error !== null && "errcode" in error && typeof error.errcode === "number"
    ? error.errcode & 0xff
    : null;
}
