import { TOPICS, type Tx, writeOperation } from "../catalogue/catalogue.ts";
import { LOCKS, lockFile, lockFileOfTask } from "../catalogue/locks.ts";
import type { TaskLane, TasksTable } from "../catalogue/schema.ts";
import { FILE_ERRORS, type Refusal, refuse } from "../errors.ts";
import { EXTRACTOR_VERSION } from "../extraction/extractor-version.ts";
import { type AttemptRef, endByFault, type Held, wakeAll } from "../tasks/attempt.store.ts";
import { type Claim, takeNext } from "../tasks/claim.store.ts";
import { cancelRow, changedTask, ownTask, retryRow, type TaskRef, topicsOf, type VisibleTask } from "../tasks/store.ts";
import { type Fault, NEXT } from "../tasks/task.ts";
import { moveFile } from "./move-file.store.ts";

/** Events of a task that move its file: in one transaction, so that the two never tell different stories. */

export const claimTask = writeOperation(
  "tasks.claim",
  () => [LOCKS.claims],
  async (tx, { lanes }: { lanes: readonly TaskLane[] }): Promise<Claim | null> => {
    const claim = await takeNext(tx, lanes);
    if (claim?.type === "index") await moveFile(tx, claim.fileId, { event: "claim", ofTask: claim.taskId });
    return claim;
  },
);

/** A file that cannot be read was read all the same: the same version would say the same again. */
export const recordFault = writeOperation(
  "tasks.recordFault",
  lockFile,
  async (tx, { fault, ...ref }: AttemptRef & { fault: Fault }): Promise<Held> => {
    const ended = await endByFault(tx, ref, fault);
    if (ended === null) return { held: false };
    const changes = { error_code: fault.code, error_message: fault.message, extractor_version: EXTRACTOR_VERSION };
    if (ended.failed) await moveFile(tx, ref.fileId, { event: "fail", changes, ofTask: ref.taskId });
    return { held: true };
  },
  wakeAll,
);

/** Cancel: a queued or running task ends; its worker stops at the next heartbeat. Again: the same answer. */
export const cancelTask = writeOperation(
  "tasks.cancel",
  lockFileOfTask,
  async (tx, ref: TaskRef): Promise<VisibleTask | Refusal> => {
    const task = await ownTask(tx, ref);
    if (task === undefined) return refuse("task_not_found");
    if (NEXT[task.state].cancel === "conflict")
      return refuse("conflict", { message: `The task has ${task.state} already; there is nothing to cancel.` });
    if (task.state !== "cancelled") {
      await cancelRow(tx, task.id);
      const changes = { error_code: "cancelled", error_message: FILE_ERRORS.cancelled };
      await moveFile(tx, task.file_id, { event: "cancel", changes, ofTask: task.id });
    }
    return changedTask(tx, ref);
  },
  (ref, output) => ("task" in output ? topicsOf(ref.taskId, output.task.file_id) : []),
);

/** Retry of a failed or cancelled task: the same id, its counts from 0, `attempt` goes on. */
export const retryTask = writeOperation(
  "tasks.retry",
  lockFileOfTask,
  async (tx, ref: TaskRef): Promise<VisibleTask | Refusal> => {
    const task = await ownTask(tx, ref);
    if (task === undefined) return refuse("task_not_found");
    const blocked = await reasonNotToRetry(tx, task);
    if (blocked !== null) return refuse("conflict", { message: blocked });
    await retryRow(tx, task);
    await moveFile(tx, task.file_id, { event: "retry", ofTask: task.id });
    return changedTask(tx, ref);
  },
  (ref, output) => ("task" in output ? [TOPICS.tasks, ...topicsOf(ref.taskId, output.task.file_id)] : []),
);

async function reasonNotToRetry({ db }: Tx, task: TasksTable): Promise<string | null> {
  if (NEXT[task.state].retry === "conflict")
    return `The task is ${task.state}; only a failed or cancelled one can be retried.`;
  const file = await db
    .selectFrom("files")
    .select(["state", "task_id"])
    .where("id", "=", task.file_id)
    .executeTakeFirst();
  if (file === undefined || file.state === "deleted") return "The file was deleted; upload it again.";
  return file.task_id === task.id ? null : `A newer task of the file has taken over: ${file.task_id}.`;
}

export const taskEventOperations = [claimTask, recordFault, cancelTask, retryTask];
