import { mkdir } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { type Metrics, NO_METRICS } from "../metrics/metrics.ts";
import type { TaskQueue } from "../tasks/queue.ts";
import { Worker } from "../tasks/worker.ts";
import { createIndexFile, type IndexingDeps } from "./index-file.ts";
import { meteredHandlers } from "./metered-task.ts";
import { pruneFile } from "./prune-builds.ts";
import { createRemoveFile, type RemoveFileDeps } from "./remove-file.ts";

export interface Indexer {
  /**
   * For a server that is alone on its catalogue, before it listens: tasks that a dead one left running are due again,
   * and what their attempts wrote into the index is gone.
   */
  recover(): Promise<void>;
  /** Works until `stop`. */
  start(): Promise<void>;
  /**
   * Running tasks go back to the queue at once; resolves when their work has ended, at most limits.taskStopMs later.
   */
  stop(): Promise<void>;
}

export interface IndexerDeps extends IndexingDeps, RemoveFileDeps {
  readonly queue: TaskQueue;
  /**
   * Documents that are read at once in the fast lane, config.workers; the slow lane has as many places as the
   * machine has cores.
   */
  readonly workers: number;
  /** Default: nothing is counted. */
  readonly metrics?: Metrics;
}

/** The worker of one process. */
export function createIndexer(deps: IndexerDeps): Indexer {
  const { queue, log } = deps;
  const { metrics = NO_METRICS } = deps;
  const handlers = meteredHandlers({ index: createIndexFile(deps), remove: createRemoveFile(deps) }, metrics);
  const places = { fast: deps.workers, slow: availableParallelism() };
  const worker = new Worker({ queue, log, handlers, places });
  const stopping = new AbortController();
  let running: Promise<void> = Promise.resolve();
  return {
    async recover() {
      const returned = await queue.requeueAll();
      for (const { teamId, fileId } of returned) await pruneFile(deps, teamId, fileId);
      if (returned.length > 0) log.info({ tasks: returned.map((task) => task.taskId) }, "tasks of the last run go on");
      const suspects = returned.filter((task) => task.suspect).map((task) => task.taskId);
      if (suspects.length > 0)
        log.warn({ tasks: suspects }, "the server ended again and again while it read these: each waits an hour");
    },
    async start() {
      await mkdir(deps.spoolFolder, { recursive: true, mode: 0o700 });
      running = worker.start(stopping.signal);
    },
    async stop() {
      stopping.abort();
      await running;
    },
  };
}
