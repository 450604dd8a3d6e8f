import { LIMITS } from "../limits.ts";
import type { Usage } from "./process-usage.ts";

/** What one document may use of its child; limits.ts has the figures. */
export interface BudgetLimits {
  readonly rssBytes: number;
  readonly cpuMs: number;
  readonly wallMs: number;
  readonly stoppedMs: number;
}

export const DOCUMENT_LIMITS: BudgetLimits = {
  rssBytes: LIMITS.childRssBytes,
  cpuMs: LIMITS.childCpuMs,
  wallMs: LIMITS.childWallMs,
  stoppedMs: LIMITS.childStoppedMs,
};

export interface Overrun {
  readonly code: "extraction_memory" | "extraction_timeout";
  readonly detail: string;
}

/**
 * Counts what a document uses, from samples taken every limits.childPollMs. There is no deadline that could go off at a
 * wrong moment: time is added sample by sample, and a sample that comes more than limits.lateTimerMs late counts for
 * nothing, because then the server itself was stopped or asleep (SIGSTOP, suspend) and the document is not to blame.
 */
export class Budget {
  readonly #limits: BudgetLimits;
  readonly #cpuAtStartMs: number;
  #ranMs = 0;
  #heldMs = 0;
  #stoppedMs = 0;
  #cpuMs = 0;
  #rssBytes = 0;

  constructor(limits: BudgetLimits, atStart: Usage | null) {
    this.#limits = limits;
    this.#cpuAtStartMs = atStart?.cpuMs ?? 0;
  }

  /** How long the document has been read, without the times it waited for its bytes or for its consumer. */
  get ranMs(): number {
    return this.#ranMs;
  }

  /** … and with them: how long it has kept others from its place. */
  get stayedMs(): number {
    return this.#ranMs + this.#heldMs;
  }

  get cpuMs(): number {
    return this.#cpuMs;
  }

  /** Last seen. */
  get rssBytes(): number {
    return this.#rssBytes;
  }

  /** `held`: the document waits for us, not we for it. `usage` null: the system does not tell. */
  sample(elapsedMs: number, usage: Usage | null, held: boolean): Overrun | null {
    const late = elapsedMs > LIMITS.childPollMs + LIMITS.lateTimerMs;
    if (!late && held) this.#heldMs += elapsedMs;
    else if (!late) this.#ranMs += elapsedMs;
    if (usage !== null) {
      this.#cpuMs = usage.cpuMs - this.#cpuAtStartMs;
      this.#rssBytes = usage.rssBytes;
      if (!usage.stopped) this.#stoppedMs = 0;
      else if (!late) this.#stoppedMs += elapsedMs;
    }
    return this.#judge();
  }

  #judge(): Overrun | null {
    const { rssBytes, cpuMs, wallMs, stoppedMs } = this.#limits;
    if (this.#rssBytes > rssBytes) {
      return {
        code: "extraction_memory",
        detail: `it took more than ${Math.round(rssBytes / 1024 / 1024)} MiB of memory`,
      };
    }
    if (this.#cpuMs > cpuMs)
      return { code: "extraction_timeout", detail: `it took more than ${seconds(cpuMs)} of processor time` };
    if (this.#ranMs > wallMs) return { code: "extraction_timeout", detail: `it took more than ${seconds(wallMs)}` };
    if (this.#stoppedMs > stoppedMs) {
      return { code: "extraction_timeout", detail: `its reader stood still for more than ${seconds(stoppedMs)}` };
    }
    return null;
  }
}

function seconds(ms: number): string {
  return `${ms / 1000} s`;
}
