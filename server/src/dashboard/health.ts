import type { BlobStore } from "../blobs/blob-store.ts";
import type { Catalogue } from "../catalogue/catalogue.ts";
import type { Holder, Places } from "../fairness/places.ts";
import type { Turns } from "../fairness/turns.ts";
import { LIMITS } from "../limits.ts";
import { type TeamQueue, teamQueue } from "./store.ts";

/** A page looks every few seconds, and there may be many pages: one look at the disk serves them all for so long. */
const LOOK_EVERY_MS = 2000;

export interface DiskFigures {
  /** Whole percent: finer figures would tell a team what others upload. Null: the store has no limit of its own. */
  readonly usedPercent: number | null;
  /** For those who administer. */
  readonly freeBytes: number | null;
  readonly totalBytes: number | null;
  /** At this little that is free, uploads are refused. */
  readonly reserveBytes: number;
}

export interface HealthDeps {
  readonly catalogue: Catalogue;
  readonly blobs: BlobStore;
  /** Looks at queues, and lists, under way … */
  readonly lists: Places;
  /** … whose reads take turns with all that look at many rows. */
  readonly walks: Turns;
  /** As set; null: by limits. */
  readonly reserveBytes: number | null;
}

/** What the dashboard's page of health shows beside `/readyz`. */
export class Health {
  readonly #deps: HealthDeps;
  #disk: { readonly at: number; readonly figures: Promise<DiskFigures | null> } | null = null;

  constructor(deps: HealthDeps) {
    this.#deps = deps;
  }

  /** Throws `overloaded`. */
  async queueOf(by: Holder, gone: AbortSignal): Promise<TeamQueue> {
    const { catalogue, lists, walks } = this.#deps;
    const place = lists.take(by);
    try {
      return await walks.run(by, gone, () => catalogue.run(teamQueue, { teamId: by.teamId }));
    } finally {
      place.free();
    }
  }

  /** Null: it does not answer. */
  disk(): Promise<DiskFigures | null> {
    const now = performance.now();
    if (this.#disk === null || now - this.#disk.at > LOOK_EVERY_MS)
      this.#disk = { at: now, figures: this.#look().catch(() => null) };
    return this.#disk.figures;
  }

  async #look(): Promise<DiskFigures> {
    const { freeBytes, totalBytes } = await this.#deps.blobs.check();
    const share = totalBytes === null ? LIMITS.diskReserveBytes : totalBytes * LIMITS.diskReserveShare;
    const reserveBytes = this.#deps.reserveBytes ?? Math.min(LIMITS.diskReserveBytes, share);
    const known = freeBytes !== null && totalBytes !== null && totalBytes > 0;
    return {
      usedPercent: known ? Math.round((1 - freeBytes / totalBytes) * 100) : null,
      freeBytes,
      totalBytes,
      reserveBytes: Math.round(reserveBytes),
    };
  }
}
