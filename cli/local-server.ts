import type { SegmentedStore } from "../server/src/blobs/blob-store.ts";
import type { Catalogue } from "../server/src/catalogue/catalogue.ts";
import { createClock } from "../server/src/clock.ts";
import { type DataFolder, lockDataFolder, openDataFolder, syncDataFolder } from "../server/src/data-folder.ts";
import { openArrivalsAtRest } from "../server/src/engines/arrivals-at-rest.ts";
import { openBlobs } from "../server/src/engines/blobs.ts";
import { openCatalogue } from "../server/src/engines/catalogue.ts";
import { openSearchIndex } from "../server/src/engines/search-index.ts";
import { createIdSource, type IdSource } from "../server/src/ids.ts";
import { createLog, type Log } from "../server/src/log.ts";
import type { Arrivals } from "../server/src/uploads/arrivals.ts";
import { CliError, EXIT } from "./exit-codes.ts";
import { refuseWithoutData } from "./refuse-without-data.ts";

/** Everything that the server opens, for commands that stand in for it. */
export interface LocalServer {
  readonly folder: DataFolder;
  readonly catalogue: Catalogue;
  readonly blobs: SegmentedStore;
  readonly arrivals: Pick<Arrivals, "tidy">;
  readonly index: Awaited<ReturnType<typeof openSearchIndex>>;
  readonly ids: IdSource;
  readonly log: Log;
}

/**
 * Runs `work` in the server's place: under its lock, so that no server runs meanwhile, and on the same adapters.
 * Refuses a folder without a catalogue: it is a mistyped path.
 */
export async function withStoppedServer<T>(dataDir: string, work: (local: LocalServer) => Promise<T>): Promise<T> {
  refuseWithoutData(dataDir);
  const folder = openDataFolder(dataDir);
  await syncDataFolder(folder);
  const lock = lockDataFolder(folder);
  try {
    return await withAdapters(folder, work);
  } finally {
    lock.release();
  }
}

/** The same without the lock: for commands that hold it already, or run beside the server and change nothing. */
export async function withAdapters<T>(folder: DataFolder, work: (local: LocalServer) => Promise<T>): Promise<T> {
  const failure: { error: Error | null } = { error: null };
  const fatal = (error: Error) => {
    failure.error = error;
  };
  const log = createLog("error");
  const clock = createClock();
  const closing: (() => Promise<void>)[] = [];
  try {
    const catalogue = await openCatalogue({ path: folder.catalogue, fatal });
    closing.push(() => catalogue.close());
    const blobs = await openBlobs({ root: folder.blobs, log, clock });
    closing.push(() => blobs.close());
    const index = await openSearchIndex({ dir: folder.index, log, fatal });
    closing.push(() => index.close());
    const arrivals = openArrivalsAtRest({ catalogue, blobs });
    return await work({ folder, catalogue, blobs, arrivals, index, ids: createIdSource(clock), log });
  } catch (error) {
    if (failure.error === null) throw error;
    const message = `The data in ${folder.path} cannot be read or written: ${failure.error.message}`;
    throw new CliError(EXIT.io, "io", message, { cause: failure.error });
  } finally {
    for (const close of closing.toReversed()) await close();
  }
}
