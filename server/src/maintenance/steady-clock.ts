import type { Clock } from "../clock.ts";
import { LIMITS } from "../limits.ts";
import type { Log } from "../log.ts";

/**
 * Whether the wall clock may be believed by what takes things away for good. One that jumps forward (a wrong time server,
 * a machine that slept) makes every open upload look expired, and ten seconds later its acknowledged bytes would be gone,
 * also when the clock is set right after a minute. So after a jump, either way, nothing is taken away for
 * limits.clockHoldMs. (What is answered goes by the clock as it is: that does no harm which lasts.)
 */
export class SteadyClock {
  readonly #clock: Clock;
  readonly #log: Log;
  /** Milliseconds on a clock that does not jump. */
  readonly #elapsed: () => number;
  #ahead: number;
  #holdUntil = Number.NEGATIVE_INFINITY;

  constructor(options: { readonly clock: Clock; readonly log: Log; readonly elapsed?: () => number }) {
    this.#clock = options.clock;
    this.#log = options.log;
    this.#elapsed = options.elapsed ?? (() => performance.now());
    this.#ahead = this.#clock.now() - this.#elapsed();
  }

  /** False for a while after the clock has jumped since the last time that this was asked. */
  isSteady(): boolean {
    const at = this.#elapsed();
    const ahead = this.#clock.now() - at;
    const jumpedMs = Math.round(ahead - this.#ahead);
    this.#ahead = ahead;
    if (Math.abs(jumpedMs) > LIMITS.lateTimerMs) {
      this.#holdUntil = at + LIMITS.clockHoldMs;
      this.#log.warn({ jumped_ms: jumpedMs, held_ms: LIMITS.clockHoldMs }, "the clock has jumped: nothing expires yet");
    }
    return at >= this.#holdUntil;
  }
}
