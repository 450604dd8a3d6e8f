import { randomBytes } from "node:crypto";
import {
  chmodSync,
  closeSync,
  existsSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  statSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { fsyncDirectory } from "./blobs/directory-sync.ts";
import { ConfigError } from "./config.ts";

/**
 * The folder that holds everything of the embedded server. Nothing but SQLite and `stat` touches the catalogue, index
 * and lock files while they are open: an `open` and `close` of a locked file in the same process drops its POSIX
 * locks (seen).
 */
export interface DataFolder {
  readonly path: string;
  readonly catalogue: string;
  readonly blobs: string;
  readonly index: string;
}

/** Where everything is in a folder; looks at nothing. */
export function findDataFolder(path: string): DataFolder {
  return { path, catalogue: join(path, "catalogue.db"), blobs: join(path, "blobs"), index: join(path, "index") };
}

/** Stands in a folder that a restore is filling: nothing may use it yet. */
export const RESTORE_MARK = "restore-incomplete";

/**
 * Makes the folder (0700) when it is not there, each new one fsynced in its parent. One that others can read is made
 * ours alone while it is empty, and otherwise refused, as is another user's: then nothing is made in it. What was there
 * already is on the disk for certain once `syncDataFolder` has ended.
 */
export function openDataFolder(path: string): DataFolder {
  const folder = findDataFolder(path);
  if (existsSync(join(path, RESTORE_MARK)))
    throw new ConfigError(`A restore into ${path} did not end: empty the folder and run wharf restore again.`);
  if (existsSync(path)) closeToOthers(path);
  for (const place of [path, folder.blobs, folder.index]) makeFolder(place);
  return folder;
}

function closeToOthers(path: string): void {
  const found = statSync(path);
  if (!found.isDirectory()) throw new ConfigError(`${path} is no folder: name one with --data-dir.`);
  const mode = found.mode & 0o777;
  if ((mode & 0o077) === 0) return;
  // Who owns it may open it again, or have put something there to be found.
  if (found.uid !== process.getuid?.())
    throw new ConfigError(
      `The data folder ${path} can be read by others (mode ${mode.toString(8)}) and belongs to another user (uid ${found.uid}): run wharf as that user after chmod 700 ${path}, or name a folder of your own with --data-dir.`,
    );
  if (readdirSync(path).length > 0)
    throw new ConfigError(
      `The data folder ${path} can be read by others (mode ${mode.toString(8)}) and is not empty: run chmod 700 ${path} if what it holds is Wharf's, or name a new folder with --data-dir.`,
    );
  chmodSync(path, 0o700);
}

/** Kept until `release`, or until the process dies: the kernel frees it. */
export interface ServerLock {
  release(): void;
}

/**
 * One server for each folder: an exclusive transaction on a SQLite file of its own. The handle lives in the returned
 * object, or it would be garbage-collected and the lock with it.
 */
export function lockDataFolder(folder: DataFolder): ServerLock {
  const path = join(folder.path, "server.lock");
  const database = new DatabaseSync(path, { timeout: LOCK_WAIT_MS });
  try {
    // One that an older version made, too. By its path: to open and close the file here would drop the lock of this
    // very process.
    chmodSync(path, 0o600);
    database.exec("PRAGMA journal_mode = DELETE; BEGIN EXCLUSIVE");
  } catch (error) {
    database.close();
    if (!(error instanceof Error) || !/locked|busy/i.test(error.message)) throw error;
    throw new ConfigError(
      `Another Wharf server runs on ${folder.path}. Stop it first, or give this one a folder of its own with --data-dir.`,
    );
  }
  return {
    release() {
      if (database.isOpen) database.close();
    },
  };
}

/**
 * How long a start waits for the lock: longer than a look by `isLocked`, shorter than anybody waits for the sentence.
 */
const LOCK_WAIT_MS = 250;

/**
 * Whether a server holds the lock just now. Takes and leaves a shared lock, which a start that comes at that
 * moment waits for.
 */
export function isLocked(folder: DataFolder): boolean {
  const path = join(folder.path, "server.lock");
  if (!existsSync(path)) return false;
  const database = new DatabaseSync(path, { readOnly: true, timeout: 0 });
  try {
    database.prepare("SELECT count(*) FROM sqlite_schema").get();
    return false;
  } catch (error) {
    if (error instanceof Error && /locked|busy/i.test(error.message)) return true;
    throw error;
  } finally {
    database.close();
  }
}

/**
 * Where the server that holds the lock is reached, for commands beside it: with a port that a flag of its own start
 * gave it, nobody else knows. Not synced: it means nothing without the process.
 */
export function noteAddress(folder: DataFolder, url: string): void {
  try {
    writeFileSync(join(folder.path, ADDRESS), `${url}\n`, { mode: 0o600 });
  } catch {
    // A full disk stops no start. Those commands then take what their settings say.
  }
}

/** Null: no server runs on the folder, or it is of a version that does not note it. */
export function addressOfServer(folder: DataFolder): string | null {
  const path = join(folder.path, ADDRESS);
  if (!existsSync(path) || !isLocked(folder)) return null;
  const url = readFileSync(path, "utf8").trim();
  return URL.canParse(url) ? url : null;
}

const ADDRESS = "address";

/**
 * The secret behind upload URLs: generated once, and published like a blob, so that a power cut leaves a whole
 * one or none.
 */
export function loadSecret(folder: DataFolder): string {
  const path = join(folder.path, "secret");
  for (const name of readdirSync(folder.path)) if (name.startsWith("secret.tmp-")) unlinkSync(join(folder.path, name));
  if (!existsSync(path)) {
    const temporary = `${path}.tmp-${randomBytes(6).toString("hex")}`;
    const file = openSync(temporary, "wx", 0o600);
    try {
      writeSync(file, randomBytes(32).toString("base64url"));
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    linkSync(temporary, path);
    unlinkSync(temporary);
    syncFolder(folder.path);
  }
  const secret = readFileSync(path, "utf8").trim();
  if (secret.length < 32)
    throw new ConfigError(`${path} is damaged: restore it from a backup (upload URLs depend on it).`);
  return secret;
}

/**
 * For folders that were there: a start that died between making one and syncing its parent left its name
 * unsynced. Nothing is acknowledged before this has ended; until then other work may go on, for a busy disk takes
 * a tenth of a second.
 */
export async function syncDataFolder({ path }: DataFolder): Promise<void> {
  await Promise.all([dirname(path), path].map((folder) => fsyncDirectory(folder)));
}

function makeFolder(path: string): void {
  if (existsSync(path)) return;
  const parent = dirname(path);
  makeFolder(parent);
  mkdirSync(path, { mode: 0o700 });
  syncFolder(parent);
}

function syncFolder(path: string): void {
  const folder = openSync(path, "r");
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}
