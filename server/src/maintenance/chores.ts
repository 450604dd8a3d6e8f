import { AREAS, type BlobStore } from "../blobs/blob-store.ts";
import type { Catalogue } from "../catalogue/catalogue.ts";
import type { SessionId } from "../ids.ts";
import type { Log } from "../log.ts";
import type { SearchIndex } from "../search-index/search-index.ts";
import type { TaskQueue } from "../tasks/queue.ts";
import { BuildSweep, DeletedFileSweep } from "./build-sweep.ts";
import type { Chore } from "./chore.ts";
import { Reconcile } from "./reconcile.ts";
import { Rescuer } from "./rescuer.ts";
import { sweeps } from "./sweep.ts";

export interface ChoreDeps {
  readonly catalogue: Catalogue;
  readonly blobs: BlobStore;
  readonly index: SearchIndex;
  readonly queue: TaskQueue;
  readonly log: Log;
  /** Sessions that a data request of this process writes, or of which one has left something to remove. */
  readonly busy: () => readonly SessionId[];
}

/** What a server does without being asked, beside what it also tells of (index-audit.ts, scrubber.ts). */
export function createChores(deps: ChoreDeps): readonly Chore[] {
  return [
    new Rescuer(deps),
    ...sweeps(deps),
    ...AREAS.map((area) => new Reconcile(deps, area, deps.busy)),
    new BuildSweep(deps),
    new DeletedFileSweep(deps),
  ];
}
