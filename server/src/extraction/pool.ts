import { availableParallelism } from "node:os";
import { LIMITS } from "../limits.ts";
import type { Log } from "../log.ts";
import { type BudgetLimits, DOCUMENT_LIMITS } from "./budget.ts";
import { ExtractionChild } from "./child-process.ts";
import { readOne } from "./document-run.ts";
import {
  type ExtractionEvent,
  type ExtractionOptions,
  type ExtractionSource,
  type Extractor,
  ExtractorTrouble,
} from "./extractor.ts";
import { Lanes } from "./lanes.ts";
import { APP_ROOT, type Jail, jailsToTry } from "./sandbox.ts";

export interface PoolOptions {
  /** Places of the fast lane, config.workers. The slow lane has as many as the machine has cores. */
  readonly places: number;
  readonly log: Log;
  /** Folder that holds `server/` and `node_modules/`. */
  readonly appRoot?: string;
  /** Script that the children run; tests give their own, with `readable` for its folder. */
  readonly entry?: string;
  readonly readable?: readonly string[];
  readonly limits?: BudgetLimits;
}

/**
 * The Extractor port on jailed child processes. A trial child shows at start what isolation this machine gives; the log says what
 * is missing, once. Children are used again until they trapped, slowed down or are worn out; one spare is kept warm, because a
 * start takes 0.1 s. Throws ExtractorTrouble when no child can be started at all.
 */
export async function createExtractionPool(options: PoolOptions): Promise<Extractor> {
  const { appRoot = APP_ROOT, entry = `${appRoot}/server/src/extraction/child.ts`, limits = DOCUMENT_LIMITS } = options;
  const { jail, child } = await tryJails(jailsToTry({ appRoot, entry, readable: options.readable ?? [] }));
  if (jail.isolation.missing.length > 0) {
    options.log.warn({ missing: jail.isolation.missing }, "extraction children are not fully isolated on this machine");
  }
  const pool = new ExtractionPool(jail, limits, options);
  pool.adopt(child);
  return pool;
}

async function tryJails(jails: readonly Jail[]): Promise<{ jail: Jail; child: ExtractionChild }> {
  let cause: unknown;
  for (const jail of jails) {
    try {
      return { jail, child: await ExtractionChild.start(jail) };
    } catch (error) {
      cause = error;
    }
  }
  throw new ExtractorTrouble("No extraction child can be started on this machine.", { cause });
}

class ExtractionPool implements Extractor {
  readonly #jail: Jail;
  readonly #limits: BudgetLimits;
  readonly #log: Log;
  readonly #lanes: Lanes;
  readonly #keepIdle: number;
  readonly #idle: ExtractionChild[] = [];
  readonly #alive = new Set<ExtractionChild>();
  readonly #closing = new AbortController();
  #starting: Promise<void> | null = null;

  constructor(jail: Jail, limits: BudgetLimits, options: PoolOptions) {
    this.#jail = jail;
    this.#limits = limits;
    this.#log = options.log;
    this.#keepIdle = options.places;
    this.#lanes = new Lanes({ fast: options.places, slow: availableParallelism() });
  }

  get isolation() {
    return this.#jail.isolation;
  }

  async *extract(source: ExtractionSource, options: ExtractionOptions): AsyncGenerator<ExtractionEvent> {
    const signal = AbortSignal.any([options.signal, this.#closing.signal]);
    const place = await this.#enter(options.lane, signal);
    try {
      const child = await this.#take();
      try {
        if (place.lane === "slow") child.slowDown();
        const run = { child, place, limits: this.#limits, signal, onSlow: options.onSlow };
        yield* readOne(source, run);
      } finally {
        // Also when the consumer left the loop: a child in the middle of a document has said nothing that says so.
        this.#giveBack(child);
      }
    } finally {
      place.leave();
    }
  }

  async close(): Promise<void> {
    this.#closing.abort(new ExtractorTrouble("The extraction pool is closed."));
    await this.#starting;
    for (const child of this.#alive) child.kill();
    await Promise.all([...this.#alive].map((child) => child.ended));
  }

  adopt(child: ExtractionChild): void {
    this.#alive.add(child);
    this.#idle.push(child);
    void child.ended.then(() => {
      this.#alive.delete(child);
      const at = this.#idle.indexOf(child);
      if (at >= 0) this.#idle.splice(at, 1);
    });
  }

  async #enter(lane: ExtractionOptions["lane"], signal: AbortSignal) {
    try {
      return await this.#lanes.enter(lane, signal);
    } catch (error) {
      throw error instanceof ExtractorTrouble ? error : new ExtractorTrouble("Reading was stopped.", { cause: error });
    }
  }

  async #take(): Promise<ExtractionChild> {
    const idle = this.#idle.pop();
    if (idle !== undefined && !idle.gone) {
      this.#warmUp();
      return idle;
    }
    const child = await ExtractionChild.start(this.#jail);
    this.adopt(child);
    this.#idle.splice(this.#idle.indexOf(child), 1);
    return child;
  }

  #giveBack(child: ExtractionChild): void {
    const worn = child.documents >= LIMITS.childDocuments || (child.usage()?.cpuMs ?? 0) > LIMITS.childLifeCpuMs;
    if (
      child.reusable &&
      !child.gone &&
      !child.slowed &&
      !worn &&
      this.#idle.length < this.#keepIdle &&
      !this.#closing.signal.aborted
    ) {
      this.#idle.push(child);
      return;
    }
    child.kill();
    this.#warmUp();
  }

  /** Starts a spare in the background when there is none; its failure is met again, and told, by the document that needs one. */
  #warmUp(): void {
    if (this.#idle.length > 0 || this.#starting !== null || this.#closing.signal.aborted) return;
    this.#starting = ExtractionChild.start(this.#jail)
      .then((child) => (this.#closing.signal.aborted ? child.kill() : this.adopt(child)))
      .catch((error) => this.#log.debug({ err: error }, "no spare extraction child"))
      .finally(() => {
        this.#starting = null;
      });
  }
}
