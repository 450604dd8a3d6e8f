import { randomBytes } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { join } from "node:path";
import { createDashboardLink, type DashboardLink } from "./access/dashboard.ts";
import { FirstKeyFile } from "./access/first-key-file.ts";
import { createFirstApiKey, isFirstStart, type MadeKey } from "./access/keys.ts";
import { connectionRoutes } from "./access/routes.ts";
import type { Adapters, Base, Stores } from "./adapters.ts";
import { ChatWriter } from "./agents/chat/chat-writer.ts";
import { ExtractiveWriter } from "./agents/extractive/extractive-writer.ts";
import { agentRoutes } from "./agents/routes.ts";
import type { AnswerWriter } from "./agents/writer.ts";
import { bucketRoutes } from "./buckets/routes.ts";
import { type Config, ConfigError } from "./config.ts";
import { Health } from "./dashboard/health.ts";
import { dashboardPageRoutes } from "./dashboard/page-routes.ts";
import { dashboardRoutes } from "./dashboard/routes.ts";
import { noteAddress } from "./data-folder.ts";
import { openArrivals } from "./engines/arrivals.ts";
import { catalogueLogBytes } from "./engines/catalogue.ts";
import { errorCodeOf } from "./errors.ts";
import { type Extractor, type Isolation, sayIsolation } from "./extraction/extractor.ts";
import { createBudgets } from "./fairness/budgets.ts";
import { FileChanges } from "./files/change-file.ts";
import { Downloads } from "./files/downloads.ts";
import { fileAnswer, fileRoutes } from "./files/routes.ts";
import { cancelTask, retryTask } from "./files/task-events.store.ts";
import { createTaskQueue } from "./files/task-queue.ts";
import { VerifiedBlobs } from "./files/verified-blob.ts";
import { FileObject } from "./files/wire.ts";
import { createApp } from "./http/app.ts";
import { Compilers } from "./http/compilers.ts";
import type { Readiness } from "./http/health.ts";
import { InProcess } from "./http/in-process.ts";
import { LongPolls } from "./http/long-poll.ts";
import { countByteRequest, metricsRoute } from "./http/metrics.ts";
import type { App } from "./http/route.ts";
import { HttpServer } from "./http/server.ts";
import { IdleMemory } from "./idle-memory.ts";
import type { FileId, TeamId } from "./ids.ts";
import { IndexRefresh } from "./indexing/index-refresh.ts";
import { createIndexer, type Indexer } from "./indexing/indexer.ts";
import { LIMITS } from "./limits.ts";
import { createChores } from "./maintenance/chores.ts";
import { IndexAudit } from "./maintenance/index-audit.ts";
import { Maintenance } from "./maintenance/maintenance.ts";
import { adoptScrubPosition } from "./maintenance/scrub-position-file.ts";
import { Scrubber } from "./maintenance/scrubber.ts";
import { mcpRoutes } from "./mcp/routes.ts";
import { Collector, gauge } from "./metrics/collect.ts";
import { shareOpenFiles } from "./open-file-limit.ts";
import { publicUrlAt } from "./public-url.ts";
import { retrievalRoutes } from "./retrieval/routes.ts";
import { rebuildMarks } from "./search-index/rebuild-marks.ts";
import { taskRoutes } from "./tasks/routes.ts";
import type { Arrivals } from "./uploads/arrivals.ts";
import { batchRoutes } from "./uploads/batch-routes.ts";
import { Finalizer } from "./uploads/finalize.ts";
import { uploadRoutes } from "./uploads/routes.ts";
import { uploadFileRoutes } from "./uploads/upload-file-routes.ts";

export interface Started {
  /**
   * Where it listens, as clients reach it: WHARF_PUBLIC_URL, or computed from host and port. Without a trailing slash.
   */
  readonly url: string;
  /** The key that the first start made; null at every later one. */
  readonly firstKey: MadeKey | null;
  /** Makes a link that signs a browser in to the dashboard. Throws WharfError `not_found`: there is no such team. */
  dashboardLink(team: string): Promise<DashboardLink>;
}

/**
 * The composition root: adapters → capabilities → http and workers. It alone knows everything; start.ts calls it, and
 * runs `closing` also when this throws: ConfigError for what the operator must change.
 */
export async function runWharf(base: Base, { stores, extractor }: Adapters): Promise<Started> {
  const { config, log, ids, closing } = base;
  const opened = await stores;
  const { catalogue, folder } = opened;
  const keyFile = config.firstKeyFile === null ? null : new FirstKeyFile(config.firstKeyFile);
  // Later starts find the file that the first one made.
  if (keyFile !== null && (await isFirstStart(catalogue))) keyFile.check();
  const background = createBackground(base, opened);
  const service = await createService(base, opened, background, async () => (await extractor).isolation);
  // Nothing is changed or answered before it is known how readers are shut in.
  const indexer = createDocumentIndexer(base, opened, background, service.arrivals, await extractor);
  // Nobody else can hold a task. What a crash left on the disk is seen by nobody, and maintenance's: a start
  // walks no bytes.
  await indexer.recover();
  await adoptScrubPosition(catalogue, folder.path);

  const url = await service.listen();
  noteAddress(folder, url);
  const memory = new IdleMemory({ log });
  // Side by side: what is in the middle of something has the whole grace period for it. Also when a start fails
  // half-way: a server that listens without a catalogue would keep the port, and its process.
  const loops = [indexer, background.refresh, service.maintenance, memory];
  closing.add(() => Promise.all([service.stop(), ...loops.map((loop) => loop.stop())]));
  await indexer.start();
  background.refresh.start();
  service.maintenance.start();
  memory.start();
  // Last: it is shown once, by a start that succeeds. One that finds its port taken would have used it up.
  const firstKey = await createFirstApiKey({ catalogue, ids, random: randomBytes }, keyFile);
  log.info({ url, data_dir: folder.path }, "listening");
  return { url, firstKey, dashboardLink: (team) => createDashboardLink({ catalogue, random: randomBytes }, { team }) };
}

/** What works without being asked. Nothing of it runs yet. */
function createBackground({ log, ids }: Base, stores: Stores) {
  const { folder, catalogue, index } = stores;
  const unfinished = rebuildMarks(folder.index).size;
  if (unfinished > 0)
    log.error(
      { teams: unfinished },
      "a rebuild of the search index was interrupted: stop the server and run wharf reindex, or wait until what is missing was read again",
    );
  return {
    queue: createTaskQueue(catalogue),
    audit: new IndexAudit({ catalogue, index, ids, log }),
    refresh: new IndexRefresh({ catalogue, index, log }),
    scrubber: new Scrubber({ ...stores, log }),
    changes: new FileChanges({ catalogue, index, log }),
  };
}

type Background = ReturnType<typeof createBackground>;

/** What reads documents and indexes them. */
function createDocumentIndexer(
  { config, log }: Base,
  stores: Stores,
  { queue }: Background,
  arrivals: Arrivals,
  extractor: Extractor,
): Indexer {
  const spoolFolder = join(stores.folder.path, "spool");
  return createIndexer({ ...stores, arrivals, extractor, log, queue, spoolFolder, workers: config.workers });
}

function createMaintenance(
  { log, ids, clock }: Base,
  stores: Stores,
  { queue, audit, scrubber, changes }: Background,
  arrivals: Arrivals,
): Maintenance {
  return new Maintenance({
    ...stores,
    log,
    chores: [...createChores({ ...stores, log, ids, clock, queue, changes, arrivals }), audit, scrubber],
  });
}

/** The two faces of the server on one port: the API, and the byte end-point behind upload URLs. Ready to listen. */
async function createService(base: Base, stores: Stores, background: Background, isolation: () => Promise<Isolation>) {
  const { config, log, clock, ids, closing } = base;
  const { secret, metrics, catalogue, blobs, index } = stores;
  const { audit, scrubber, changes } = background;
  let url = "";
  const publicUrl = () => url;
  const { connections } = shareOpenFiles();
  const budgets = createBudgets(metrics, connections);
  const { searches, lists, rankings, walks, hashings, uploads: places } = budgets;
  const bytes = await openArrivals({ ...base, secret, publicUrl, catalogue, blobs, places, hashings });
  const { arrivals, disk } = bytes;
  const maintenance = createMaintenance(base, stores, background, arrivals);
  const finalizer = new Finalizer({ catalogue, arrivals, blobs, ids, clock, log });
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
      gauge("wharf_catalogue_wal_bytes", LOG_BYTES, catalogueLogBytes(stores.folder.catalogue)),
      ...budgets.gauges(),
      ...maintenance.gauges(),
    ],
  });
  closing.add(() => figures.close());

  let stopping = false;
  const fileAnswerOf = (teamId: TeamId, fileId: FileId) => fileAnswer(catalogue, teamId, fileId);
  const uploads = { catalogue, config, lists, walks, ids, disk, clock, finalizer, arrivals, blobs, places, log };
  const fileObject = { fileAnswer: fileAnswerOf, fileSchema: FileObject };
  const readinessNow = async () =>
    readiness(catalogueLogBytes(stores.folder.catalogue), await isolation(), background, stopping);
  const health = new Health({ catalogue, blobs, lists, walks, reserveBytes: config.diskReserveBytes });
  const compilers = new Compilers();
  const app = await createApp({
    compilers,
    answers: budgets.answers,
    bodies: budgets.bodies,
    catalogue,
    config,
    log,
    ids,
    metrics,
    publicUrl,
    readiness: readinessNow,
    routes: [
      (app: App) => connectionRoutes(app),
      (app: App) => bucketRoutes(app, { catalogue, listings, walks, log, ids, config }),
      (app: App) => uploadRoutes(app, { ...uploads, ...fileObject }),
      (app: App) => uploadFileRoutes(app, { ...uploads, ...fileObject }),
      (app: App) => batchRoutes(app, uploads),
      (app: App) => fileRoutes(app, { catalogue, blobs, ids, log, polls, downloads, verified, lists, walks, changes }),
      (app: App) => taskRoutes(app, { catalogue, polls, lists, walks, cancelTask, retryTask }),
      (app: App) => retrievalRoutes(app, { catalogue, index, searches, rankings, walks }),
      (app: App) => agentRoutes(app, { ...stores, ...budgets, writer: createWriter(base), ids, clock, publicUrl, log }),
      (app: App) => dashboardPageRoutes(app),
      (app: App) =>
        dashboardRoutes(app, {
          ...{ catalogue, ids, config, publicUrl, health },
          random: randomBytes,
          readiness: readinessNow,
        }),
      (app: App) =>
        mcpRoutes(app, {
          exchange: (call) => inProcess.exchange(call),
          calls: budgets.agentCalls,
          publicUrl,
          metrics,
          log,
        }),
      (app: App) =>
        metricsRoute(app, {
          audience: config.metrics,
          expose: async () => metrics.expose(await figures.gauges()),
        }),
    ],
  });
  if (base.allSchemas) await compilers.makeAll();
  const byteEndpoint = (request: IncomingMessage, response: ServerResponse, expectsContinue = false) => {
    countByteRequest(metrics, request, response);
    void bytes.handle(request, response, expectsContinue);
  };
  const inProcess = new InProcess({ app: app.routing, byteEndpoint });
  const http = new HttpServer({
    app: app.routing,
    byteEndpoint,
    ids,
    maxConnections: connections,
    unlimitedPeers: config.unlimitedPeers,
    scarce: () => polls.giveWay(),
    metrics,
  });

  const listen = async () => {
    const address = await http.listen(config.host, config.port).catch((error: unknown) => {
      throw cannotListen(error, config);
    });
    url = publicUrlAt(config, address.port);
    setTimeout(() => compilers.load().catch(() => {}), LOAD_COMPILERS_AFTER_MS).unref();
    if (config.publicUrl === null && !isLoopback(config.host))
      log.warn({ url }, "WHARF_PUBLIC_URL is not set: clients elsewhere cannot reach the upload_url they are given");
    return url;
  };
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
  return { listen, arrivals, maintenance, stop };
}

/** Who writes answers: the operator's chat server, or nobody, and then passages are quoted. */
function createWriter({ config, log }: Base): AnswerWriter {
  const { llmUrl: url, llmModel: model, llmApiKey: apiKey } = config;
  return url === null || model === null
    ? new ExtractiveWriter()
    : new ChatWriter({ server: { url, model, apiKey }, log });
}

/**
 * Not while everybody asks whether the server is ready; a client's first request mostly comes later still, and
 * need not wait.
 */
const LOAD_COMPILERS_AFTER_MS = 1000;

const LOG_BYTES = "Size of the catalogue's write-ahead log.";
const CONNECTIONS = "Open connections.";
const DAMAGED_ORIGINALS = "Originals that were damaged or missing when the scrubber last read them.";
const MISSING_BUILDS = "Indexed files that the last look found missing in the search index; they are read again.";

function readiness(
  logBytes: number,
  isolation: Isolation,
  { audit, refresh, scrubber }: Pick<Background, "audit" | "refresh" | "scrubber">,
  stopping: boolean,
): Readiness {
  const checks = {
    catalogue: "ok",
    write_ahead_log_bytes: String(logBytes),
    search_index: audit.state === "ok" ? (refresh.state ?? "ok") : audit.state,
    originals: scrubber.state,
    extraction_sandbox: isolation.strength,
  };
  const inFull = { extraction_sandbox: sayIsolation(isolation) };
  return stopping ? { ready: false, refusal: "shutting_down", checks, inFull } : { ready: true, checks, inFull };
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

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || host.startsWith("127.");
}
