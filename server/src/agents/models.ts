import { bucketsOf } from "../buckets/list-buckets.ts";
import type { BucketView } from "../buckets/store.ts";
import type { Catalogue } from "../catalogue/catalogue.ts";
import type { Holder } from "../fairness/places.ts";
import type { Turns } from "../fairness/turns.ts";
import type { BucketId } from "../ids.ts";
import { AGENT_LIMITS } from "./limits.ts";
import { listProfiles, type Profile } from "./profiles.store.ts";

/** A model as a client may choose it: the default one, or a profile. */
export interface Model {
  readonly profile: Profile | null;
  /** That it answers from now; not all of them when `truncated`. */
  readonly buckets: readonly BucketView[];
  readonly truncated: boolean;
  /** Of the profile's buckets: those that are gone or archived. */
  readonly missing: readonly string[];
}

/**
 * All models of a team, the default one first. Reads counters only: nothing of it grows with files, and no chat server
 * is asked (AGT-1). Those that answer from every bucket list `most` between them: a hundred profiles of ten thousand
 * buckets each were a million, which took 2 GB and stopped the server for half a minute.
 */
export async function listModels(
  { catalogue, walks }: { readonly catalogue: Catalogue; readonly walks: Turns },
  by: Holder,
  gone: AbortSignal,
  most: number = AGENT_LIMITS.modelBuckets,
): Promise<readonly Model[]> {
  const profiles = await catalogue.run(listProfiles, { teamId: by.teamId });
  const named = new Set(profiles.flatMap(({ bucketIds }) => bucketIds));
  const all: BucketView[] = [];
  const byId = new Map<BucketId, BucketView>();
  let count = 0;
  const wanted = { by, gone, includeArchived: false, slugPrefix: "", cursor: undefined, limit: null, mostFileIds: 0 };
  for await (const { buckets } of bucketsOf({ catalogue, walks }, wanted)) {
    count += buckets.length;
    all.push(...buckets.slice(0, most - all.length));
    for (const bucket of buckets) if (named.has(bucket.id)) byId.set(bucket.id, bucket);
  }
  let left = most;
  const listed = (buckets: readonly BucketView[], of: number) => {
    const some = buckets.slice(0, left);
    left -= some.length;
    return { buckets: some, truncated: some.length < of };
  };
  return [
    { profile: null, ...listed(all, count), missing: [] },
    ...profiles.map((profile) => {
      const { bucketIds } = profile;
      const own = bucketIds.flatMap((id) => byId.get(id) ?? []);
      const list = bucketIds.length === 0 ? listed(all, count) : { buckets: own, truncated: false };
      return { profile, ...list, missing: bucketIds.filter((id) => !byId.has(id)) };
    }),
  ];
}
