import type { BlobKey } from "../blobs/blob-store.ts";
import { storedKey } from "../blobs/keys.ts";
import type { Tx } from "../catalogue/catalogue.ts";
import { type Bind, prepared } from "../catalogue/prepared.ts";
import type { FileState, FilesTable, MembershipStatus } from "../catalogue/schema.ts";
import type { FileWarning, JsonValue } from "../errors.ts";
import type { BucketId, FileId, SessionId, TaskId, TeamId } from "../ids.ts";
import { queuePositionOf, type VisibleTask, withQueuePositions } from "../tasks/store.ts";

/** A file as its team sees it: one snapshot of its row, its memberships and its latest task. */
export interface FileView {
  readonly id: FileId;
  readonly teamId: TeamId;
  readonly state: FileState;
  readonly title: string;
  readonly filename: string;
  /** As declared, and as found (null until it was looked at). */
  readonly contentType: string;
  readonly detectedContentType: string | null;
  readonly sizeBytes: number;
  /** 64 hexadecimal digits; empty for a tombstone. */
  readonly sha256: string;
  readonly tags: readonly string[];
  readonly metadata: { readonly [key: string]: JsonValue };
  readonly activeVersion: number | null;
  /** Pages of the text that search shows; null = none yet. */
  readonly pages: number | null;
  /** What that text does not show of the file. */
  readonly warnings: readonly FileWarning[];
  /** The original; null once it was removed. */
  readonly blobKey: BlobKey | null;
  /** The active build's text; null = none. */
  readonly textKey: BlobKey | null;
  readonly sessionId: SessionId;
  readonly taskId: TaskId;
  /** Of the latest task that failed, also while the file is indexed. */
  readonly error: { readonly code: string; readonly message: string } | null;
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly deletedAt: number | null;
  /** In the order of bucket ids. */
  readonly memberships: readonly Membership[];
  /** The latest indexing task. */
  readonly task: VisibleTask;
}

/**
 * A file whose buckets were all deleted is seen as deleted from that instant on, though its row goes later
 * (remove-bucket.store.ts).
 */
interface StoredMembership extends Membership {
  /** When the bucket was deleted; null: it is there. */
  readonly bucketDeletedAt: number | null;
}

export interface Membership {
  readonly bucketId: BucketId;
  readonly slug: string;
  readonly status: MembershipStatus;
}

export interface FileRef {
  readonly teamId: TeamId;
  readonly fileId: FileId;
}

/** Null when the team has no such file: a foreign one is an absent one (ALL-6). Primary keys all the way. */
export async function viewOf(tx: Tx, ref: FileRef): Promise<FileView | null> {
  const row = await ownFile(tx, ref);
  if (row === undefined) return null;
  const [view] = await viewsOf(tx, [row]);
  return view ?? null;
}

export async function ownFile(tx: Tx, ref: FileRef): Promise<FilesTable | undefined> {
  const [row] = await fileOfTeam(tx, ref);
  return row;
}

const fileOfTeam = prepared((db, $: Bind<FileRef>) =>
  db.selectFrom("files").selectAll().where("id", "=", $("fileId")).where("team_id", "=", $("teamId")),
);

/**
 * The views of at most limits.listMax rows, in their order: two reads for all of them, and the heads of the queue
 * when some wait.
 */
export async function viewsOf(tx: Tx, rows: readonly FilesTable[]): Promise<readonly FileView[]> {
  if (rows.length === 0) return [];
  const memberships = await membershipsOf(tx, rows);
  const tasks = await tasksOf(tx, rows);
  return rows.map((row) => {
    const task = tasks.get(row.task_id);
    if (task === undefined) throw new Error(`the file ${row.id} has lost its task ${row.task_id}`);
    const stored = memberships.get(row.id) ?? [];
    const hiddenAt = row.state === "deleted" ? null : hiddenSince(stored);
    return hiddenAt === null ? toView(row, living(stored), task) : toHidden(toView(row, [], task), hiddenAt);
  });
}

async function membershipsOf(
  tx: Tx,
  rows: readonly FilesTable[],
): Promise<ReadonlyMap<FileId, readonly StoredMembership[]>> {
  const ids = rows.map((row) => row.id);
  const [first] = ids;
  const found =
    first !== undefined && ids.length === 1
      ? await membershipsOfOne(tx, { fileId: first })
      : await memberships(tx.db).where("file_buckets.file_id", "in", ids).execute();
  const byFile = new Map<FileId, StoredMembership[]>();
  for (const { fileId, ...membership } of found) {
    const list = byFile.get(fileId) ?? [];
    list.push(membership);
    byFile.set(fileId, list);
  }
  return byFile;
}

/** What polls ask for, all day: compiled once. A list's statement differs by its length. */
const membershipsOfOne = prepared((db, $: Bind<{ fileId: FileId }>) =>
  memberships(db).where("file_buckets.file_id", "=", $("fileId")),
);

function memberships(db: Tx["db"]) {
  return db
    .selectFrom("file_buckets")
    .innerJoin("buckets", "buckets.id", "file_buckets.bucket_id")
    .select([
      "file_buckets.file_id as fileId",
      "file_buckets.bucket_id as bucketId",
      "buckets.slug as slug",
      "file_buckets.status as status",
      "buckets.deleted_at as bucketDeletedAt",
    ])
    .orderBy("file_buckets.bucket_id");
}

async function tasksOf(tx: Tx, rows: readonly FilesTable[]): Promise<ReadonlyMap<string, VisibleTask>> {
  const ids = rows.map((row) => row.task_id);
  const [first] = ids;
  const visible =
    first !== undefined && ids.length === 1
      ? await taskOfOne(tx, first)
      : await withQueuePositions(tx, await tx.db.selectFrom("tasks").selectAll().where("id", "in", ids).execute());
  return new Map(visible.map((one) => [one.task.id, one]));
}

async function taskOfOne(tx: Tx, taskId: TaskId): Promise<readonly VisibleTask[]> {
  const [task] = await taskById(tx, { taskId });
  return task === undefined ? [] : [{ task, queuePosition: await queuePositionOf(tx, task) }];
}

const taskById = prepared((db, $: Bind<{ taskId: TaskId }>) =>
  db.selectFrom("tasks").selectAll().where("id", "=", $("taskId")),
);

function toView(row: FilesTable, memberships: readonly Membership[], task: VisibleTask): FileView {
  // Texts that we serialised ourselves, from values that were checked then.
  const tags: readonly string[] = JSON.parse(row.tags);
  const metadata: { readonly [key: string]: JsonValue } = JSON.parse(row.metadata);
  const warnings: readonly FileWarning[] = JSON.parse(row.warnings);
  return {
    id: row.id,
    teamId: row.team_id,
    state: row.state,
    title: row.title,
    filename: row.filename,
    contentType: row.content_type,
    detectedContentType: row.detected_content_type,
    sizeBytes: row.size_bytes,
    sha256: row.sha256,
    tags,
    metadata,
    activeVersion: row.active_version,
    pages: row.active_version === null ? null : row.active_pages,
    warnings,
    blobKey: row.blob_key === null ? null : storedKey(row.blob_key),
    textKey: row.text_key === null ? null : storedKey(row.text_key),
    sessionId: row.session_id,
    taskId: row.task_id,
    error: row.error_code === null ? null : { code: row.error_code, message: row.error_message ?? "" },
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    deletedAt: row.deleted_at,
    memberships,
    task,
  };
}

function living(stored: readonly StoredMembership[]): readonly Membership[] {
  return stored
    .filter(({ bucketDeletedAt }) => bucketDeletedAt === null)
    .map(({ bucketId, slug, status }) => ({ bucketId, slug, status }));
}

function hiddenSince(stored: readonly StoredMembership[]): number | null {
  const deleted = stored.flatMap(({ bucketDeletedAt }) => bucketDeletedAt ?? []);
  return deleted.length === 0 || deleted.length < stored.length ? null : Math.max(...deleted);
}

/** As its tombstone will be. */
function toHidden(view: FileView, deletedAt: number): FileView {
  return {
    ...view,
    state: "deleted",
    title: "",
    filename: "",
    contentType: "",
    detectedContentType: null,
    sha256: "",
    tags: [],
    metadata: {},
    activeVersion: null,
    pages: null,
    warnings: [],
    blobKey: null,
    textKey: null,
    error: null,
    updatedAt: deletedAt,
    deletedAt,
  };
}
