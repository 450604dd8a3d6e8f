import { sql } from "kysely";
import { readOperation, TOPICS, walkOperation, writeOperation } from "../catalogue/catalogue.ts";
import { lockFile } from "../catalogue/locks.ts";
import { type Bind, prepared } from "../catalogue/prepared.ts";
import { type Refusal, refuse } from "../errors.ts";
import { EXTRACTOR_VERSION } from "../extraction/extractor-version.ts";
import { moveFile } from "../files/move-file.store.ts";
import { type BucketId, brandId, type FileId, type SessionId, type TeamId } from "../ids.ts";
import { LIMITS } from "../limits.ts";
import { buildName } from "../search-index/build.ts";
import type { BuildRef } from "../search-index/search-index.ts";
import { type AttemptRef, succeedTask } from "../tasks/attempt.store.ts";
import { topicsOf } from "../tasks/store.ts";

/** What indexing needs of the file. */
export interface Source {
  readonly filename: string;
  readonly title: string;
  readonly declaredType: string;
  readonly sizeBytes: number;
  readonly sha256: string;
  readonly blobKey: string;
  readonly tags: readonly string[];
  readonly buckets: readonly BucketId[];
  /** Which title, tags and buckets these are (files/labels.store.ts). */
  readonly labels: number;
}

const fileById = prepared((db, $: Bind<{ fileId: FileId }>) =>
  db.selectFrom("files").selectAll().where("id", "=", $("fileId")),
);
const tagsOf = prepared((db, $: Bind<{ fileId: FileId }>) =>
  db.selectFrom("file_tags").select("tag").where("file_id", "=", $("fileId")),
);
const bucketsOf = prepared((db, $: Bind<{ fileId: FileId }>) =>
  db.selectFrom("file_buckets").select("bucket_id").where("file_id", "=", $("fileId")),
);

/** Null when the file is deleted (its task was cancelled then) or has no original. */
export const findSource = readOperation(
  "indexing.findSource",
  async (tx, ref: { fileId: FileId }): Promise<Source | null> => {
    const [file] = await fileById(tx, ref);
    if (file === undefined || file.state === "deleted" || file.blob_key === null) return null;
    const tags = await tagsOf(tx, ref);
    const buckets = await bucketsOf(tx, ref);
    return {
      filename: file.filename,
      title: file.title,
      declaredType: file.content_type,
      sizeBytes: file.size_bytes,
      sha256: file.sha256,
      blobKey: file.blob_key,
      tags: tags.map((row) => row.tag),
      buckets: buckets.map((row) => row.bucket_id),
      labels: file.labels,
    };
  },
);

export interface Activation extends AttemptRef {
  readonly version: number;
  readonly build: string;
  readonly chunks: number;
  readonly pages: number;
  readonly textKey: string;
  readonly detectedType: string;
  /** JSON array of FileWarning (errors.ts). */
  readonly warnings: string;
  /** Those that the build's chunks have. */
  readonly labels: number;
}

/** The build that search showed before, whose chunks and text are garbage now. */
export interface Activated {
  /** False: the attempt no longer holds the task. Nothing was written. */
  readonly activated: boolean;
  readonly replaced: { readonly build: string; readonly textKey: string | null } | null;
}

/**
 * The instant in which a file becomes visible (POL-2): the task ends, the file is `indexed`, its memberships are
 * active, and its build is the one that search shows, in one transaction. It comes after text and chunks are durable,
 * and is fenced by the attempt. `conflict`: the file's labels have changed since its chunks got theirs; nothing was
 * written, and the chunks need the new ones first.
 */
export const activate = writeOperation(
  "indexing.activate",
  lockFile,
  async (tx, build: Activation): Promise<Activated | Refusal> => {
    if (!(await succeedTask(tx, build))) return { activated: false, replaced: null };
    const changes = {
      detected_content_type: build.detectedType,
      active_version: build.version,
      active_build: build.build,
      active_chunks: build.chunks,
      active_pages: build.pages,
      text_key: build.textKey,
      warnings: build.warnings,
      extractor_version: EXTRACTOR_VERSION,
      indexed_at: tx.now,
    };
    const file = await moveFile(tx, build.fileId, { event: "activate", changes });
    // A delete, and whatever else ends the file's preparation, takes the task away first: the fence has refused it.
    if (file === null) throw new Error(`${build.fileId} cannot be activated in the state that it is in`);
    if (file.labels !== build.labels) return refuse("conflict");
    const { active_build, text_key } = file;
    return { activated: true, replaced: active_build === null ? null : { build: active_build, textKey: text_key } };
  },
  ({ taskId, fileId }, output) => ("activated" in output && output.activated ? topicsOf(taskId, fileId) : []),
);

/**
 * Which of these builds nobody will ever show: not the file's active one, and not of an attempt that holds its task. An
 * attempt that holds its task no longer never will again, so what is garbage here stays garbage.
 */
export const findGarbage = walkOperation(
  "indexing.findGarbage",
  async ({ db }, { builds }: { builds: readonly BuildRef[] }): Promise<readonly BuildRef[]> => {
    const garbage: BuildRef[] = [];
    for (const { file, build } of builds) {
      const row = await db.selectFrom("files").select("active_build").where("id", "=", file).executeTakeFirst();
      if (row?.active_build === build) continue;
      const held = await db
        .selectFrom("tasks")
        .select(["id", "attempt"])
        .where("file_id", "=", file)
        .where("state", "=", "running")
        .execute();
      if (!held.some((task) => buildName(task.id, task.attempt) === build)) garbage.push({ file, build });
    }
    return garbage;
  },
);

export interface DeletedRef {
  readonly team: TeamId;
  readonly file: FileId;
  readonly deletedAt: number;
}

/** Files deleted within limits.removeRepeatMs, oldest first, in pages after `after` (index files_tombstones). */
export const findRecentlyDeleted = walkOperation(
  "indexing.findRecentlyDeleted",
  async (
    { db, now },
    { after, limit }: { after: DeletedRef | null; limit: number },
  ): Promise<readonly DeletedRef[]> => {
    const rows = await db
      .selectFrom("files")
      .select(["id", "team_id", "deleted_at"])
      .where("state", "=", sql.lit("deleted"))
      .where("deleted_at", ">=", Math.max(after?.deletedAt ?? 0, now - LIMITS.removeRepeatMs))
      .where((by) => by.not(by("deleted_at", "=", after?.deletedAt ?? -1).and("id", "<=", after?.file ?? NO_FILE)))
      .orderBy("deleted_at")
      .orderBy("id")
      .limit(limit)
      .execute();
    return rows.map(({ id, team_id, deleted_at }) => ({ team: team_id, file: id, deletedAt: deleted_at ?? now }));
  },
);

const NO_FILE = brandId("file", "");

/** What removal has to know of a file. */
export interface Removal {
  /** Removing it would lose data: the file is not deleted. */
  readonly alive: boolean;
  /** A worker still holds an indexing task of the file. */
  readonly held: boolean;
  /** Null: the row is gone. */
  readonly sessionId: SessionId | null;
  readonly blobKey: string | null;
  /** Every build that an attempt may have written. */
  readonly builds: readonly string[];
}

export const findRemoval = readOperation(
  "indexing.findRemoval",
  async ({ db }, { fileId }: { fileId: FileId }): Promise<Removal> => {
    const file = await db
      .selectFrom("files")
      .select(["state", "session_id", "blob_key"])
      .where("id", "=", fileId)
      .executeTakeFirst();
    const tasks = await db
      .selectFrom("tasks")
      .select(["id", "attempt", "state"])
      .where("file_id", "=", fileId)
      .where("type", "=", "index")
      .execute();
    return {
      alive: file !== undefined && file.state !== "deleted",
      held: tasks.some((task) => task.state === "running"),
      sessionId: file?.session_id ?? null,
      blobKey: file?.blob_key ?? null,
      builds: tasks.flatMap(({ id, attempt }) => Array.from({ length: attempt }, (_, i) => buildName(id, i + 1))),
    };
  },
);

/** The end of a removal: the tombstone names no bytes any more. False: the attempt no longer holds the task. */
export const finishRemoval = writeOperation(
  "indexing.finishRemoval",
  lockFile,
  async (tx, ref: AttemptRef): Promise<boolean> => {
    if (!(await succeedTask(tx, ref))) return false;
    await tx.db
      .updateTable("files")
      .set({ blob_key: null, text_key: null })
      .where("id", "=", ref.fileId)
      .where("state", "=", "deleted")
      .execute();
    return true;
  },
  ({ fileId }, finished) => (finished ? [TOPICS.file(fileId)] : []),
);

export const indexingOperations = [findSource, activate, findGarbage, findRecentlyDeleted, findRemoval, finishRemoval];
