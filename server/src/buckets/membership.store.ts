import { sql } from "kysely";
import { LostRaceError, type Tx } from "../catalogue/catalogue.ts";
import { movedCounter } from "../catalogue/counters.ts";
import { type Bind, prepared } from "../catalogue/prepared.ts";
import type { MembershipStatus } from "../catalogue/schema.ts";
import type { BucketId, FileId, TeamId } from "../ids.ts";

/**
 * Memberships of files in buckets, and the buckets' counters beside them. Whoever moves a membership calls one of
 * these, inside its own transaction, so that counters are sums that nobody has to scan for (contract §9 `searched`).
 * Buckets are taken in id order, so that two transactions on PostgreSQL cannot wait for each other; and last in each
 * transaction, because who moves a bucket's counters holds up everybody who moves them until it commits.
 *
 * Membership: `pending → active | failed`; `failed → pending` (retry); `active` stays while a later version
 * is prepared.
 */

/** A bucket's members in whatever state, by the counters in its row. */
export const MEMBERS = sql<number>`pending_files + active_files + failed_files`;

/** Into buckets that were found just now; one that was deleted since makes the operation run again. */
export async function addMemberships(tx: Tx, file: NewMemberships, bucketIds: readonly BucketId[]): Promise<void> {
  const { status, chunks, ...added } = file;
  for (const bucketId of [...bucketIds].sort()) {
    await insertRow(tx, { ...added, status, bucketId, now: tx.now });
    const [live] = await addToCounters(tx, counterMoves(tx, bucketId, status, 1, status === "active" ? chunks : 0));
    if (live === undefined) throw new LostRaceError(`the bucket ${bucketId} was deleted before a file came into it`);
  }
}

interface NewMemberships {
  readonly teamId: TeamId;
  readonly fileId: FileId;
  readonly version: number;
  /** What follows from the file's state (files/file.ts). */
  readonly status: MembershipStatus;
  /** Chunks that the file shows. */
  readonly chunks: number;
}

const insertRow = prepared(
  (db, $: Bind<Omit<NewMemberships, "chunks"> & { readonly bucketId: BucketId; readonly now: number }>) =>
    db.insertInto("file_buckets").values({
      team_id: $("teamId"),
      bucket_id: $("bucketId"),
      file_id: $("fileId"),
      status: $("status"),
      version: $("version"),
      created_at: $("now"),
    }),
);

/**
 * Moves all of the file's memberships to `to`. `chunksBefore` and `chunksAfter` are the chunks that the file showed and
 * shows: they count in a bucket while its membership is active.
 */
export async function moveMemberships(
  tx: Tx,
  fileId: FileId,
  to: MembershipStatus,
  chunks: { readonly before: number; readonly after: number; readonly version: number },
): Promise<void> {
  for (const { bucket_id, status } of await membershipsOf(tx, { fileId })) {
    await count(tx, bucket_id, status, -1, status === "active" ? -chunks.before : 0);
    await count(tx, bucket_id, to, 1, to === "active" ? chunks.after : 0);
  }
  await setStatus(tx, { fileId, status: to, version: chunks.version });
}

const setStatus = prepared((db, $: Bind<{ fileId: FileId; status: MembershipStatus; version: number }>) =>
  db
    .updateTable("file_buckets")
    .set({ status: $("status"), version: $("version") })
    .where("file_id", "=", $("fileId")),
);

/** Removes the file's memberships, all of them or those in the buckets that are named. */
export async function removeMemberships(
  tx: Tx,
  fileId: FileId,
  chunksBefore: number,
  only: readonly BucketId[] | null = null,
): Promise<void> {
  const gone = (await membershipsOf(tx, { fileId })).filter(({ bucket_id }) => only?.includes(bucket_id) ?? true);
  for (const { bucket_id, status } of gone) {
    await count(tx, bucket_id, status, -1, status === "active" ? -chunksBefore : 0);
    await removeRow(tx, { fileId, bucketId: bucket_id });
  }
}

const removeRow = prepared((db, $: Bind<{ fileId: FileId; bucketId: BucketId }>) =>
  db.deleteFrom("file_buckets").where("file_id", "=", $("fileId")).where("bucket_id", "=", $("bucketId")),
);

export const membershipsOf = prepared((db, $: Bind<{ fileId: FileId }>) =>
  db.selectFrom("file_buckets").select(["bucket_id", "status"]).where("file_id", "=", $("fileId")).orderBy("bucket_id"),
);

async function count(tx: Tx, bucketId: BucketId, status: MembershipStatus, files: number, chunks: number) {
  await moveCounters(tx, counterMoves(tx, bucketId, status, files, chunks));
}

function counterMoves(
  tx: Tx,
  bucketId: BucketId,
  status: MembershipStatus,
  files: number,
  chunks: number,
): CounterMoves {
  return {
    bucketId,
    pending: status === "pending" ? files : 0,
    active: status === "active" ? files : 0,
    failed: status === "failed" ? files : 0,
    chunks,
    syncedAt: status === "active" && files > 0 ? tx.now : null,
  };
}

interface CounterMoves {
  readonly bucketId: BucketId;
  readonly pending: number;
  readonly active: number;
  readonly failed: number;
  readonly chunks: number;
  readonly syncedAt: number | null;
}

const moveCounters = prepared((db, $: Bind<CounterMoves>) => moved(db, $));

/** It judges the row as the last commit left it: so a delete of the bucket and a new member never miss each other. */
const addToCounters = prepared((db, $: Bind<CounterMoves>) =>
  moved(db, $).where("deleted_at", "is", null).returning("id"),
);

function moved(db: Tx["db"], $: Bind<CounterMoves>) {
  return db
    .updateTable("buckets")
    .set({
      pending_files: movedCounter("pending_files", $("pending")),
      active_files: movedCounter("active_files", $("active")),
      failed_files: movedCounter("failed_files", $("failed")),
      active_chunks: movedCounter("active_chunks", $("chunks")),
      last_synced_at: sql<number>`COALESCE(${$("syncedAt")}, last_synced_at)`,
    })
    .where("id", "=", $("bucketId"));
}
