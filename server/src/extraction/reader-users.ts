import { readFileSync } from "node:fs";

/**
 * Users for readers, one each while they live, so that a reader that was taken over is a stranger to the others. Nobody
 * else has these numbers: distributions give people and services numbers below 65 536, and containers the ones up to
 * 1.88 thousand millions.
 */
export class ReaderUsers {
  readonly #range: UserRange;
  readonly #taken = new Set<number>();
  #next: number;

  /** Two servers on one machine begin at different places: `seed` is the process's id. */
  constructor(range: UserRange, seed: number) {
    this.#range = range;
    this.#next = (seed * 97) % range.count;
  }

  /**
   * The one that has been free for longest, more or less: what an earlier reader left in the kernel by its number has
   * had time to go.
   */
  take(): number {
    while (this.#taken.has(this.#next)) this.#next = (this.#next + 1) % this.#range.count;
    const taken = this.#next;
    this.#taken.add(taken);
    this.#next = (taken + 1) % this.#range.count;
    return this.#range.first + taken;
  }

  giveBack(user: number): void {
    this.#taken.delete(user - this.#range.first);
  }
}

export interface UserRange {
  readonly first: number;
  /** More than there are ever readers at once. */
  readonly count: number;
}

/** The second for containers with a map of 65 536: no distribution gives these to anybody. */
const RANGES: readonly UserRange[] = [
  { first: 1_900_000_000, count: 65_536 },
  { first: 60_706, count: 478 },
];

/**
 * Null when this process's maps of users and groups (user_namespaces(7)) have no room: in a container that knows one
 * user, say.
 */
export function userRange(maps: readonly string[] = ownMaps()): UserRange | null {
  return RANGES.find((range) => maps.every((map) => holds(map, range))) ?? null;
}

function ownMaps(): readonly string[] {
  try {
    return ["uid_map", "gid_map"].map((name) => readFileSync(`/proc/self/${name}`, "latin1"));
  } catch {
    return [""];
  }
}

function holds(map: string, { first, count }: UserRange): boolean {
  return map.split("\n").some((line) => {
    const [inside = 0, , length = 0] = line.trim().split(/\s+/).map(Number);
    return inside <= first && first + count <= inside + length;
  });
}
