import { TOPICS, writeOperation } from "../catalogue/catalogue.ts";
import { lockFile } from "../catalogue/locks.ts";
import type { TaskLane } from "../catalogue/schema.ts";
import { type Refusal, refuse } from "../errors.ts";
import type { TaskId } from "../ids.ts";
import { enqueueTask } from "../tasks/store.ts";
import { nextFileState } from "./file.ts";
import { moveFile } from "./move-file.store.ts";
import { type FileRef, type FileView, ownFile, viewOf } from "./view.store.ts";

/**
 * A new indexing task for the same bytes. An indexed file stays indexed, and found, until the new build takes over
 * (POL-2); a failed one starts again. While a task is under way this is it: repeating the call, or pressing twice,
 * makes no second one.
 */
export const reindexFile = writeOperation(
  "files.reindex",
  lockFile,
  async (tx, input: FileRef & { taskId: TaskId; lane?: TaskLane }): Promise<ReindexedFile | Refusal> => {
    const row = await ownFile(tx, input);
    if (row === undefined || nextFileState(row.state, "reindex") === null) return refuse("file_not_found");
    const before = await viewOf(tx, input);
    // Also when a bucket's delete has hidden it.
    if (before?.state === "deleted") return refuse("file_not_found");
    if (before !== null && isUnderWay(before)) return { file: before, enqueued: false };

    await enqueueTask(tx, {
      id: input.taskId,
      teamId: row.team_id,
      fileId: row.id,
      type: "index",
      version: row.version,
      lane: input.lane ?? "fast",
    });
    await moveFile(tx, row.id, { event: "reindex", changes: { task_id: input.taskId } });
    const file = await viewOf(tx, input);
    if (file === null) throw new Error("a file that was just changed is gone");
    return { file, enqueued: true };
  },
  (_input, output) => ("file" in output && output.enqueued ? [TOPICS.tasks, TOPICS.file(output.file.id)] : []),
);

export interface ReindexedFile {
  readonly file: FileView;
  readonly enqueued: boolean;
}

function isUnderWay(file: FileView): boolean {
  const { state } = file.task.task;
  return state === "queued" || state === "running";
}
