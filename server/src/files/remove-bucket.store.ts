import { MEMBERS, membershipsOf, removeMemberships } from "../buckets/membership.store.ts";
import { findBucket } from "../buckets/resolve.store.ts";
import { TOPICS, type Tx, walkOperation, writeOperation } from "../catalogue/catalogue.ts";
import { LOCKS, NO_LOCKS } from "../catalogue/locks.ts";
import type { FilesTable } from "../catalogue/schema.ts";
import type { BucketId, FileId, TaskId } from "../ids.ts";
import { LIMITS } from "../limits.ts";
import { bury } from "./delete-file.store.ts";

/** What a bucket's delete left to do: nobody sees it (buckets/change.store.ts), and its rows go in bounded batches. */

/** Deleted buckets of which files, or the row itself, can go by now, the first ones first. Index buckets_deleted. */
export const listDeletedBuckets = walkOperation(
  "files.listDeletedBuckets",
  async ({ db, now }, { limit }: { limit: number }): Promise<readonly BucketId[]> => {
    const rows = await db
      .selectFrom("buckets")
      .select("id")
      .where("deleted_at", "is not", null)
      .where((by) => by.or([by(MEMBERS, ">", 0), by("deleted_at", "<=", now - LIMITS.deletedBucketMs)]))
      .orderBy("deleted_at")
      .limit(limit)
      .execute();
    return rows.map((row) => row.id);
  },
);

export interface EmptiedBucket {
  readonly left: readonly FileId[];
  readonly deleted: readonly FileId[];
  readonly cancelled: readonly TaskId[];
  /** The bucket's row went, too. */
  readonly removed: boolean;
}

/**
 * Takes some files out of a deleted bucket: one that is in another bucket stays there, any other is deleted. The row
 * goes once no file is in it, and no earlier than what was under way when it was deleted can still be
 * (limits.deletedBucketMs).
 */
export const emptyBucket = writeOperation(
  "files.emptyBucket",
  NO_LOCKS,
  async (
    tx,
    { bucketId, removalTaskIds }: { readonly bucketId: BucketId; readonly removalTaskIds: readonly TaskId[] },
  ): Promise<EmptiedBucket> => {
    const members = await tx.db
      .selectFrom("file_buckets")
      .innerJoin("buckets", "buckets.id", "file_buckets.bucket_id")
      .select("file_buckets.file_id as id")
      .where("file_buckets.bucket_id", "=", bucketId)
      .where("buckets.deleted_at", "is not", null)
      .orderBy("file_buckets.file_id")
      .limit(removalTaskIds.length)
      .execute();
    await tx.lock(...members.map(({ id }) => LOCKS.file(id)));
    const left: FileId[] = [];
    const deleted: FileId[] = [];
    const cancelled: TaskId[] = [];
    for (const [index, { id }] of members.entries()) {
      const row = await tx.db.selectFrom("files").selectAll().where("id", "=", id).executeTakeFirst();
      const removalTaskId = removalTaskIds[index];
      if (row === undefined || removalTaskId === undefined || row.state === "deleted") continue;
      // It may have left the bucket before the lock was there.
      if (!(await membershipsOf(tx, { fileId: id })).some(({ bucket_id }) => bucket_id === bucketId)) continue;
      if (await isElsewhere(tx, row)) {
        await removeMemberships(tx, id, row.active_chunks, [bucketId]);
        left.push(id);
      } else {
        cancelled.push(...(await bury(tx, row, removalTaskId, "slow")));
        deleted.push(id);
      }
    }
    const removed = members.length === 0 && (await removeRow(tx, bucketId));
    return { left, deleted, cancelled, removed };
  },
  (_input, { left, deleted, cancelled }) => [
    ...(deleted.length === 0 ? [] : [TOPICS.tasks]),
    ...[...left, ...deleted].map(TOPICS.file),
    ...cancelled.map(TOPICS.task),
  ],
);

async function isElsewhere(tx: Tx, { id, team_id }: FilesTable): Promise<boolean> {
  for (const { bucket_id } of await membershipsOf(tx, { fileId: id }))
    if ((await findBucket(tx, team_id, bucket_id)) !== undefined) return true;
  return false;
}

async function removeRow({ db, now }: Tx, bucketId: BucketId): Promise<boolean> {
  const { numDeletedRows } = await db
    .deleteFrom("buckets")
    .where("id", "=", bucketId)
    .where("deleted_at", "<=", now - LIMITS.deletedBucketMs)
    .where(MEMBERS, "=", 0)
    .where(({ not, exists, selectFrom }) =>
      not(exists(selectFrom("file_buckets").select("file_id").whereRef("file_buckets.bucket_id", "=", "buckets.id"))),
    )
    .executeTakeFirst();
  return numDeletedRows > 0n;
}

export const removeBucketOperations = [listDeletedBuckets, emptyBucket];
