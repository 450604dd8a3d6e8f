import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { FirstKeyFile } from "./access/first-key-file.ts";
import { createFirstApiKey, isFirstStart, type MadeKey } from "./access/keys.ts";
import { connectionRoutes } from "./access/routes.ts";
import { openFsBlobStore } from "./blobs/fs.ts";
import { bucketRoutes } from "./buckets/routes.ts";
import type { Catalogue } from "./catalogue/catalogue.ts";
import { openSqliteCatalogue } from "./catalogue/sqlite.ts";
import { type Clock, createClock } from "./clock.ts";
import { type Config, ConfigError } from "./config.ts";
import { loadSecret, lockDataFolder, openDataFolder } from "./data-folder.ts";
import { errorCodeOf } from "./errors.ts";
import { type Isolation, sayIsolation } from "./extraction/extractor.ts";
import { createExtractionPool } from "./extraction/pool.ts";
import { createBudgets } from "./fairness/budgets.ts";
import { Downloads } from "./files/downloads.ts";
import { fileAnswer, fileRoutes } from "./files/routes.ts";
import { VerifiedBlobs } from "./files/verified-blob.ts";
import { FileObject } from "./files/wire.ts";
import { createApp } from "./http/app.ts";
import type { Readiness } from "./http/health.ts";
import { LongPolls } from "./http/long-poll.ts";
import { countByteRequest, metricsRoute } from "./http/metrics.ts";
import type { App } from "./http/route.ts";
import { HttpServer } from "./http/server.ts";
import { createIdSource, type FileId, type IdSource, type TeamId } from "./ids.ts";
import { IndexRefresh } from "./indexing/index-refresh.ts";
import { createIndexer } from "./indexing/indexer.ts";
import { LIMITS } from "./limits.ts";
import { createLog, type Log } from "./log.ts";
import { createChores } from "./maintenance/chores.ts";
import { IndexAudit } from "./maintenance/index-audit.ts";
import { Maintenance } from "./maintenance/maintenance.ts";
import { adoptScrubPosition } from "./maintenance/scrub-position-file.ts";
import { Scrubber } from "./maintenance/scrubber.ts";
import { Collector, gauge } from "./metrics/collect.ts";
import { meteredBlobs, meteredCatalogue, meteredExtractor } from "./metrics/metered.ts";
import { MetricsRecorder } from "./metrics/recorder.ts";
import { shareOpenFiles } from "./open-file-limit.ts";
import { retrievalRoutes } from "./retrieval/routes.ts";
import { openFts5SearchIndex } from "./search-index/fts5.ts";
import { rebuildMarks } from "./search-index/rebuild-marks.ts";
import { createCatalogueQueue } from "./tasks/catalogue-queue.ts";
import { taskRoutes } from "./tasks/routes.ts";
import { createDiskGate } from "./uploads/admission.ts";
import { ByteEndpoint } from "./uploads/byte-endpoint.ts";
import { DigestEngine } from "./uploads/digests.ts";
import { Finalizer } from "./uploads/finalize.ts";
import { uploadRoutes } from "./uploads/routes.ts";
import { UnrecordedBytes } from "./uploads/unrecorded.ts";

/** A storage thread died or a COMMIT failed: what is on disk is unknown until a restart has looked (EX_IOERR). */
export const EXIT_IO = 74;

export interface RunningWharf {
  /** Where it listens, as clients reach it: WHARF_PUBLIC_URL, or computed from host and port. Without a trailing slash. */
  readonly url: string;
  /** The key that the first start made; null at every later one. */
  readonly firstKey: MadeKey | null;
  /** Finishes running answers, returns tasks to the queue and closes everything. May be called twice. */
  stop(): Promise<void>;
}

export interface StartOptions {
  readonly log?: Log;
  /** Moves the clock of every thread (clock.ts); for tests. */
  readonly clockOffset?: SharedArrayBuffer;
  /** What to do when storage failed for good. Default: end the process with EXIT_IO. */
  readonly fatal?: (error: Error) => void;
}

/**
 * The composition root: configuration → adapters → capabilities → http and workers. It alone knows everything; tests start the service with
 * this same function. Throws ConfigError for what the operator must change.
 */
export async function startWharf(config: Config, options: StartOptions = {}): Promise<RunningWharf> {
  const log = options.log ?? createLog(config.logLevel);
  const clock = createClock(options.clockOffset);
  const ids = createIdSource(clock);
  const closing = new Closers();
  try {
    const base: Base = { config, log, clock, ids, closing };
    const adapters = await openAdapters(base, options);
    const keyFile = config.firstKeyFile === null ? null : new FirstKeyFile(config.firstKeyFile);
    // Later starts find the file that the first one made.
    if (keyFile !== null && (await isFirstStart(adapters.catalogue))) keyFile.check();
    const background = createBackground(base, adapters);
    // Nobody else can hold a task. What a crash left on the disk is seen by nobody, and maintenance's: a start walks no bytes.
    await background.indexer.recover();
    await adoptScrubPosition(adapters.catalogue, adapters.folder.path);

    const { url, maintenance, stop: stopListening } = await listen(base, adapters, background);
    const { indexer, refresh } = background;
    // Side by side: what is in the middle of something has the whole grace period for it. Also when a start fails half-way: a server that
    // listens without a catalogue would keep the port, and its process.
    const loops = [indexer, refresh, maintenance];
    closing.add(() => Promise.all([stopListening(), ...loops.map((loop) => loop.stop())]));
    await indexer.start();
    refresh.start();
    maintenance.start();
    // Last: it is shown once, by a start that succeeds. One that finds its port taken would have used it up.
    const firstKey = await createFirstApiKey({ catalogue: adapters.catalogue, ids, random: randomBytes }, keyFile);
    log.info({ url, data_dir: adapters.folder.path }, "listening");

    let stopped: Promise<void> | null = null;
    const stop = async () => {
      await closing.run();
      log.info({}, "stopped");
    };
    return { url, firstKey, stop: () => (stopped ??= stop()) };
  } catch (error) {
    await closing.run();
    throw error;
  }
}

interface Base {
  readonly config: Config;
  readonly log: Log;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly closing: Closers;
}

/** What is behind the ports, every call of it counted; and the folder that it all lies in, locked. */
async function openAdapters({ config, log, clock, closing }: Base, options: StartOptions) {
  const folder = openDataFolder(config.dataDir);
  const lock = lockDataFolder(folder);
  closing.add(() => lock.release());
  const secret = config.secret ?? loadSecret(folder);
  const metrics = new MetricsRecorder();
  const onCommit = (operations: number, tookMs: number) => {
    metrics.observe("wharf_commit_operations", operations);
    metrics.observe("wharf_commit_seconds", tookMs / 1000);
  };
  const { fatal = (error: Error) => exitOnFatal(log, error), clockOffset } = options;
  // Each starts threads or processes that load code of their own: side by side, a start takes half the time.
  const [catalogue, blobs, index, extractor] = await Promise.all([
    closing.opened(openSqliteCatalogue({ path: folder.catalogue, clockOffset, fatal, onCommit })),
    closing.opened(openFsBlobStore({ root: folder.blobs, log, clock })),
    closing.opened(openFts5SearchIndex({ dir: folder.index, log, fatal })),
    closing.opened(createExtractionPool({ places: config.workers, log, sandbox: config.sandbox })),
  ]);
  const jail = sayIsolation(extractor.isolation);
  if (config.sandbox === "require" && extractor.isolation.strength !== "full")
    throw new ConfigError(`WHARF_SANDBOX is require, and the jail to be had here is ${jail}.`);
  return {
    folder,
    secret,
    metrics,
    catalogue: meteredCatalogue(catalogue, metrics),
    blobs: meteredBlobs(blobs, metrics),
    index,
    extractor: meteredExtractor(extractor, metrics),
  };
}

type Adapters = Awaited<ReturnType<typeof openAdapters>>;

/** What works without being asked. Nothing of it runs yet. */
function createBackground({ config, log, ids }: Base, adapters: Adapters) {
  const { folder, catalogue, index, metrics } = adapters;
  const { workers } = config;
  const spoolFolder = join(folder.path, "spool");
  const queue = createCatalogueQueue(catalogue);
  const unfinished = rebuildMarks(folder.index).size;
  if (unfinished > 0)
    log.error(
      { teams: unfinished },
      "a rebuild of the search index was interrupted: stop the server and run wharf reindex, or wait until what is missing was read again",
    );
  return {
    queue,
    indexer: createIndexer({ ...adapters, log, queue, spoolFolder, workers, metrics }),
    audit: new IndexAudit({ catalogue, index, ids, log }),
    refresh: new IndexRefresh({ catalogue, index, log }),
    scrubber: new Scrubber({ ...adapters, log }),
  };
}

type Background = ReturnType<typeof createBackground>;

function createMaintenance(
  { log }: Base,
  adapters: Adapters,
  { queue, audit, scrubber }: Background,
  bytes: ByteEndpoint,
): Maintenance {
  const busy = () => bytes.busySessions();
  return new Maintenance({
    ...adapters,
    log,
    chores: [...createChores({ ...adapters, log, queue, busy }), audit, scrubber],
  });
}

/** The two faces of the server on one port: the API, and the byte end-point behind upload URLs. */
async function listen({ config, log, clock, ids, closing }: Base, adapters: Adapters, background: Background) {
  const { secret, metrics, catalogue, blobs, index, extractor } = adapters;
  const { audit, refresh, scrubber } = background;
  let url = "";
  const publicUrl = () => url;
  const digests = await DigestEngine.create();
  const unrecorded = new UnrecordedBytes();
  const disk = createDiskGate({ blobs, catalogue, unrecorded, reserveBytes: config.diskReserveBytes });
  const { connections } = shareOpenFiles();
  const budgets = createBudgets(metrics, connections);
  const { searches, lists, rankings, walks, hashings, uploads: uploadPlaces } = budgets;
  const intake = { blobs, catalogue, digests, unrecorded };
  const bytes = new ByteEndpoint({ config, secret, publicUrl, clock, ids, disk, log, places: uploadPlaces, ...intake });
  const maintenance = createMaintenance({ config, log, clock, ids, closing }, adapters, background, bytes);
  const finalizer = new Finalizer({ catalogue, blobs, digests, hashings, ids, clock, log });
  const polls = new LongPolls({ catalogue, places: budgets.polls });
  const downloads = new Downloads(budgets.downloads);
  const listings = new Downloads(budgets.listings);
  const verified = new VerifiedBlobs(blobs, { remembered: LIMITS.verifiedBlobs, turns: budgets.pieces });
  const figures = new Collector({
    catalogue,
    blobs,
    more: () => [
      gauge("wharf_connections", CONNECTIONS, http.connections),
      gauge("wharf_index_builds_missing", MISSING_BUILDS, audit.missing),
      gauge("wharf_originals_damaged", DAMAGED_ORIGINALS, scrubber.damaged),
      ...budgets.gauges(),
      ...maintenance.gauges(),
    ],
  });
  closing.add(() => figures.close());

  let stopping = false;
  const fileAnswerOf = (teamId: TeamId, fileId: FileId) => fileAnswer(catalogue, teamId, fileId);
  const uploads = { ...adapters, config, ids, disk, clock, publicUrl, finalizer, bytes };
  const app = await createApp({
    catalogue,
    config,
    log,
    ids,
    metrics,
    readiness: () => readiness(catalogue, extractor.isolation, { audit, refresh, scrubber }, stopping),
    routes: [
      (app: App) => connectionRoutes(app),
      (app: App) => bucketRoutes(app, { catalogue, listings, walks, log }),
      (app: App) => uploadRoutes(app, { ...uploads, fileAnswer: fileAnswerOf, fileSchema: FileObject }),
      (app: App) => fileRoutes(app, { catalogue, blobs, ids, log, polls, downloads, verified, lists, walks }),
      (app: App) => taskRoutes(app, { catalogue, polls }),
      (app: App) => retrievalRoutes(app, { catalogue, index, searches, rankings, walks }),
      (app: App) =>
        metricsRoute(app, {
          audience: config.metrics,
          expose: async () => metrics.expose(await figures.gauges()),
        }),
    ],
  });
  const http = new HttpServer({
    app: app.routing,
    byteEndpoint: (request, response, expectsContinue) => {
      countByteRequest(metrics, request, response);
      void bytes.handle(request, response, expectsContinue);
    },
    ids,
    maxConnections: connections,
    unlimitedPeers: config.unlimitedPeers,
    metrics,
  });
  const address = await http.listen(config.host, config.port).catch((error: unknown) => {
    throw cannotListen(error, config);
  });
  url = config.publicUrl ?? `http://${reachableHost(config.host)}:${address.port}`;
  if (config.publicUrl === null && !isLoopback(config.host))
    log.warn({ url }, "WHARF_PUBLIC_URL is not set: clients elsewhere cannot reach the upload_url they are given");

  const stop = async () => {
    stopping = true;
    polls.release();
    // Uploads may end within the grace period; then they are cut, their whole units recorded.
    const cut = setTimeout(() => void bytes.close(), LIMITS.shutdownGraceMs);
    await http.close(LIMITS.shutdownGraceMs + LIMITS.takeOverWaitMs);
    clearTimeout(cut);
    await bytes.close();
    await app.close();
  };
  return { url, maintenance, stop };
}

/** What was opened or may run, closed in the opposite order; each once. What opens later than that is closed at once. */
class Closers {
  readonly #closers: (() => unknown)[] = [];
  #ran = false;

  async opened<T extends { close(): Promise<void> }>(opening: Promise<T>): Promise<T> {
    const thing = await opening;
    if (this.#ran) await thing.close();
    else this.add(() => thing.close());
    return thing;
  }

  add(close: () => unknown): void {
    this.#closers.push(close);
  }

  async run(): Promise<void> {
    this.#ran = true;
    for (let close = this.#closers.pop(); close !== undefined; close = this.#closers.pop()) await close();
  }
}

const CONNECTIONS = "Open connections.";
const DAMAGED_ORIGINALS = "Originals that were damaged or missing when the scrubber last read them.";
const MISSING_BUILDS = "Indexed files that the last look found missing in the search index; they are read again.";

async function readiness(
  catalogue: Catalogue,
  isolation: Isolation,
  { audit, refresh, scrubber }: Pick<Background, "audit" | "refresh" | "scrubber">,
  stopping: boolean,
): Promise<Readiness> {
  const checks = {
    catalogue: "ok",
    write_ahead_log_bytes: String(catalogue.stats().walBytes),
    search_index: audit.state === "ok" ? (refresh.state ?? "ok") : audit.state,
    originals: scrubber.state,
    extraction_sandbox: isolation.strength,
  };
  const inFull = { extraction_sandbox: sayIsolation(isolation) };
  return stopping ? { ready: false, refusal: "shutting_down", checks, inFull } : { ready: true, checks, inFull };
}

function exitOnFatal(log: Log, error: Error): never {
  log.fatal({ err: error }, "storage failed: the process ends, a restart recovers");
  process.exit(EXIT_IO);
}

/** What the operator has to change, where the system says that the address cannot be had. */
function cannotListen(error: unknown, { host, port }: Config): unknown {
  const why: Readonly<Record<string, string>> = {
    EADDRINUSE: "something listens there already: stop it, or choose another port with --port",
    EACCES: "this user may not: choose a port from 1024 up with --port",
    EADDRNOTAVAIL: "this machine does not have that address: choose another one with --host",
    ENOTFOUND: "there is no such name: give an address of this machine with --host",
  };
  const sentence = why[errorCodeOf(error) ?? ""];
  if (sentence === undefined) return error;
  return new ConfigError(`WHARF_HOST and WHARF_PORT are ${host} and ${port}, but ${sentence}.`, { cause: error });
}

/** A wildcard address is reached by loopback from this machine; from others, WHARF_PUBLIC_URL says how. */
function reachableHost(host: string): string {
  if (host === "0.0.0.0" || host === "::") return "127.0.0.1";
  return host.includes(":") ? `[${host}]` : host;
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || host.startsWith("127.");
}
