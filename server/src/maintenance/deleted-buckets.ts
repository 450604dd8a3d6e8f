import type { Catalogue } from "../catalogue/catalogue.ts";
import { emptyBucket, listDeletedBuckets } from "../files/remove-bucket.store.ts";
import type { IdSource } from "../ids.ts";
import { LIMITS } from "../limits.ts";
import type { Batch, Chore } from "./chore.ts";

/** Buckets of one round's look; files of one batch, 0.3 ms each, behind which a commit waits. */
const BUCKETS = 20;

/** Removes what deletes of buckets left: a hundred thousand files in some minutes, while everything else goes on. */
export class DeletedBuckets implements Chore {
  readonly name = "deleted_buckets";
  readonly everyMs = LIMITS.sweepEveryMs;
  readonly share = LIMITS.sweepShare;
  readonly #deps: { readonly catalogue: Catalogue; readonly ids: IdSource };

  constructor(deps: { readonly catalogue: Catalogue; readonly ids: IdSource }) {
    this.#deps = deps;
  }

  /** The first bucket that still has files, or whose row can go. */
  async runOnce(): Promise<Batch> {
    const { catalogue, ids } = this.#deps;
    for (const bucketId of await catalogue.run(listDeletedBuckets, { limit: BUCKETS })) {
      const removalTaskIds = Array.from({ length: LIMITS.bulkDeleteBatch }, () => ids.next("task"));
      const { left, deleted, removed } = await catalogue.run(emptyBucket, { bucketId, removalTaskIds });
      const mended = left.length + deleted.length + (removed ? 1 : 0);
      if (mended > 0) return { next: null, ended: false, looked: mended, mended };
    }
    return { next: null, ended: true, looked: 0, mended: 0 };
  }
}
