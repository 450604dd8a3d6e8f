import { sql } from "kysely";
import { membershipsOf } from "../buckets/membership.store.ts";
import type { NamedBucket } from "../buckets/named.ts";
import { findNamed } from "../buckets/resolve.store.ts";
import { readOperation, type Tx, walkOperation, writeOperation } from "../catalogue/catalogue.ts";
import { lockFile, NO_LOCKS } from "../catalogue/locks.ts";
import { type Bind, prepared } from "../catalogue/prepared.ts";
import { type Refusal, refuse } from "../errors.ts";
import type { BucketId, FileId, TeamId } from "../ids.ts";
import { type FileRef, viewOf } from "./view.store.ts";

/** A file's labels: what search filters and names it by, beside its text. `labels` counts their changes. */
export interface Labels {
  readonly teamId: TeamId;
  readonly fileId: FileId;
  readonly labels: number;
  readonly filename: string;
  readonly title: string;
  readonly tags: readonly string[];
  readonly buckets: readonly BucketId[];
  /** The build that search shows; null: none. */
  readonly build: string | null;
  readonly chunks: number;
}

/** The file's labels, and the buckets that were named for it, if any. */
export const findLabels = readOperation(
  "files.findLabels",
  async (
    tx,
    { buckets, ...ref }: FileRef & { readonly buckets: readonly NamedBucket[] | null },
  ): Promise<{ readonly labels: Labels; readonly bucketIds: readonly BucketId[] | null } | Refusal> => {
    const view = await viewOf(tx, ref);
    const labels = view === null || view.state === "deleted" ? null : await labelsOf(tx, ref.fileId);
    if (labels === null) return refuse("file_not_found");
    if (buckets === null) return { labels, bucketIds: null };
    const ids = new Set<BucketId>();
    const unresolved = new Set<string>();
    for (const name of buckets) {
      const found = await findNamed(tx, ref.teamId, name);
      // What holds the file already may be archived: a client that sends all buckets back changes nothing.
      if (found !== undefined && (found.status === "active" || labels.buckets.includes(found.id))) ids.add(found.id);
      else unresolved.add(name.sent);
    }
    if (unresolved.size === 0) return { labels, bucketIds: [...ids] };
    return refuse("bucket_assignment_failed", {
      message:
        "Some buckets do not exist or are archived; details.unresolved lists them. Correct them, or make them with POST /v1/knowledge/buckets.",
      details: { unresolved: [...unresolved] },
    });
  },
);

/** The same for maintenance: of whatever team; null: there is nothing to label. */
export const readLabels = readOperation(
  "files.readLabels",
  (tx, { fileId }: { fileId: FileId }): Promise<Labels | null> => labelsOf(tx, fileId),
);

const fileById = prepared((db, $: Bind<{ fileId: FileId }>) =>
  db
    .selectFrom("files")
    .select(["team_id", "state", "labels", "filename", "title", "tags", "active_build", "active_chunks"])
    .where("id", "=", $("fileId")),
);

async function labelsOf(tx: Tx, fileId: FileId): Promise<Labels | null> {
  const [file] = await fileById(tx, { fileId });
  if (file === undefined || file.state === "deleted") return null;
  const tags: readonly string[] = JSON.parse(file.tags);
  return {
    teamId: file.team_id,
    fileId,
    labels: file.labels,
    filename: file.filename,
    title: file.title,
    tags,
    buckets: (await membershipsOf(tx, { fileId })).map((membership) => membership.bucket_id),
    build: file.active_build,
    chunks: file.active_chunks,
  };
}

/** Which labels of which build are meant. */
export interface LabelsRef {
  readonly fileId: FileId;
  readonly labels: number;
  readonly build: string;
}

/**
 * Before the index is told of labels that the catalogue does not have yet: whatever happens then, maintenance puts it
 * right. False: they have changed, or another build is shown.
 */
export const markLabelsDirty = writeOperation(
  "files.markLabelsDirty",
  lockFile,
  async (tx, ref: LabelsRef): Promise<boolean> => setDirty(tx, ref, 1),
);

/** The index has exactly these. */
export const markLabelsClean = writeOperation(
  "files.markLabelsClean",
  lockFile,
  async (tx, ref: LabelsRef): Promise<boolean> => setDirty(tx, ref, 0),
);

async function setDirty({ db }: Tx, { fileId, labels, build }: LabelsRef, dirty: 0 | 1): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable("files")
    .set({ labels_dirty: dirty })
    .where("id", "=", fileId)
    .where("labels", "=", labels)
    .where("active_build", "=", build)
    .executeTakeFirst();
  return numUpdatedRows > 0n;
}

/** Whose labels in the index may be others, in pages after `after`. Index files_to_label. */
export const listDirtyLabels = walkOperation(
  "files.listDirtyLabels",
  async ({ db }, { after, limit }: { after: FileId | null; limit: number }): Promise<readonly FileId[]> => {
    let query = db
      .selectFrom("files")
      .select("id")
      .where("labels_dirty", "=", sql.lit(1 as const))
      .orderBy("id")
      .limit(limit);
    if (after !== null) query = query.where("id", ">", after);
    return (await query.execute()).map((row) => row.id);
  },
);

/** A file without a shown build has nothing in the index that could be wrong. */
export const forgetDirtyLabels = writeOperation(
  "files.forgetDirtyLabels",
  NO_LOCKS,
  async ({ db }, { fileId }: { fileId: FileId }): Promise<boolean> => {
    const { numUpdatedRows } = await db
      .updateTable("files")
      .set({ labels_dirty: 0 })
      .where("id", "=", fileId)
      .where("active_build", "is", null)
      .executeTakeFirst();
    return numUpdatedRows > 0n;
  },
);

export const labelOperations = [
  findLabels,
  readLabels,
  markLabelsDirty,
  markLabelsClean,
  listDirtyLabels,
  forgetDirtyLabels,
];
