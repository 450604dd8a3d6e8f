import type { Catalogue } from "../catalogue/catalogue.ts";
import type { Log } from "../log.ts";
import { gauge } from "../metrics/collect.ts";
import type { Gauge, Metrics } from "../metrics/metrics.ts";
import type { Chore } from "./chore.ts";
import { ChoreLoop } from "./chore-loop.ts";
import { forgetOtherPositions, readPositions } from "./position.store.ts";

export interface MaintenanceDeps {
  readonly chores: readonly Chore[];
  readonly catalogue: Catalogue;
  readonly log: Log;
  readonly metrics: Metrics;
}

/**
 * All chores of a server, each in a loop of its own, so that none waits for another: the look for dead workers comes
 * every second, while a round through a million stored objects takes an hour. One process at a time runs them: the
 * one that holds the data folder's lock.
 *
 * A start waits for none of it. What a crash left behind is invisible until it is swept: decision 0040 says so of
 * each kind.
 */
export class Maintenance {
  readonly #deps: MaintenanceDeps;
  readonly #stopping = new AbortController();
  readonly #loops: readonly ChoreLoop[];
  #running: Promise<unknown> = Promise.resolve();

  constructor(deps: MaintenanceDeps) {
    this.#deps = deps;
    this.#loops = deps.chores.map((chore) => new ChoreLoop(chore, deps));
  }

  start(): void {
    this.#running = this.#run();
  }

  /** Within a batch's time; positions are kept. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  gauges(): readonly Gauge[] {
    if (this.#loops.length === 0) return [];
    const samples = this.#loops.map((loop) => ({ labels: { chore: loop.name }, value: loop.roundAgeSeconds }));
    return [{ ...gauge("wharf_maintenance_round_age_seconds", ROUND_AGE, 0), samples }];
  }

  async #run(): Promise<void> {
    const positions = await this.#positions();
    const { signal } = this.#stopping;
    await Promise.all(this.#loops.map((loop) => loop.run(positions.get(loop.name) ?? null, signal)));
  }

  /** A chore that does not know its place begins at the beginning: nothing but time is lost. */
  async #positions(): Promise<ReadonlyMap<string, string>> {
    const { catalogue, chores, log } = this.#deps;
    try {
      await catalogue.run(forgetOtherPositions, { chores: chores.map((chore) => chore.name) });
      const kept = await catalogue.run(readPositions, {});
      return new Map(kept.map(({ chore, position }) => [chore, position]));
    } catch (err) {
      log.warn({ err }, "maintenance begins at the beginning: its positions cannot be read");
      return new Map();
    }
  }
}

const ROUND_AGE = "Since a round of a chore last ended, by chore; before the first: since the process started.";
