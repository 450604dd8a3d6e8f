import { chmodSync, closeSync, fsyncSync, openSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";

/**
 * Writes the catalogue as it is at this instant into a new file, beside a running server: one read transaction, which
 * holds no writer up (the write-ahead log cannot be shortened meanwhile). SQLite does not sync what `VACUUM INTO`
 * writes, so it is synced here. Throws when the target exists. Synchronous: for the command line.
 */
export function takeSnapshot(cataloguePath: string, target: string): void {
  const database = new DatabaseSync(cataloguePath, { readOnly: true, timeout: 5000 });
  try {
    database.prepare("VACUUM INTO ?").run(target);
  } finally {
    database.close();
  }
  chmodSync(target, 0o600);
  // Nobody else has this file open, so closing it drops nobody's locks.
  const file = openSync(target, "r+");
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}
