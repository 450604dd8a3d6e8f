import { monitorEventLoopDelay } from "node:perf_hooks";
import type { BlobStore } from "../blobs/blob-store.ts";
import type { Catalogue } from "../catalogue/catalogue.ts";
import { LIMITS } from "../limits.ts";
import type { Gauge } from "./metrics.ts";
import { type ServiceFigures, serviceFigures } from "./store.ts";

export interface CollectorDeps {
  readonly catalogue: Catalogue;
  readonly blobs: BlobStore;
  /** Gauges of other parts, read at each answer: damaged originals, builds that the index lacks. */
  readonly more: () => readonly Gauge[];
}

/**
 * Reads the states that `/metrics` shows. What costs a read of catalogue or disk is kept for limits.metricsCacheMs, so
 * that nobody can slow the service down by asking often. A figure that cannot be read right now is left out: its
 * absence is the alarm.
 */
export class Collector {
  readonly #deps: CollectorDeps;
  readonly #delay = monitorEventLoopDelay({ resolution: 10 });
  #kept: { readonly at: number; readonly gauges: readonly Gauge[] } | null = null;
  #reading: Promise<readonly Gauge[]> | null = null;

  constructor(deps: CollectorDeps) {
    this.#deps = deps;
    this.#delay.enable();
  }

  async gauges(): Promise<readonly Gauge[]> {
    const { more } = this.#deps;
    return [
      ...(await this.#cached()),
      ...memoryGauges(process.memoryUsage()),
      gauge("wharf_uptime_seconds", "Since the start of the process.", Math.round(process.uptime())),
      ...more(),
    ];
  }

  close(): void {
    this.#delay.disable();
  }

  async #cached(): Promise<readonly Gauge[]> {
    if (this.#kept !== null && performance.now() - this.#kept.at < LIMITS.metricsCacheMs) return this.#kept.gauges;
    this.#reading ??= this.#read().finally(() => {
      this.#reading = null;
    });
    return this.#reading;
  }

  async #read(): Promise<readonly Gauge[]> {
    const { catalogue, blobs } = this.#deps;
    const [figures, disk] = await Promise.all([
      catalogue.run(serviceFigures, {}).then(gaugesOf, () => []),
      blobs.check().then(
        ({ freeBytes }) =>
          freeBytes === null ? [] : [gauge("wharf_disk_free_bytes", "Room on the blobs' disk.", freeBytes)],
        () => [],
      ),
    ]);
    const gauges = [...figures, ...disk, this.#eventLoop()];
    this.#kept = { at: performance.now(), gauges };
    return gauges;
  }

  /** Of the time since it was last read: a maximum since the start would tell of one bad second for ever. */
  #eventLoop(): Gauge {
    const seconds = (nanoseconds: number) => (Number.isFinite(nanoseconds) ? nanoseconds / 1e9 : 0);
    const samples = [
      { labels: { quantile: "0.5" }, value: seconds(this.#delay.percentile(50)) },
      { labels: { quantile: "0.99" }, value: seconds(this.#delay.percentile(99)) },
      { labels: { quantile: "1" }, value: seconds(this.#delay.max) },
    ];
    this.#delay.reset();
    const say = "Delay of the main thread's event loop since the figure was last read; 10 ms is its resolution.";
    return { name: "wharf_event_loop_delay_seconds", say, samples };
  }
}

/** Of what the resident memory is: objects, buffers, and the rest (database caches, compiled code, threads). */
function memoryGauges({ rss, heapUsed, heapTotal, external }: NodeJS.MemoryUsage): readonly Gauge[] {
  return [
    gauge("process_resident_memory_bytes", "Resident memory of the server process.", rss),
    gauge("nodejs_heap_size_used_bytes", "JavaScript objects of the main thread.", heapUsed),
    gauge("nodejs_heap_size_total_bytes", "What the main thread's heap has taken for them.", heapTotal),
    gauge("nodejs_external_memory_bytes", "Buffers of the main thread.", external),
  ];
}

export function gauge(name: string, say: string, value: number): Gauge {
  return { name, say, samples: [{ value }] };
}

function gaugesOf(figures: ServiceFigures): readonly Gauge[] {
  return [
    gauge("wharf_sessions_live", "Upload sessions that are open or received.", figures.liveSessions),
    {
      name: "wharf_tasks",
      say: "Tasks by state: due (waiting for a worker), backed_off, running.",
      samples: [
        { labels: { state: "due" }, value: figures.dueTasks },
        { labels: { state: "backed_off" }, value: figures.backedOffTasks },
        { labels: { state: "running" }, value: figures.runningTasks },
      ],
    },
    gauge(
      "wharf_tasks_suspect",
      `Tasks that the server did not survive ${LIMITS.crashesBeforeWait} times in a row; each waits an hour before a try.`,
      figures.suspectTasks,
    ),
    gauge("wharf_tasks_oldest_due_seconds", "How long the head of the queue has waited.", figures.oldestDueMs / 1000),
  ];
}
