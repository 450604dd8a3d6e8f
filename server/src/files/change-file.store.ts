import { addMemberships, membershipsOf, removeMemberships } from "../buckets/membership.store.ts";
import { findBucket } from "../buckets/resolve.store.ts";
import { TOPICS, type Tx, writeOperation } from "../catalogue/catalogue.ts";
import { lockFile } from "../catalogue/locks.ts";
import type { FilesTable } from "../catalogue/schema.ts";
import { type Refusal, refuse } from "../errors.ts";
import type { BucketId } from "../ids.ts";
import { membershipStatusOf } from "./file.ts";
import { insertMetadata, insertTags } from "./insert-file.store.ts";
import { type FileRef, type FileView, ownFile, viewOf } from "./view.store.ts";

/** What a PATCH gives, checked; undefined stays. */
export interface FileChange {
  readonly title?: string | undefined;
  /** Distinct. */
  readonly tags?: readonly string[] | undefined;
  /** JSON text of an object. */
  readonly metadata?: string | undefined;
  /** All that it shall be in, at least one. */
  readonly buckets?: readonly BucketId[] | undefined;
}

export interface ChangeInput extends FileRef {
  readonly change: FileChange;
  /** What the index was prepared for (change-file.ts). */
  readonly prepared: { readonly labels: number; readonly build: string | null };
}

/**
 * PATCH, whole: title, tags, metadata and memberships change in one transaction, so that a search finds the file by all
 * of the old or all of the new. `file` null: its labels or its shown build are others than the index was prepared for,
 * and nothing was written.
 */
export const changeFile = writeOperation(
  "files.change",
  lockFile,
  async (tx, input: ChangeInput): Promise<{ readonly file: FileView | null } | Refusal> => {
    const row = await ownFile(tx, input);
    const before = await viewOf(tx, input);
    if (row === undefined || before === null || before.state === "deleted") return refuse("file_not_found");
    const { change, prepared } = input;
    if (row.labels !== prepared.labels || row.active_build !== prepared.build) return { file: null };
    const gone = await firstGone(tx, input);
    if (gone !== null) return refuse("bucket_assignment_failed", { details: { unresolved: [gone] } });
    await writeFields(tx, row, change);
    if (change.buckets !== undefined) await assign(tx, row, change.buckets);
    return { file: await viewOf(tx, input) };
  },
  ({ fileId }, output) => ("file" in output && output.file !== null ? [TOPICS.file(fileId)] : []),
);

/**
 * Of the buckets: one that was deleted or archived since it was named. One that holds the file already may be archived.
 */
async function firstGone(tx: Tx, { teamId, fileId, change }: ChangeInput): Promise<BucketId | null> {
  if (change.buckets === undefined) return null;
  const held = new Set((await membershipsOf(tx, { fileId })).map(({ bucket_id }) => bucket_id));
  for (const id of change.buckets) {
    const bucket = await findBucket(tx, teamId, id);
    if (bucket === undefined || (bucket.status !== "active" && !held.has(id))) return id;
  }
  return null;
}

async function writeFields(tx: Tx, row: FilesTable, { title, tags, metadata, buckets }: FileChange): Promise<void> {
  const relabels = title !== undefined || tags !== undefined || buckets !== undefined;
  await tx.db
    .updateTable("files")
    .set({
      ...(title === undefined ? {} : { title }),
      ...(tags === undefined ? {} : { tags: JSON.stringify(tags) }),
      ...(metadata === undefined ? {} : { metadata }),
      ...(relabels ? { labels: row.labels + 1, labels_dirty: row.active_build === null ? 0 : 1 } : {}),
      updated_at: tx.now,
    })
    .where("id", "=", row.id)
    .execute();
  const file = { id: row.id, teamId: row.team_id };
  if (tags !== undefined) {
    await tx.db.deleteFrom("file_tags").where("file_id", "=", row.id).execute();
    await insertTags(tx, { ...file, tags });
  }
  if (metadata !== undefined) {
    await tx.db.deleteFrom("file_metadata").where("file_id", "=", row.id).execute();
    await insertMetadata(tx, { ...file, metadata });
  }
}

/** Those that stay keep their rows. Counters last (buckets/membership.store.ts). */
async function assign(tx: Tx, row: FilesTable, buckets: readonly BucketId[]): Promise<void> {
  const held = (await membershipsOf(tx, { fileId: row.id })).map(({ bucket_id }) => bucket_id);
  const status = membershipStatusOf(row.state);
  if (status === null) throw new Error("a deleted file is in no bucket");
  const version = row.active_version ?? row.version;
  await addMemberships(
    tx,
    { teamId: row.team_id, fileId: row.id, version, status, chunks: row.active_chunks },
    buckets.filter((id) => !held.includes(id)),
  );
  const left = held.filter((id) => !buckets.includes(id));
  await removeMemberships(tx, row.id, row.active_chunks, left);
}
