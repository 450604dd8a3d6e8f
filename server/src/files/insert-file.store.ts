import type { BlobKey } from "../blobs/blob-store.ts";
import { addMemberships } from "../buckets/membership.store.ts";
import type { Tx } from "../catalogue/catalogue.ts";
import { type Bind, prepared } from "../catalogue/prepared.ts";
import type { FilesTable } from "../catalogue/schema.ts";
import type { BucketId, FileId, SessionId, TaskId, TeamId } from "../ids.ts";
import { enqueueTask } from "../tasks/store.ts";
import { metadataFingerprints } from "./metadata-fingerprint.ts";
import { tagKey } from "./tag-key.ts";

export interface NewFile {
  readonly id: FileId;
  readonly taskId: TaskId;
  readonly teamId: TeamId;
  readonly sessionId: SessionId;
  readonly filename: string;
  readonly title: string;
  readonly contentType: string;
  readonly sizeBytes: number;
  /** 64 hexadecimal digits, lower case. */
  readonly sha256: string;
  /** Distinct. */
  readonly tags: readonly string[];
  /** JSON text of an object, as the session holds it. */
  readonly metadata: string;
  /** Existing buckets of the team, distinct, at least one. */
  readonly bucketIds: readonly BucketId[];
  /** The published original. */
  readonly blobKey: BlobKey;
}

/**
 * A part of finalize's transaction: the file, its tags, its searchable metadata, its memberships and its indexing task
 * appear together or not at all (FIN-1). `files.session_id` is UNIQUE: a second file of one session cannot be made,
 * whatever the caller does.
 */
export async function insertFile(tx: Tx, file: NewFile): Promise<void> {
  await insertRow(tx, {
    id: file.id,
    team_id: file.teamId,
    title: file.title,
    filename: file.filename,
    content_type: file.contentType,
    size_bytes: file.sizeBytes,
    sha256: file.sha256,
    tags: JSON.stringify(file.tags),
    metadata: file.metadata,
    blob_key: file.blobKey,
    session_id: file.sessionId,
    task_id: file.taskId,
    created_at: tx.now,
    updated_at: tx.now,
  });
  await insertTags(tx, file);
  await insertMetadata(tx, file);
  await enqueueTask(tx, { id: file.taskId, teamId: file.teamId, fileId: file.id, type: "index", version: 1 });
  const membership = { teamId: file.teamId, fileId: file.id, version: 1, status: "pending", chunks: 0 } as const;
  await addMemberships(tx, membership, file.bucketIds);
}

const NEW_FILE = {
  state: "queued",
  detected_content_type: null,
  version: 1,
  active_version: null,
  active_build: null,
  active_chunks: 0,
  active_pages: 0,
  text_key: null,
  warnings: "[]",
  extractor_version: 1,
  error_code: null,
  error_message: null,
  indexed_at: null,
  deleted_at: null,
  labels: 0,
  labels_dirty: 0,
} as const;

const insertRow = prepared((db, $: Bind<Omit<FilesTable, keyof typeof NEW_FILE>>) =>
  db.insertInto("files").values({
    ...NEW_FILE,
    id: $("id"),
    team_id: $("team_id"),
    title: $("title"),
    filename: $("filename"),
    content_type: $("content_type"),
    size_bytes: $("size_bytes"),
    sha256: $("sha256"),
    tags: $("tags"),
    metadata: $("metadata"),
    blob_key: $("blob_key"),
    session_id: $("session_id"),
    task_id: $("task_id"),
    created_at: $("created_at"),
    updated_at: $("updated_at"),
  }),
);

// Row by row: one statement text whatever the count, so that lists of many lengths do not push others out of the
// statement cache.

export async function insertTags({ db }: Tx, file: Pick<NewFile, "id" | "teamId" | "tags">): Promise<void> {
  for (const tag of new Set(file.tags.map(tagKey)))
    await db.insertInto("file_tags").values({ team_id: file.teamId, tag, file_id: file.id }).execute();
}

export async function insertMetadata({ db }: Tx, file: Pick<NewFile, "id" | "teamId" | "metadata">): Promise<void> {
  for (const fingerprint of metadataFingerprints(file.metadata))
    await db.insertInto("file_metadata").values({ team_id: file.teamId, fingerprint, file_id: file.id }).execute();
}
