import { readOperation, type Tx, walkOperation } from "../catalogue/catalogue.ts";
import type { BucketStatus } from "../catalogue/schema.ts";
import type { BucketId, FileId, TeamId } from "../ids.ts";
import { LIMITS } from "../limits.ts";
import { changeBucket, createBucket, deleteBucket } from "./change.store.ts";
import { findBucket } from "./resolve.store.ts";

/** A bucket with its counters, which the transactions that move memberships keep (membership.store.ts). */
export interface BucketView {
  readonly id: BucketId;
  readonly teamId: TeamId;
  readonly slug: string;
  readonly name: string;
  readonly description: string | null;
  readonly status: BucketStatus;
  readonly pendingFiles: number;
  readonly activeFiles: number;
  readonly failedFiles: number;
  readonly lastSyncedAt: number | null;
  readonly lastError: string | null;
  readonly createdAt: number;
  readonly updatedAt: number;
  /** At most limits.bucketFileIds and what the answer may still hold, in the order of ids (= of creation). */
  readonly fileIds: readonly FileId[];
  readonly fileIdsTruncated: boolean;
}

export interface BucketsWanted {
  readonly teamId: TeamId;
  readonly includeArchived: boolean;
  /** Those alone whose slug begins so; "" = all. */
  readonly slugPrefix: string;
  /** The slug after which the page begins. */
  readonly after: string | null;
  /**
   * Most buckets of the page; a page has at most limits.bucketsPerRead, and ends sooner once it has
   * limits.rowsPerRead ids.
   */
  readonly limit: number;
  /** Most ids of files in all of them together. */
  readonly fileIds: number;
}

/**
 * A page of the team's buckets by slug (the unique index on team and slug serves order and page). A listing
 * without `limit` is read page by page, so that no single read holds the reader thread for long: a team may have
 * thousands of buckets.
 */
export const listBuckets = walkOperation(
  "buckets.list",
  async (tx, wanted: BucketsWanted): Promise<{ buckets: readonly BucketView[]; more: boolean }> => {
    const limit = Math.min(wanted.limit, LIMITS.bucketsPerRead);
    let query = tx.db
      .selectFrom("buckets")
      .select(COLUMNS)
      .where("team_id", "=", wanted.teamId)
      .where("deleted_at", "is", null)
      .orderBy("slug")
      .limit(limit + 1);
    if (!wanted.includeArchived) query = query.where("status", "=", "active");
    // A range of the index: a slug has no character after z.
    if (wanted.slugPrefix !== "")
      query = query.where("slug", ">=", wanted.slugPrefix).where("slug", "<", `${wanted.slugPrefix}{`);
    if (wanted.after !== null) query = query.where("slug", ">", wanted.after);
    const rows = await query.execute();

    const buckets: BucketView[] = [];
    let ids = 0;
    for (const row of rows.slice(0, limit)) {
      if (ids >= LIMITS.rowsPerRead) return { buckets, more: true };
      const view = await withFileIds(tx, row, Math.min(LIMITS.bucketFileIds, wanted.fileIds - ids));
      ids += view.fileIds.length;
      buckets.push(view);
    }
    return { buckets, more: rows.length > limit };
  },
);

export interface BucketRef {
  readonly teamId: TeamId;
  readonly bucketId: BucketId;
}

/** Null: the team has no such bucket, or it was deleted. */
export const readBucket = walkOperation(
  "buckets.read",
  async (tx, { teamId, bucketId }: BucketRef): Promise<BucketView | null> => {
    const row = await tx.db
      .selectFrom("buckets")
      .select(COLUMNS)
      .where("id", "=", bucketId)
      .where("team_id", "=", teamId)
      .where("deleted_at", "is", null)
      .executeTakeFirst();
    return row === undefined ? null : withFileIds(tx, row, LIMITS.bucketFileIds);
  },
);

/** Whether there is one. */
export const findLiveBucket = readOperation(
  "buckets.find",
  async (tx, { teamId, bucketId }: BucketRef): Promise<boolean> =>
    (await findBucket(tx, teamId, bucketId)) !== undefined,
);

const COLUMNS = [
  "id",
  "team_id as teamId",
  "slug",
  "name",
  "description",
  "status",
  "pending_files as pendingFiles",
  "active_files as activeFiles",
  "failed_files as failedFiles",
  "last_synced_at as lastSyncedAt",
  "last_error as lastError",
  "created_at as createdAt",
  "updated_at as updatedAt",
] as const;

async function withFileIds(
  tx: Tx,
  row: Omit<BucketView, "fileIds" | "fileIdsTruncated">,
  most: number,
): Promise<BucketView> {
  const files = row.pendingFiles + row.activeFiles + row.failedFiles;
  const fileIds = await fileIdsOf(tx, row.teamId, row.id, most);
  return { ...row, fileIds, fileIdsTruncated: files > fileIds.length };
}

/** One bounded walk of file_buckets_by_bucket: a window function would rank every membership of the team. */
async function fileIdsOf({ db }: Tx, teamId: TeamId, bucketId: BucketId, most: number): Promise<readonly FileId[]> {
  if (most <= 0) return [];
  const files = await db
    .selectFrom("file_buckets")
    .select("file_id")
    .where("bucket_id", "=", bucketId)
    .where("team_id", "=", teamId)
    .orderBy("file_id")
    .limit(most)
    .execute();
  return files.map((file) => file.file_id);
}

export const bucketOperations = [listBuckets, readBucket, findLiveBucket, createBucket, changeBucket, deleteBucket];
