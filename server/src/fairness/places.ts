import { WharfError } from "../errors.ts";
import type { CredentialId, TeamId } from "../ids.ts";
import { type Metrics, NO_METRICS } from "../metrics/metrics.ts";

/**
 * A bounded number of places that all teams share, in this process, such that no team takes them all.
 *
 * - **share**: a team may take another place while it holds fewer than are free: half of them when it is alone, and the
 *   next team finds half of the rest. A key may take another while it holds fewer than three times what its team may
 *   still take: three quarters of its team's share when it is alone. (Dynamic thresholds, Choudhury and Hahne, 1998.)
 *   Fixed shares were rejected: with a hundred teams each would be too small to be useful, or all of them together more
 *   than there is.
 * - **holder**: a team, and the key that it came with; null where none is known, as behind an upload URL.
 */
export interface Holder {
  readonly teamId: TeamId;
  readonly keyId: CredentialId | null;
}

export interface Place {
  /** Twice is harmless. */
  free(): void;
}

/** Whose share is used up: everybody's, the team's, or the key's. */
export type UsedUp = "all" | "team" | "key";

export interface PlacesOptions {
  /** In figures and refusals: "downloads". */
  readonly name: string;
  readonly total: number;
  readonly metrics?: Metrics;
}

export class Places {
  readonly name: string;
  readonly total: number;
  readonly #metrics: Metrics;
  readonly #ofTeam = new Map<TeamId, number>();
  readonly #ofKey = new Map<CredentialId, number>();
  #taken = 0;

  constructor({ name, total, metrics = NO_METRICS }: PlacesOptions) {
    this.name = name;
    this.total = total;
    this.#metrics = metrics;
  }

  get taken(): number {
    return this.#taken;
  }

  /** A place, or whose share is used up. `size`: as many places as one. */
  tryTake(holder: Holder, size = 1): Place | UsedUp {
    const usedUp = this.#usedUp(holder, size);
    if (usedUp !== null) {
      this.#metrics.count("wharf_places_refused_total", { of: this.name, share: usedUp });
      return usedUp;
    }
    this.#move(holder, size);
    let held = true;
    return {
      free: () => {
        if (held) this.#move(holder, -size);
        held = false;
      },
    };
  }

  /** A place; throws `overloaded`. */
  take(holder: Holder, size = 1): Place {
    const place = this.tryTake(holder, size);
    if (typeof place !== "string") return place;
    throw new WharfError("overloaded", {
      message: `${SAY[place](this.name)} Let some of them end, or try again after Retry-After seconds.`,
      details: { of: this.name, share: place },
      headers: { "Retry-After": "1" },
    });
  }

  /** A share may be exceeded by the last that it lets in; all places may not. */
  #usedUp({ teamId, keyId }: Holder, size: number): UsedUp | null {
    const free = this.total - this.#taken;
    if (free < size) return "all";
    const left = free - (this.#ofTeam.get(teamId) ?? 0);
    if (left < 1) return "team";
    // Each place that the team takes is one more of its own and one less that is free: it may still take
    // half of `left`.
    const ofKey = keyId === null ? 0 : (this.#ofKey.get(keyId) ?? 0);
    return ofKey < KEY_SHARE * (left / 2) ? null : "key";
  }

  #move({ teamId, keyId }: Holder, by: number): void {
    this.#taken += by;
    add(this.#ofTeam, teamId, by);
    if (keyId !== null) add(this.#ofKey, keyId, by);
  }
}

const KEY_SHARE = 3;

const SAY: Readonly<Record<UsedUp, (name: string) => string>> = {
  all: (name) => `The server has no room for more ${name} just now.`,
  team: (name) => `Your team has as many ${name} under way as its share allows.`,
  key: (name) => `This key has as many ${name} under way as its share allows.`,
};

function add<Id>(counts: Map<Id, number>, id: Id, by: number): void {
  const count = (counts.get(id) ?? 0) + by;
  if (count === 0) counts.delete(id);
  else counts.set(id, count);
}
