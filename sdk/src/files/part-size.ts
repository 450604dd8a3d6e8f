import type { Timing } from "../core/patience.ts";

/**
 * How many bytes go into the next request: on a quick line as many as may lie in memory, on a slow one what takes two
 * seconds, so that progress is seen and a cut costs little. Whole units of 256 KiB, as the protocol wants of a part
 * that is not the last (PUT-7).
 */
export class PartSize {
  readonly #timing: Pick<Timing, "now">;
  #bytes = MAX_BYTES;
  #since = 0;

  constructor(timing: Pick<Timing, "now">) {
    this.#timing = timing;
  }

  get bytes(): number {
    return this.#bytes;
  }

  begins(): void {
    this.#since = this.#timing.now();
  }

  /** So many of it were kept. */
  ended(bytes: number): void {
    const tookMs = Math.max(1, this.#timing.now() - this.#since);
    this.#bytes = within((bytes * AIM_MS) / tookMs);
  }

  /** The line was cut, or too slow for it. */
  failed(): void {
    this.#bytes = within(this.#bytes / 4);
  }
}

function within(bytes: number): number {
  return Math.min(MAX_BYTES, Math.max(UNIT_BYTES, Math.floor(bytes / UNIT_BYTES) * UNIT_BYTES));
}

const UNIT_BYTES = 256 * 1024;
const MAX_BYTES = 8 * 1024 * 1024;
const AIM_MS = 2000;
