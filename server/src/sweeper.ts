import type { BlobStore } from "./blobs/blob-store.ts";
import type { Catalogue, Operation } from "./catalogue/catalogue.ts";
import { forgetTombstones } from "./files/retention.store.ts";
import { LIMITS } from "./limits.ts";
import type { Log } from "./log.ts";
import type { ByteEndpoint } from "./uploads/byte-endpoint.ts";
import { reconcile } from "./uploads/reconcile.ts";
import { expireSessions, forgetSessions } from "./uploads/sweep.store.ts";

/**
 * The one background broom: expires sessions, forgets what its retention has passed, and removes what nothing refers to. Every step is a
 * bounded batch and may be repeated at any time; a failure is logged and tried again at the next round.
 */
export interface SweeperDeps {
  readonly catalogue: Catalogue;
  readonly blobs: BlobStore;
  readonly bytes: ByteEndpoint;
  /** Builds that no file shows and no task writes (indexing/). */
  readonly pruneBuilds: () => Promise<unknown>;
  /** A page of files whose builds the index has to hold (indexing/). */
  readonly auditIndex: () => Promise<unknown>;
  readonly log: Log;
}

const BATCH = 200;

export class Sweeper {
  readonly #deps: SweeperDeps;
  readonly #stopping = new AbortController();
  #round: Promise<void> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;
  #reconciledAt = performance.now();

  constructor(deps: SweeperDeps) {
    this.#deps = deps;
  }

  start(): void {
    this.#timer = setInterval(() => {
      this.#round = this.#round.then(() => this.runOnce());
    }, LIMITS.sweepEveryMs);
    this.#timer.unref();
  }

  /** Within a batch's time. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.#stopping.abort();
    await this.#round;
  }

  async runOnce(): Promise<void> {
    await this.#step("expire sessions", () => this.#expire());
    await this.#step("forget sessions", () => this.#repeat(forgetSessions));
    await this.#step("forget tombstones", () => this.#repeat(forgetTombstones));
    await this.#step("prune builds", this.#deps.pruneBuilds);
    await this.#step("audit the index", this.#deps.auditIndex);
    if (performance.now() - this.#reconciledAt < LIMITS.reconcileEveryMs) return;
    this.#reconciledAt = performance.now();
    await this.#step("reconcile", () => this.#reconcile());
  }

  async #expire(): Promise<void> {
    const { catalogue, blobs, bytes } = this.#deps;
    while (!this.#stopping.signal.aborted) {
      const ended = await catalogue.run(expireSessions, { limit: BATCH, busy: bytes.busySessions() });
      for (const session of ended) await blobs.removeSegments(session);
      if (ended.length < BATCH) return;
    }
  }

  async #repeat(operation: Operation<{ limit: number }, number>): Promise<void> {
    while (!this.#stopping.signal.aborted && (await this.#deps.catalogue.run(operation, { limit: BATCH })) >= BATCH);
  }

  async #reconcile(): Promise<void> {
    const { bytes, log } = this.#deps;
    const report = await reconcile(this.#deps, {
      nobodyWrites: false,
      busy: () => bytes.busySessions(),
      repair: true,
      signal: this.#stopping.signal,
    });
    if (report.tails > 0 || Object.values(report.garbage).some((count) => count > 0))
      log.info({ ...report }, "reconcile removed garbage");
  }

  async #step(name: string, work: () => Promise<unknown>): Promise<void> {
    if (this.#stopping.signal.aborted) return;
    try {
      await work();
    } catch (error) {
      this.#deps.log.warn({ err: error, step: name }, "a sweep failed; it is tried again");
    }
  }
}
