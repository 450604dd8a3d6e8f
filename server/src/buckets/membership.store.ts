import { sql } from "kysely";
import type { Tx } from "../catalogue/catalogue.ts";
import type { MembershipStatus } from "../catalogue/schema.ts";
import { assertNever } from "../errors.ts";
import type { BucketId, FileId, TeamId } from "../ids.ts";

/**
 * Memberships of files in buckets, and the buckets' counters beside them. Whoever moves a membership calls one of these, inside its
 * own transaction, so that counters are sums that nobody has to scan for (contract §9 `searched`). Buckets are taken in id
 * order, so that two transactions on PostgreSQL cannot wait for each other.
 *
 * Membership: `pending → active | failed`; `failed → pending` (retry); `active` stays while a later version is prepared.
 */

/** The new file's memberships, pending. */
export async function addMemberships(
  { db, now }: Tx,
  file: { readonly teamId: TeamId; readonly fileId: FileId; readonly version: number },
  bucketIds: readonly BucketId[],
): Promise<void> {
  for (const bucketId of [...bucketIds].sort()) {
    await db
      .insertInto("file_buckets")
      .values({
        team_id: file.teamId,
        bucket_id: bucketId,
        file_id: file.fileId,
        status: "pending",
        version: file.version,
        created_at: now,
      })
      .execute();
    await count({ db, now }, bucketId, "pending", 1, 0);
  }
}

/**
 * Moves all of the file's memberships to `to`. `chunksBefore` and `chunksAfter` are the chunks that the file showed and shows: they
 * count in a bucket while its membership is active.
 */
export async function moveMemberships(
  tx: Tx,
  fileId: FileId,
  to: MembershipStatus,
  chunks: { readonly before: number; readonly after: number; readonly version: number },
): Promise<void> {
  for (const { bucket_id, status } of await membershipsOf(tx, fileId)) {
    await count(tx, bucket_id, status, -1, status === "active" ? -chunks.before : 0);
    await count(tx, bucket_id, to, 1, to === "active" ? chunks.after : 0);
  }
  await tx.db
    .updateTable("file_buckets")
    .set({ status: to, version: chunks.version })
    .where("file_id", "=", fileId)
    .execute();
}

/** Removes all of the file's memberships. */
export async function removeMemberships(tx: Tx, fileId: FileId, chunksBefore: number): Promise<void> {
  for (const { bucket_id, status } of await membershipsOf(tx, fileId))
    await count(tx, bucket_id, status, -1, status === "active" ? -chunksBefore : 0);
  await tx.db.deleteFrom("file_buckets").where("file_id", "=", fileId).execute();
}

function membershipsOf({ db }: Tx, fileId: FileId) {
  return db
    .selectFrom("file_buckets")
    .select(["bucket_id", "status"])
    .where("file_id", "=", fileId)
    .orderBy("bucket_id")
    .execute();
}

async function count({ db, now }: Tx, bucketId: BucketId, status: MembershipStatus, files: number, chunks: number) {
  const column = counterOf(status);
  await db
    .updateTable("buckets")
    .set({
      [column]: sql<number>`${sql.ref(column)} + ${files}`,
      active_chunks: sql<number>`active_chunks + ${chunks}`,
      ...(status === "active" && files > 0 ? { last_synced_at: now } : {}),
    })
    .where("id", "=", bucketId)
    .execute();
}

function counterOf(status: MembershipStatus): "pending_files" | "active_files" | "failed_files" {
  switch (status) {
    case "pending":
      return "pending_files";
    case "active":
      return "active_files";
    case "failed":
      return "failed_files";
    default:
      return assertNever(status);
  }
}
