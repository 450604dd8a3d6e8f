import type { Clock } from "./clock.ts";
import type { Closers } from "./closers.ts";
import { type Config, ConfigError } from "./config.ts";
import { type DataFolder, loadSecret, lockDataFolder, openDataFolder, syncDataFolder } from "./data-folder.ts";
import { openBlobs } from "./engines/blobs.ts";
import { openCatalogue } from "./engines/catalogue.ts";
import { openSearchIndex } from "./engines/search-index.ts";
import { type Extractor, sayIsolation } from "./extraction/extractor.ts";
import { createExtractionPool } from "./extraction/pool.ts";
import type { IdSource } from "./ids.ts";
import type { Log } from "./log.ts";
import { meteredBlobs, meteredCatalogue, meteredExtractor } from "./metrics/metered.ts";
import { MetricsRecorder } from "./metrics/recorder.ts";

/** A storage thread died or a COMMIT failed: what is on disk is unknown until a restart has looked (EX_IOERR). */
const EXIT_IO = 74;

/** What everything of one running service shares. */
export interface Base {
  readonly config: Config;
  readonly log: Log;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly closing: Closers;
  /** Has every schema compiled before the server listens, and not when it is first used: what a test of them wants. */
  readonly allSchemas: boolean;
}

export interface AdapterOptions {
  /** Moves the clock of every thread (clock.ts); for tests. */
  readonly clockOffset?: SharedArrayBuffer;
  /** What to do when storage failed for good. Default: end the process with EXIT_IO. */
  readonly fatal?: (error: Error) => void;
}

export type Stores = Awaited<ReturnType<typeof openStores>>;

/** What is behind the ports, every call of it counted. */
export interface Adapters {
  /** The folder that it all lies in, locked, and what keeps something there. */
  readonly stores: Promise<Stores>;
  /** Takes longest: a process starts a process that reads. */
  readonly extractor: Promise<Extractor>;
}

/**
 * Begins to open them: when this returns, every thread and process is loading its code. Both reject with ConfigError
 * for what the operator must change.
 */
export function openAdapters(base: Base, options: AdapterOptions): Adapters {
  const { config, closing } = base;
  const folder = openDataFolder(config.dataDir);
  const lock = lockDataFolder(folder);
  closing.add(() => lock.release());
  const metrics = new MetricsRecorder();
  const adapters = {
    extractor: openExtractor(base, metrics),
    stores: openStores(base, options, folder, metrics),
  };
  // One may fail while the other is waited for: that is heard later, and no unhandled rejection.
  for (const opening of Object.values(adapters)) opening.catch(() => {});
  return adapters;
}

async function openExtractor({ config, log, closing }: Base, metrics: MetricsRecorder): Promise<Extractor> {
  const { workers, sandbox } = config;
  const extractor = await closing.opened(createExtractionPool({ places: workers, log, sandbox }));
  if (sandbox === "require" && extractor.isolation.strength !== "full")
    throw new ConfigError(
      `WHARF_SANDBOX is require, and the jail to be had here is ${sayIsolation(extractor.isolation)}.`,
    );
  return meteredExtractor(extractor, metrics);
}

async function openStores(
  { config, log, clock, closing }: Base,
  { fatal = (error) => exitOnFatal(log, error), clockOffset }: AdapterOptions,
  folder: DataFolder,
  metrics: MetricsRecorder,
) {
  const secret = config.secret ?? loadSecret(folder);
  const onCommit = (operations: number, tookMs: number) => {
    metrics.observe("wharf_commit_operations", operations);
    metrics.observe("wharf_commit_seconds", tookMs / 1000);
  };
  const [catalogue, blobs, index] = await Promise.all([
    closing.opened(openCatalogue({ path: folder.catalogue, clockOffset, fatal, onCommit })),
    closing.opened(openBlobs({ root: folder.blobs, log, clock })),
    closing.opened(openSearchIndex({ dir: folder.index, log, fatal })),
    syncDataFolder(folder),
  ]);
  return {
    folder,
    secret,
    metrics,
    catalogue: meteredCatalogue(catalogue, metrics),
    blobs: meteredBlobs(blobs, metrics),
    index,
  };
}

function exitOnFatal(log: Log, error: Error): never {
  log.fatal({ err: error }, "storage failed: the process ends, a restart recovers");
  process.exit(EXIT_IO);
}
