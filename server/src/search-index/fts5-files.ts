import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, readdirSync, rmSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { parseId, type TeamId } from "../ids.ts";
import { SQLITE_CODES, sqliteCodeOf } from "../sqlite/open-database.ts";
import { type Failed, failureOf } from "../sqlite/thread-server.ts";
import { walBytes } from "../sqlite/wal-checkpoint.ts";
import { DAMAGE } from "./fts5-protocol.ts";

/**
 * Where the index files are: `<dir>/<team id>.db`, with SQLite's own `-wal` and `-shm` beside it. Nothing here opens
 * one of them: a close through node:fs would drop SQLite's locks on it.
 */

const SUFFIX = ".db";

/** Its file was taken away while it was in use: what was acknowledged is gone. */
export class IndexLostError extends Error {
  override readonly name = "IndexLostError";
}

/** The failure of a call for this error: see DAMAGE. */
export function indexFailureOf(id: number, error: unknown): Failed {
  const code = sqliteCodeOf(error);
  const isDamage = code === SQLITE_CODES.CORRUPT || code === SQLITE_CODES.NOTADB || error instanceof IndexLostError;
  return failureOf(id, error, isDamage ? DAMAGE : null);
}

export function indexPath(dir: string, team: string): string {
  return join(dir, `${team}${SUFFIX}`);
}

export function indexExists(dir: string, team: string): boolean {
  return existsSync(indexPath(dir, team));
}

/** Which file the name stands for now: another number means that somebody took the file away under an open handle. */
export function indexInode(dir: string, team: string): number | null {
  return statSync(indexPath(dir, team), { throwIfNoEntry: false })?.ino ?? null;
}

export function indexedTeams(dir: string): readonly TeamId[] {
  return readdirSync(dir)
    .filter((name) => name.endsWith(SUFFIX))
    .map((name) => parseId("team", name.slice(0, -SUFFIX.length)))
    .filter((id) => id !== null)
    .sort();
}

/** Teams whose log holds something: after a kill it may hold deleted text. */
export function teamsWithLog(dir: string): readonly TeamId[] {
  return indexedTeams(dir).filter((team) => walBytes(indexPath(dir, team)) > 0);
}

export function removeIndex(dir: string, team: string): void {
  for (const end of ["", "-wal", "-shm"]) rmSync(`${indexPath(dir, team)}${end}`, { force: true });
  syncDirectory(dir);
}

/** A new name is on disk once its directory is. */
export function syncDirectory(dir: string): void {
  const handle = openSync(dir, "r");
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

export function createIndexDirectory(dir: string): void {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  syncDirectory(dirname(dir));
}
