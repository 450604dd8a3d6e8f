import { setTimeout as wait } from "node:timers/promises";
import type { Catalogue } from "../catalogue/catalogue.ts";
import { LIMITS } from "../limits.ts";
import type { Log } from "../log.ts";
import type { Metrics } from "../metrics/metrics.ts";
import type { Batch, Chore } from "./chore.ts";
import { keepPosition } from "./position.store.ts";

export interface LoopDeps {
  readonly catalogue: Catalogue;
  readonly log: Log;
  readonly metrics: Metrics;
}

/** One chore's rounds: batch, rest, batch, until the round ends; then a pause until the next is due. */
export class ChoreLoop {
  readonly #chore: Chore;
  readonly #deps: LoopDeps;
  #position: string | null = null;
  /** What the catalogue has, and since when. */
  #kept: { readonly position: string | null; readonly at: number } = { position: null, at: performance.now() };
  #roundEndedAt = performance.now();

  constructor(chore: Chore, deps: LoopDeps) {
    this.#chore = chore;
    this.#deps = deps;
  }

  get name(): string {
    return this.#chore.name;
  }

  get roundAgeSeconds(): number {
    return (performance.now() - this.#roundEndedAt) / 1000;
  }

  /** Until the signal is aborted. Never rejects: an outage is logged, and the batch tried again. */
  async run(position: string | null, signal: AbortSignal): Promise<void> {
    this.#position = position;
    this.#kept = { position, at: performance.now() };
    // A round that an earlier process began has seen what lay before its position as it was then: the next follows at
    // once.
    let isWhole = position === null;
    while (!signal.aborted) {
      const began = performance.now();
      await this.#round(signal);
      if (signal.aborted) break;
      this.#roundEndedAt = performance.now();
      if (isWhole) this.#deps.metrics.count("wharf_maintenance_rounds_total", this.#labels);
      const pauseMs = isWhole ? this.#chore.everyMs - (performance.now() - began) : 0;
      isWhole = true;
      await rest(pauseMs, signal);
    }
    await this.#keep();
  }

  async #round(signal: AbortSignal): Promise<void> {
    for (let ended = false; !ended && !signal.aborted; ) {
      const began = performance.now();
      const batch = await this.#batch(signal);
      const tookMs = performance.now() - began;
      if (batch === null) {
        await rest(Math.min(this.#chore.everyMs, LIMITS.maintenanceRetryMs), signal);
        continue;
      }
      if (signal.aborted) return;
      ended = batch.ended;
      this.#position = batch.next;
      if (ended || performance.now() - this.#kept.at > LIMITS.keepPositionEveryMs) await this.#keep();
      if (!ended) await rest(tookMs * (1 / this.#chore.share - 1), signal);
    }
  }

  /** null: it failed. */
  async #batch(signal: AbortSignal): Promise<Batch | null> {
    const { metrics, log } = this.#deps;
    const began = performance.now();
    try {
      const batch = await this.#chore.runOnce(this.#position, signal);
      metrics.count("wharf_maintenance_looked_total", this.#labels, batch.looked);
      metrics.count("wharf_maintenance_mended_total", this.#labels, batch.mended);
      if (batch.failed) metrics.count("wharf_maintenance_failures_total", this.#labels, batch.failed);
      return batch;
    } catch (err) {
      if (signal.aborted) return null;
      metrics.count("wharf_maintenance_failures_total", this.#labels);
      log.warn({ err, chore: this.name }, "a step of maintenance failed; it is tried again");
      return null;
    } finally {
      metrics.count("wharf_maintenance_seconds_total", this.#labels, (performance.now() - began) / 1000);
    }
  }

  /** Nothing is written for a chore that is where it was: an idle server leaves its disk alone. */
  async #keep(): Promise<void> {
    const at = performance.now();
    const position = this.#position;
    if (position === this.#kept.position) return;
    try {
      await this.#deps.catalogue.run(keepPosition, { chore: this.name, position });
      this.#kept = { position, at };
    } catch (err) {
      // A full disk: after a restart this part of the round is done again.
      this.#deps.log.debug({ err, chore: this.name }, "a position of maintenance could not be kept");
    }
  }

  get #labels() {
    return { chore: this.name };
  }
}

async function rest(ms: number, signal: AbortSignal): Promise<void> {
  await wait(Math.max(0, ms), undefined, { signal, ref: false }).catch(() => {});
}
