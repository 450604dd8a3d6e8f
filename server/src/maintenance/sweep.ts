import { forgetSignIns } from "../access/dashboard.store.ts";
import { forgetResponses } from "../agents/responses.store.ts";
import type { Catalogue, Operation } from "../catalogue/catalogue.ts";
import { forgetTombstones } from "../files/retention.store.ts";
import { LIMITS } from "../limits.ts";
import type { Arrivals } from "../uploads/arrivals.ts";
import { forgetBatches } from "../uploads/batch.store.ts";
import { expireSessions, forgetSessions } from "../uploads/sweep.store.ts";
import type { Batch, Chore } from "./chore.ts";
import type { SteadyClock } from "./steady-clock.ts";

export interface SweepDeps {
  readonly catalogue: Catalogue;
  readonly arrivals: Pick<Arrivals, "busy" | "discard">;
  readonly steady: Pick<SteadyClock, "isSteady">;
}

/**
 * Rows of one batch. What is due is found by an index, so there is no place to go on from: each round begins with the
 * oldest.
 */
const ROWS = 200;

/** What has passed its time: sessions expire, and rows go that nothing needs any more (limits.ts, IDE-5). */
export function sweeps(deps: SweepDeps): readonly Chore[] {
  return [
    sweep(deps, "expire_sessions", () => expire(deps)),
    ...FORGOTTEN.map(([name, operation]) => sweep(deps, name, () => forget(deps, operation))),
  ];
}

/** All at once what the rounds would forget, for `wharf doctor --repair`. */
export async function forgetOverdue(deps: Pick<SweepDeps, "catalogue">, signal: AbortSignal): Promise<void> {
  for (const [, operation] of FORGOTTEN)
    for (let rows = ROWS; rows >= ROWS; ) {
      signal.throwIfAborted();
      rows = await forget(deps, operation);
    }
}

/** A batch before its sessions, which it names. */
const FORGOTTEN = [
  ["forget_batches", forgetBatches],
  ["forget_sessions", forgetSessions],
  ["forget_tombstones", forgetTombstones],
  ["forget_responses", forgetResponses],
  ["forget_sign_ins", forgetSignIns],
] as const;

function sweep({ steady }: SweepDeps, name: string, batch: () => Promise<number>): Chore {
  return {
    name,
    everyMs: LIMITS.sweepEveryMs,
    share: LIMITS.sweepShare,
    async runOnce(): Promise<Batch> {
      const rows = steady.isSteady() ? await batch() : 0;
      return { next: null, ended: rows < ROWS, looked: rows, mended: rows };
    },
  };
}

async function expire({ catalogue, arrivals }: SweepDeps): Promise<number> {
  const ended = await catalogue.run(expireSessions, { limit: ROWS, busy: arrivals.busy() });
  for (const session of ended) await arrivals.discard(session);
  return ended.length;
}

async function forget(
  { catalogue }: Pick<SweepDeps, "catalogue">,
  operation: Operation<{ limit: number }, number>,
): Promise<number> {
  return catalogue.run(operation, { limit: ROWS });
}
