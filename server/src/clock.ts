/** Wall time, injected everywhere a decision depends on it. Durations use `performance.now()`, never this. */
export interface Clock {
  /** Milliseconds since 1970-01-01 UTC, an integer. May jump, also backwards. */
  now(): number;
}

/**
 * The system's clock, shifted by the milliseconds in `offset` when one is given. The cell is shared memory, so that a
 * test moves the time of every thread at once; the service itself passes none.
 */
export function createClock(offset?: SharedArrayBuffer): Clock {
  if (offset === undefined) return { now: () => Date.now() };
  const cell = new BigInt64Array(offset);
  return { now: () => Date.now() + Number(Atomics.load(cell, 0)) };
}

/** A clock offset cell for tests: set it with `shiftClock`. */
export function createClockOffset(): SharedArrayBuffer {
  return new SharedArrayBuffer(8);
}

export function shiftClock(offset: SharedArrayBuffer, byMs: number): void {
  Atomics.add(new BigInt64Array(offset), 0, BigInt(Math.trunc(byMs)));
}

/** RFC 3339 in UTC, as every time on the wire (contract ALL-8). */
export function toRfc3339(ms: number): string {
  return new Date(ms).toISOString();
}
