import { judgeBuckets } from "../buckets/resolve.store.ts";
import { readOperation } from "../catalogue/catalogue.ts";
import type { Refusal } from "../errors.ts";
import type { BucketId } from "../ids.ts";
import { atCapacity, type CreateInput, findByKey, isOtherBody, readTeam, reusedKey } from "./create.store.ts";

export interface TriedCreate {
  /** Those that exist. */
  readonly bucketIds: readonly BucketId[];
  /** Those that would be made. */
  readonly newSlugs: readonly string[];
  /** The key has made its session already: it would be replayed. */
  readonly replays: boolean;
}

/** What a create would say, and nothing is made or counted (contract §8: dry run). Its rate is not judged. */
export const tryCreate = readOperation(
  "uploads.tryCreate",
  async (tx, input: CreateInput): Promise<TriedCreate | Refusal> => {
    const earlier = await findByKey(tx, input);
    if (earlier !== null && isOtherBody(input, earlier)) return reusedKey(earlier.session);
    if (earlier !== null) return { bucketIds: earlier.session.bucketIds, newSlugs: [], replays: true };
    const found = await judgeBuckets(tx, input);
    if ("refused" in found) return found;
    const [team] = await readTeam(tx, { teamId: input.teamId, after: tx.now, now: tx.now });
    const full = atCapacity(input, team?.open_sessions ?? 0);
    return full ?? { bucketIds: found.ids, newSlugs: [...found.missing.keys()], replays: false };
  },
);

export const tryOperations = [tryCreate];
