/**
 * When to try again, and when to give up: back-off 0.25, 0.5, 1, 2, 4, 8, 15, 15 … s, each shortened by up to half at
 * random, or what `Retry-After` asks for. It gives up `limitMs` after the last progress, so that a long job on a bad
 * line goes on as long as it moves.
 */
export class Patience {
  readonly #limitMs: number;
  readonly #timing: Timing;
  #failures = 0;
  #since: number | null = null;

  constructor(limitMs: number, timing: Timing) {
    this.#limitMs = limitMs;
    this.#timing = timing;
  }

  /** Something went forward. */
  progress(): void {
    this.#failures = 0;
    this.#since = null;
  }

  /** Waits before the next try; false = enough. `retryAfterSeconds`: what the server asked for, or null. */
  async again(retryAfterSeconds: number | null, signal: AbortSignal): Promise<boolean> {
    const now = this.#timing.now();
    this.#since ??= now;
    const delayMs = delayBefore(this.#failures, retryAfterSeconds, this.#timing.random());
    if (now + delayMs - this.#since > this.#limitMs) return false;
    this.#failures += 1;
    await this.#timing.wait(delayMs, signal);
    return true;
  }
}

export interface Timing {
  /** Monotonic milliseconds. */
  now(): number;
  /** 0 to 1. */
  random(): number;
  /** Rejects with the signal's reason. */
  wait(ms: number, signal: AbortSignal): Promise<void>;
}

const FIRST_DELAY_MS = 250;
const MAX_DELAY_MS = 15_000;
/** More than the server ever asks for; a broken clock in between must not park a job for a day. */
const MAX_RETRY_AFTER_SECONDS = 120;

/**
 * Pure. `failures`: tries that failed since the last progress. To be asked to come back at once is to be asked nothing.
 */
export function delayBefore(failures: number, retryAfterSeconds: number | null, random: number): number {
  if (retryAfterSeconds !== null && retryAfterSeconds > 0) {
    // A little more than asked for, spread out: clients that were refused together must not come back together.
    return Math.min(retryAfterSeconds, MAX_RETRY_AFTER_SECONDS) * 1000 + random * FIRST_DELAY_MS;
  }
  return Math.min(FIRST_DELAY_MS * 2 ** Math.min(failures, 16), MAX_DELAY_MS) * (1 - random / 2);
}

export const realTiming: Timing = {
  now: () => performance.now(),
  random: () => Math.random(),
  wait: (ms, signal) =>
    new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason);
      const aborted = () => {
        clearTimeout(timer);
        reject(signal.reason);
      };
      const timer = setTimeout(() => {
        signal.removeEventListener("abort", aborted);
        resolve();
      }, ms);
      signal.addEventListener("abort", aborted, { once: true });
    }),
};

/**
 * `Retry-After` in seconds, or null when there is none. A proxy may send a time instead: that is counted from the
 * answer's own `Date`, since two machines' clocks differ, and from `nowMs` (Unix) where the answer shows none.
 */
export function retryAfterOf(
  answer: { header(name: string): string | null },
  nowMs: number = Date.now(),
): number | null {
  const text = answer.header("Retry-After") ?? "";
  if (/^\d{1,6}$/.test(text)) return Number(text);
  const until = timeIn(text);
  if (until === null) return null;
  return Math.max(0, Math.ceil((until - (timeIn(answer.header("Date") ?? "") ?? nowMs)) / 1000));
}

/** A time as HTTP writes it (RFC 9110 §5.6.7); `Date.parse` alone takes "1.5" for a day. */
function timeIn(text: string): number | null {
  const time = /^[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT$/.test(text)
    ? Date.parse(text)
    : Number.NaN;
  return Number.isNaN(time) ? null : time;
}
