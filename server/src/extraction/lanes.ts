import { LIMITS } from "../limits.ts";
import type { TeamTurns, Turn } from "./team-turns.ts";

/**
 * Two lanes of places for documents that are being read. The fast lane has as many as the configuration says; the slow
 * lane has as many as there are cores, at the lowest priority. A document that turns out long leaves the fast lane for
 * the slow one, so that horrors do not hold up everybody's one-page notes, however many they are.
 */
export type Lane = "fast" | "slow";

export interface Place {
  readonly lane: Lane;
  /** Whether its lane has no place left for anybody else. */
  readonly wanted: boolean;
  /** Its reader is there: its turn among its team's counts from now on. */
  reads(): void;
  /**
   * Moves to the slow lane when there is room, and frees the fast place. False when there is none, or it is
   * there already.
   */
  slowDown(): boolean;
  /** Idempotent. */
  leave(): void;
}

/** After how much a document leaves the fast lane. */
export interface Pace {
  /** Processor time, if the slow lane has room … */
  readonly slowAfterCpuMs: number;
  /** … and time in its place, if somebody may want that. */
  readonly fastMaxMs: number;
}

/** What a document has taken so far, in milliseconds. */
export interface Taken {
  readonly cpuMs: number;
  readonly stayedMs: number;
  /** Of `stayedMs`: its reader was ready to go on, and others had the processors. Asked for only when it matters. */
  readonly waitedMs: () => number;
}

/**
 * Whether a document is to leave the fast lane. What its reader waited for a processor is not the document's: where
 * others have the machine a note takes as long as a book, and to begin it again, in another reader, takes as long
 * once more. (A folder of 1 000 documents, read on a third of a processor beside 40 busy programs, took 140
 * readers, not six.)
 */
export function isLong(pace: Pace, { cpuMs, stayedMs, waitedMs }: Taken): boolean {
  if (cpuMs > pace.slowAfterCpuMs) return true;
  return stayedMs > pace.fastMaxMs && stayedMs - waitedMs() > pace.fastMaxMs;
}

/**
 * What is long depends on the machine: the same PDF of 100 pages takes 90 ms of processor time on one and 400 on
 * another, and by fixed times it bounced between the lanes there (8.5 × PDFium alone instead of 2.5). The unit is the
 * start of a reader, which the machine has just shown.
 */
export function paceOf(startCpuMs: number): Pace {
  const slower = Math.min(Math.max(1, startCpuMs / LIMITS.childStartCpuMs), LIMITS.slowestMachine);
  return { slowAfterCpuMs: LIMITS.slowLaneAfterCpuMs * slower, fastMaxMs: LIMITS.fastLaneMaxMs * slower };
}

export class Lanes {
  readonly #free: Record<Lane, number>;
  readonly #waiting: Record<Lane, (() => void)[]> = { fast: [], slow: [] };
  readonly #turns: TeamTurns;

  /** `turns`: of each team's documents in the fast lane. */
  constructor(places: Readonly<Record<Lane, number>>, turns: TeamTurns) {
    this.#free = { ...places };
    this.#turns = turns;
  }

  /** In order of arrival. Rejects with the signal's reason when it is aborted before a place is free. */
  async enter(lane: Lane, teamId: string, signal: AbortSignal): Promise<Place> {
    const turn = lane === "fast" ? await this.#turns.begin(teamId, signal) : null;
    try {
      signal.throwIfAborted();
      if (this.#free[lane] > 0) this.#free[lane] -= 1;
      else await this.#wait(lane, signal);
    } catch (error) {
      turn?.end();
      throw error;
    }
    return this.#place(lane, turn);
  }

  #wait(lane: Lane, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const queue = this.#waiting[lane];
      const admit = () => {
        signal.removeEventListener("abort", abandon);
        resolve();
      };
      const abandon = () => {
        queue.splice(queue.indexOf(admit), 1);
        reject(signal.reason);
      };
      signal.addEventListener("abort", abandon, { once: true });
      queue.push(admit);
    });
  }

  /** Hands a free place to whoever waits longest. */
  #release(lane: Lane): void {
    const next = this.#waiting[lane].shift();
    if (next === undefined) this.#free[lane] += 1;
    else next();
  }

  #place(entered: Lane, turn: Turn | null): Place {
    let lane: Lane | null = entered;
    const isWanted = () => lane !== null && this.#free[lane] === 0;
    return {
      get wanted() {
        return isWanted();
      },
      get lane() {
        return lane ?? entered;
      },
      reads: () => turn?.reads(),
      slowDown: () => {
        if (lane !== "fast" || this.#free.slow === 0) return false;
        this.#free.slow -= 1;
        this.#release("fast");
        turn?.end();
        lane = "slow";
        return true;
      },
      leave: () => {
        if (lane !== null) this.#release(lane);
        turn?.end();
        lane = null;
      },
    };
  }
}
