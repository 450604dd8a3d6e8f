import type { ExpressionBuilder } from "kysely";
import { type Tx, writeOperation } from "../catalogue/catalogue.ts";
import { LOCKS, NO_LOCKS } from "../catalogue/locks.ts";
import type { BucketStatus, Schema } from "../catalogue/schema.ts";
import { type Refusal, refuse } from "../errors.ts";
import type { BucketId, TeamId } from "../ids.ts";
import { MEMBERS } from "./membership.store.ts";
import { makeNewBucket, type NewBucket } from "./resolve.store.ts";

/** What becomes of a bucket itself. Its counters are its memberships' (membership.store.ts). */

/** Creates of the same team provision buckets, too: slugs are taken and counted under their lock. */
export const createBucket = writeOperation(
  "buckets.create",
  ({ teamId }: NewBucket & { readonly bucketsPerTeam: number }) => [LOCKS.creates(teamId)],
  (tx, { bucketsPerTeam, ...bucket }): Promise<{ readonly id: BucketId } | Refusal> =>
    makeNewBucket(tx, bucket, bucketsPerTeam),
);

export interface BucketChange {
  readonly teamId: TeamId;
  readonly bucketId: BucketId;
  /** Undefined stays. */
  readonly name?: string | undefined;
  readonly description?: string | null | undefined;
  readonly status?: BucketStatus | undefined;
}

/**
 * PATCH. An archived bucket leaves search with this commit, since search asks for its status; one that comes back is
 * there again.
 */
export const changeBucket = writeOperation(
  "buckets.change",
  NO_LOCKS,
  async ({ db, now }, { teamId, bucketId, ...change }: BucketChange): Promise<ChangedBucket | Refusal> => {
    const changed = await db
      .updateTable("buckets")
      .set({ ...given(change), updated_at: now })
      .where((by) => isLive(by, teamId, bucketId))
      .returning(["id", "status"])
      .executeTakeFirst();
    return changed ?? refuse("bucket_not_found");
  },
);

export interface ChangedBucket {
  readonly id: BucketId;
  readonly status: BucketStatus;
}

function given({ name, description, status }: Omit<BucketChange, "teamId" | "bucketId">) {
  return {
    ...(name === undefined ? {} : { name }),
    ...(description === undefined ? {} : { description }),
    ...(status === undefined ? {} : { status }),
  };
}

export interface DeletedBucket {
  readonly id: BucketId;
  readonly slug: string;
  /** Memberships that went with it. */
  readonly files: number;
}

/**
 * The instant in which a bucket is gone: no name finds it, no search looks into it, and a file that is in no other
 * bucket is as good as deleted (files/view.store.ts). Rows go later, in bounded batches (files/remove-bucket.store.ts).
 * One update decides, by the counters in the row itself: a file that comes in at the same time is counted before, and
 * makes the bucket not empty, or finds no bucket any more.
 */
export const deleteBucket = writeOperation(
  "buckets.delete",
  NO_LOCKS,
  async (
    tx,
    { teamId, bucketId, force }: { teamId: TeamId; bucketId: BucketId; force: boolean },
  ): Promise<DeletedBucket | Refusal> => {
    const [before] = await slugOf(tx, teamId, bucketId);
    if (before === undefined) return refuse("bucket_not_found");
    const query = tx.db
      .updateTable("buckets")
      .set({ deleted_at: tx.now, status: "archived", slug: bucketId, updated_at: tx.now })
      .where((by) => isLive(by, teamId, bucketId));
    const deleted = await (force ? query : query.where(MEMBERS, "=", 0))
      .returning(MEMBERS.as("files"))
      .executeTakeFirst();
    if (deleted !== undefined) return { id: bucketId, slug: before.slug, files: deleted.files };
    const [now] = await slugOf(tx, teamId, bucketId);
    return now === undefined
      ? refuse("bucket_not_found")
      : refuse("bucket_not_empty", { details: { file_count: now.files } });
  },
);

function slugOf({ db }: Tx, teamId: TeamId, bucketId: BucketId) {
  return db
    .selectFrom("buckets")
    .select(["slug", MEMBERS.as("files")])
    .where((by) => isLive(by, teamId, bucketId))
    .execute();
}

function isLive(by: ExpressionBuilder<Schema, "buckets">, teamId: TeamId, bucketId: BucketId) {
  return by.and([by("id", "=", bucketId), by("team_id", "=", teamId), by("deleted_at", "is", null)]);
}
