import type { BlobStore } from "../blobs/blob-store.ts";
import type { Catalogue } from "../catalogue/catalogue.ts";
import type { Clock } from "../clock.ts";
import type { FileChanges } from "../files/change-file.ts";
import type { IdSource } from "../ids.ts";
import type { Log } from "../log.ts";
import type { SearchIndex } from "../search-index/search-index.ts";
import type { TaskQueue } from "../tasks/queue.ts";
import type { Arrivals } from "../uploads/arrivals.ts";
import { BuildSweep, DeletedFileSweep } from "./build-sweep.ts";
import type { Chore } from "./chore.ts";
import { DeletedBuckets } from "./deleted-buckets.ts";
import { OldLabels } from "./old-labels.ts";
import { reconcileChores } from "./reconcile.ts";
import { Rescuer } from "./rescuer.ts";
import { SteadyClock } from "./steady-clock.ts";
import { sweeps } from "./sweep.ts";

export interface ChoreDeps {
  readonly catalogue: Catalogue;
  readonly clock: Clock;
  readonly blobs: BlobStore;
  readonly arrivals: Arrivals;
  readonly index: SearchIndex;
  readonly queue: TaskQueue;
  readonly ids: IdSource;
  readonly changes: Pick<FileChanges, "relabel">;
  readonly log: Log;
}

/** What a server does without being asked, beside what it also tells of (index-audit.ts, scrubber.ts). */
export function createChores(deps: ChoreDeps): readonly Chore[] {
  return [
    new Rescuer(deps),
    ...sweeps({ ...deps, steady: new SteadyClock(deps) }),
    ...reconcileChores(deps),
    new DeletedBuckets(deps),
    new OldLabels(deps),
    new BuildSweep(deps),
    new DeletedFileSweep(deps),
  ];
}
