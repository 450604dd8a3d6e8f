import { existsSync } from "node:fs";
import { setTimeout as wait } from "node:timers/promises";
import type { Catalogue } from "../server/src/catalogue/catalogue.ts";
import { olderSchema } from "../server/src/catalogue/inspect.ts";
import { ConfigError } from "../server/src/config.ts";
import {
  type DataFolder,
  lockDataFolder,
  openDataFolder,
  type ServerLock,
  syncDataFolder,
} from "../server/src/data-folder.ts";
import { openCatalogue } from "../server/src/engines/catalogue.ts";
import { CliError, EXIT } from "./exit-codes.ts";
import { refuseWithoutData } from "./refuse-without-data.ts";

/**
 * Runs `work` on the data folder's catalogue, beside a running server or without one: the same operations in a process
 * of their own (docs/operations.md). SQLite keeps the two apart, and the server caches nothing that they change.
 */
export async function withCatalogue<T>(
  dataDir: string,
  /** Whether a folder without a catalogue gets one, or is taken for a mistyped path. */
  whenNew: "make" | "refuse",
  work: (catalogue: Catalogue) => Promise<T>,
): Promise<T> {
  if (whenNew === "refuse") refuseWithoutData(dataDir);
  const folder = openDataFolder(dataDir);
  await syncDataFolder(folder);
  const failure: { error: Error | null } = { error: null };
  const catalogue = await openOrMake(folder, (error) => {
    failure.error = error;
  });
  try {
    return await work(catalogue);
  } catch (error) {
    if (failure.error === null) throw error;
    const message = `The catalogue in ${dataDir} failed: ${failure.error.message}`;
    throw new CliError(EXIT.io, "io", message, { cause: failure.error });
  } finally {
    await catalogue.close();
  }
}

/**
 * A new folder gets its schema under the server lock, so that no server starts on it half-way; an older one is brought
 * up to date under it, so that no server runs on a schema that it does not know.
 */
async function openOrMake(folder: DataFolder, fatal: (error: Error) => void): Promise<Catalogue> {
  const isThere = existsSync(folder.catalogue);
  const older = isThere ? olderSchema(folder.catalogue) : null;
  if (isThere && older === null) return openCatalogue({ path: folder.catalogue, fatal });
  const lock = older === null ? await lockOrCatalogue(folder) : lockToMigrate(folder, older);
  try {
    return await openCatalogue({ path: folder.catalogue, fatal });
  } finally {
    lock?.release();
  }
}

function lockToMigrate(folder: DataFolder, schema: number): ServerLock {
  try {
    return lockDataFolder(folder);
  } catch (cause) {
    if (!(cause instanceof ConfigError)) throw cause;
    throw new ConfigError(
      `A server runs on ${folder.path} with schema ${schema}, which this Wharf would change: restart it with this Wharf first.`,
      { cause },
    );
  }
}

const FIRST_START_MS = 10_000;
const LOOK_EVERY_MS = 50;

/** The lock; or null once a server that is starting on the same new folder has made the catalogue. */
async function lockOrCatalogue(folder: DataFolder): Promise<ServerLock | null> {
  for (let waitedMs = 0; ; waitedMs += LOOK_EVERY_MS) {
    try {
      return lockDataFolder(folder);
    } catch (error) {
      if (!(error instanceof ConfigError) || waitedMs >= FIRST_START_MS) throw error;
    }
    if (existsSync(folder.catalogue)) return null;
    await wait(LOOK_EVERY_MS);
  }
}
