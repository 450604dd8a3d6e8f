import { TOPICS, type Tx, writeOperation } from "../catalogue/catalogue.ts";
import { lockFile } from "../catalogue/locks.ts";
import type { FilesTable, TaskLane } from "../catalogue/schema.ts";
import { FILE_ERRORS, type Refusal, refuse } from "../errors.ts";
import type { TaskId } from "../ids.ts";
import { replaceTasksByRemoval } from "../tasks/store.ts";
import { moveFile } from "./move-file.store.ts";
import { type FileRef, type FileView, ownFile, viewOf } from "./view.store.ts";

/**
 * Delete, in any state of the file and as often as one likes: after this one transaction no search finds it, nothing of
 * the client's text is in the catalogue, and the task that removes bytes, text and chunks is queued. Ids, size and
 * times stay as the tombstone.
 */
export const deleteFile = writeOperation(
  "files.delete",
  lockFile,
  async (tx, input: FileRef & { removalTaskId: TaskId }): Promise<DeletedFile | Refusal> => {
    const row = await ownFile(tx, input);
    if (row === undefined) return refuse("file_not_found");
    const cancelled = row.state === "deleted" ? [] : await bury(tx, row, input.removalTaskId);
    const file = await viewOf(tx, input);
    if (file === null) throw new Error("a file that was just deleted has no tombstone");
    return { file, cancelled };
  },
  (_input, output) =>
    "file" in output ? [TOPICS.tasks, TOPICS.file(output.file.id), ...output.cancelled.map(TOPICS.task)] : [],
);

export interface DeletedFile {
  readonly file: FileView;
  readonly cancelled: readonly TaskId[];
}

/** Part of whatever deletes files. Answers with the tasks that it cancelled. */
export async function bury(
  tx: Tx,
  row: FilesTable,
  removalTaskId: TaskId,
  lane: TaskLane = "fast",
): Promise<readonly TaskId[]> {
  await tx.db.deleteFrom("file_tags").where("file_id", "=", row.id).execute();
  await tx.db.deleteFrom("file_metadata").where("file_id", "=", row.id).execute();
  await clearSession(tx, row);
  await clearTaskErrors(tx, row);
  const { cancelled } = await replaceTasksByRemoval(
    tx,
    { id: row.id, teamId: row.team_id, version: row.version },
    removalTaskId,
    lane,
  );
  await moveFile(tx, row.id, { event: "delete" });
  return cancelled;
}

/**
 * The session answers repeats for days (FIN-2, PUT-18): it keeps its ids and the declared type, and nothing that could
 * tell whoever has a document whether this was it. (Empty, not NULL: a finalized row has digests, says its CHECK.)
 */
async function clearSession({ db }: Tx, row: FilesTable): Promise<void> {
  await db
    .updateTable("upload_sessions")
    .set({
      filename: "",
      title: "",
      tags: "[]",
      metadata: "{}",
      md5: "",
      crc32c: "",
      sha256: "",
      digest_state: null,
    })
    .where("id", "=", row.session_id)
    .execute();
}

/** An error may name a part of the document; what is left of it is the sentence of its code. */
async function clearTaskErrors({ db }: Tx, row: FilesTable): Promise<void> {
  const failed = await db
    .selectFrom("tasks")
    .select(["id", "error_code"])
    .where("file_id", "=", row.id)
    .where("error_code", "is not", null)
    .execute();
  for (const { id, error_code } of failed)
    await db
      .updateTable("tasks")
      .set({ error_message: sentenceOf(error_code) })
      .where("id", "=", id)
      .execute();
}

function sentenceOf(code: string | null): string {
  const sentences: Readonly<Record<string, string>> = FILE_ERRORS;
  return (code === null ? undefined : sentences[code]) ?? FILE_ERRORS.internal;
}
