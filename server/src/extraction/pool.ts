import { availableParallelism } from "node:os";
import { LIMITS } from "../limits.ts";
import type { Log } from "../log.ts";
import { type BudgetLimits, DOCUMENT_LIMITS } from "./budget.ts";
import { loadChildCode } from "./child-code.ts";
import { ExtractionChild, type Launch } from "./child-process.ts";
import { readOne } from "./document-run.ts";
import {
  type ExtractionEvent,
  type ExtractionOptions,
  type ExtractionSource,
  type Extractor,
  ExtractorTrouble,
} from "./extractor.ts";
import { type Lane, Lanes } from "./lanes.ts";
import { APP_ROOT, jailsToTry } from "./sandbox.ts";
import { Spawner } from "./spawner.ts";

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
 * is missing, once. Children are used again until they trapped or are worn out, those that were slowed down in the slow lane; one spare is
 * kept warm, because a start takes 40 ms of processor time. Throws ExtractorTrouble when no child can be started at all.
 */
export async function createExtractionPool(options: PoolOptions): Promise<Extractor> {
  const { appRoot = APP_ROOT, entry = `${appRoot}/server/src/extraction/child.ts`, limits = DOCUMENT_LIMITS } = options;
  const code = await loadChildCode(entry);
  const spawner = new Spawner(options.log);
  const jails = jailsToTry({ appRoot, entry, readable: options.readable ?? [] });
  const { launch, child } = await tryLaunches(jails.map((jail) => ({ spawner, jail, code }))).catch(async (error) => {
    await spawner.close();
    throw error;
  });
  const { isolation } = launch.jail;
  if (isolation.missing.length > 0) {
    options.log.warn({ missing: isolation.missing }, "extraction children are not fully isolated on this machine");
  }
  const pool = new ExtractionPool(launch, limits, options);
  pool.adopt(child);
  return pool;
}

/** The first one that works, with its first child. */
async function tryLaunches(launches: readonly Launch[]): Promise<{ launch: Launch; child: ExtractionChild }> {
  let cause: unknown;
  for (const launch of launches) {
    try {
      return { launch, child: await ExtractionChild.start(launch) };
    } catch (error) {
      cause = error;
    }
  }
  throw new ExtractorTrouble("No extraction child can be started on this machine.", { cause });
}

class ExtractionPool implements Extractor {
  readonly #launch: Launch;
  readonly #limits: BudgetLimits;
  readonly #log: Log;
  readonly #lanes: Lanes;
  readonly #places: Readonly<Record<Lane, number>>;
  /** By the lane that they are fit for: one that was slowed down stays so. */
  readonly #idle: Readonly<Record<Lane, ExtractionChild[]>> = { fast: [], slow: [] };
  readonly #alive = new Set<ExtractionChild>();
  readonly #closing = new AbortController();
  #starting: Promise<void> | null = null;

  constructor(launch: Launch, limits: BudgetLimits, options: PoolOptions) {
    this.#launch = launch;
    this.#limits = limits;
    this.#log = options.log;
    this.#places = { fast: options.places, slow: availableParallelism() };
    this.#lanes = new Lanes(this.#places);
  }

  get isolation() {
    return this.#launch.jail.isolation;
  }

  async *extract(source: ExtractionSource, options: ExtractionOptions): AsyncGenerator<ExtractionEvent> {
    const signal = AbortSignal.any([options.signal, this.#closing.signal]);
    const place = await this.#enter(options.lane, signal);
    try {
      const child = await this.#take(place.lane);
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
    for (const child of this.#alive) child.kill();
    await this.#launch.spawner.close();
    await this.#starting;
    await Promise.all([...this.#alive].map((child) => child.ended));
  }

  adopt(child: ExtractionChild): void {
    this.#alive.add(child);
    this.#idle.fast.push(child);
    void child.ended.then(() => {
      this.#alive.delete(child);
      this.#dropIdle(child);
    });
  }

  #dropIdle(child: ExtractionChild): void {
    for (const idle of Object.values(this.#idle)) {
      const at = idle.indexOf(child);
      if (at >= 0) idle.splice(at, 1);
    }
  }

  async #enter(lane: ExtractionOptions["lane"], signal: AbortSignal) {
    try {
      return await this.#lanes.enter(lane, signal);
    } catch (error) {
      throw error instanceof ExtractorTrouble ? error : new ExtractorTrouble("Reading was stopped.", { cause: error });
    }
  }

  async #take(lane: Lane): Promise<ExtractionChild> {
    const idle = this.#idle[lane].pop() ?? this.#idle.fast.pop();
    if (idle !== undefined && !idle.gone) {
      this.#warmUp();
      return idle;
    }
    const child = await ExtractionChild.start(this.#launch);
    this.adopt(child);
    this.#dropIdle(child);
    return child;
  }

  #giveBack(child: ExtractionChild): void {
    const lane = child.slowed ? "slow" : "fast";
    const fit = child.reusable && !child.gone && !isWorn(child) && !this.#closing.signal.aborted;
    if (fit && this.#idle[lane].length < this.#places[lane]) {
      this.#idle[lane].push(child);
      return;
    }
    child.kill();
    this.#warmUp();
  }

  /** Starts a spare in the background when there is none; its failure is met again, and told, by the document that needs one. */
  #warmUp(): void {
    if (this.#idle.fast.length > 0 || this.#starting !== null || this.#closing.signal.aborted) return;
    this.#starting = ExtractionChild.start(this.#launch)
      .then((child) => (this.#closing.signal.aborted ? child.kill() : this.adopt(child)))
      .catch((error) => this.#log.debug({ err: error }, "no spare extraction child"))
      .finally(() => {
        this.#starting = null;
      });
  }
}

/** What documents leave behind in a process adds up, and one large document's memory is not given back. */
function isWorn(child: ExtractionChild): boolean {
  const { cpuMs, rssBytes } = child.usage() ?? { cpuMs: 0, rssBytes: 0 };
  return (
    child.documents >= LIMITS.childDocuments || cpuMs > LIMITS.childLifeCpuMs || rssBytes > LIMITS.childIdleRssBytes
  );
}
