import { bucketsOf } from "../buckets/list-buckets.ts";
import type { BucketView } from "../buckets/store.ts";
import type { Catalogue } from "../catalogue/catalogue.ts";
import type { Holder } from "../fairness/places.ts";
import type { Turns } from "../fairness/turns.ts";
import { listProfiles, type Profile } from "./profiles.store.ts";

/** A model as a client may choose it: the default one, or a profile. */
export interface Model {
  readonly profile: Profile | null;
  readonly buckets: readonly BucketView[];
  /** Of the profile's buckets: those that are gone or archived. */
  readonly missing: readonly string[];
}

/**
 * All models of a team, the default one first. Reads counters only: nothing of it grows with files, and no chat server
 * is asked (AGT-1).
 */
export async function listModels(
  { catalogue, walks }: { readonly catalogue: Catalogue; readonly walks: Turns },
  by: Holder,
  gone: AbortSignal,
): Promise<readonly Model[]> {
  const { teamId } = by;
  const profiles = await catalogue.run(listProfiles, { teamId });
  const active: BucketView[] = [];
  const all = { by, gone, includeArchived: false, cursor: undefined, limit: null, mostFileIds: 0 };
  for await (const { buckets } of bucketsOf({ catalogue, walks }, all)) active.push(...buckets);
  const byId = new Map<string, BucketView>(active.map((bucket) => [bucket.id, bucket]));
  return [
    { profile: null, buckets: active, missing: [] },
    ...profiles.map((profile) => ({
      profile,
      buckets: profile.bucketIds.length === 0 ? active : profile.bucketIds.flatMap((id) => byId.get(id) ?? []),
      missing: profile.bucketIds.filter((id) => !byId.has(id)),
    })),
  ];
}
