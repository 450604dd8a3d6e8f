import { performance } from "node:perf_hooks";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { LIMITS } from "./limits.ts";
import type { Log } from "./log.ts";

export interface IdleMemoryDeps {
  readonly log: Log;
  /** Default limits.idleMemoryLookMs. */
  readonly lookEveryMs?: number;
  /** Bytes that the process holds. Default: its resident memory. */
  readonly held?: () => number;
  /** Share of the time since the last call that the main thread worked, 0 … 1. Default: of the event loop. */
  readonly busy?: () => number;
  /** Default: one collection of the main thread's heap that keeps no pages for later. */
  readonly collect?: () => void;
}

/**
 * Gives memory back after a peak. V8 grows its heap under load and collects when something is allocated; a server that
 * has become quiet keeps the garbage of its busiest minute for as long as it stays quiet (after 10 000 held polls: 790
 * MiB, of which 365 are in use). So when the main thread has little to do, and the process holds much more than after
 * the last time, one collection is asked for: 35 ms of its time. A smaller heap from the start was rejected: it takes
 * those milliseconds again and again while there is work.
 */
export class IdleMemory {
  readonly #deps: Required<IdleMemoryDeps>;
  #timer: NodeJS.Timeout | undefined;
  /** The least that was held since the last collection. What one does not give back was no garbage. */
  #level: number;

  constructor(deps: IdleMemoryDeps) {
    this.#deps = {
      lookEveryMs: LIMITS.idleMemoryLookMs,
      held: () => process.memoryUsage.rss(),
      busy: utilizationBetweenCalls(),
      collect: collectAll,
      ...deps,
    };
    this.#level = this.#deps.held();
  }

  start(): void {
    this.#timer = setInterval(() => this.look(), this.#deps.lookEveryMs);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  look(): void {
    const { log, held, busy, collect } = this.#deps;
    const before = held();
    const isBusy = busy() > LIMITS.idleMemoryBusy;
    this.#level = Math.min(this.#level, before);
    if (isBusy || before < this.#level + LIMITS.idleMemorySpareBytes) return;
    const began = performance.now();
    collect();
    this.#level = held();
    const ms = Math.round(performance.now() - began);
    log.debug({ before_bytes: before, after_bytes: this.#level, ms }, "gave memory back that nothing used");
  }
}

function utilizationBetweenCalls(): () => number {
  let last = performance.eventLoopUtilization();
  return () => {
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, last);
    last = now;
    return utilization;
  };
}

/** An ordinary collection would keep the pages that it has emptied in a pool. */
function collectAll(): void {
  setFlagsFromString("--expose-gc");
  runInNewContext('gc({ type: "major", flavor: "last-resort" })');
}
