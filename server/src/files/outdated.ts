import type { Catalogue } from "../catalogue/catalogue.ts";
import type { FileId, IdSource, TeamId } from "../ids.ts";
import { listOutdated } from "./outdated.store.ts";
import { queueAgain } from "./queue-again.ts";

const PAGE = 500;

export interface OutdatedReport {
  /** Files that are read again. */
  queued: number;
  /** Outdated ones that a task is reading, or going to read, already. */
  underWay: number;
}

/**
 * `wharf reindex --outdated`: queues the files that an older version of the extractor read, beside a running server or
 * without one. Searches find their present text until the new one takes over. They line up in the slow lane, so that
 * uploads do not wait behind them. May be stopped and repeated: what is queued is not queued twice. `team` null: all
 * teams' files.
 */
export async function queueOutdated(
  deps: { readonly catalogue: Catalogue; readonly ids: IdSource },
  team: TeamId | null,
  signal: AbortSignal,
): Promise<OutdatedReport> {
  const report: OutdatedReport = { queued: 0, underWay: 0 };
  for (let after: FileId | null = null, more = true; more; ) {
    const { outdated, last }: Awaited<ReturnType<typeof listOutdated.run>> = await deps.catalogue.run(listOutdated, {
      team,
      after,
      limit: PAGE,
    });
    for (const file of outdated) {
      signal.throwIfAborted();
      if (await queueAgain(deps, file)) report.queued += 1;
      else report.underWay += 1;
    }
    after = last;
    more = last !== null;
  }
  return report;
}
