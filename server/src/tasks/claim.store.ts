import type { Tx } from "../catalogue/catalogue.ts";
import { prepared } from "../catalogue/prepared.ts";
import type { TaskLane, TaskType } from "../catalogue/schema.ts";
import type { FileId, TaskId, TeamId } from "../ids.ts";
import { LIMITS } from "../limits.ts";
import type { AttemptRef } from "./attempt.store.ts";
import { makeDue } from "./fair-order.store.ts";
import { moveFile } from "./file-state.store.ts";

/** A task in a worker's hands, from the claim until its lease ends. */
export interface Claim extends AttemptRef {
  readonly taskId: TaskId;
  readonly teamId: TeamId;
  readonly fileId: FileId;
  readonly type: TaskType;
  readonly lane: TaskLane;
  readonly attempt: number;
  readonly version: number;
}

/**
 * The claim's transaction, for every database; `pick` is what differs (queue.*.ts): the first due task of the lane that nobody else
 * is claiming, in the order of (fair_at, id). Null when no lane has one.
 */
export async function claimTask(
  tx: Tx,
  lanes: readonly TaskLane[],
  pick: (lane: TaskLane) => Promise<TaskId | undefined>,
): Promise<Claim | null> {
  await makeDue(tx);
  for (const lane of lanes) {
    const id = await pick(lane);
    if (id !== undefined) return claimOne(tx, id);
  }
  return null;
}

async function claimOne(tx: Tx, id: TaskId): Promise<Claim | null> {
  const [task] = await take(tx, { id, now: tx.now, leaseUntil: tx.now + LIMITS.leaseMs });
  if (task === undefined) return null;
  if (task.type === "index") await moveFile(tx, task, "claim", null);
  const { team_id, file_id, type, attempt, version } = task;
  return { taskId: id, teamId: team_id, fileId: file_id, type, lane: task.lane, attempt, version };
}

const take = prepared((db, $: { id: TaskId; now: number; leaseUntil: number }) =>
  db
    .updateTable("tasks")
    .set((by) => ({
      state: "running",
      stage: "extracting",
      attempt: by("attempt", "+", 1),
      claimed_at: $.now,
      lease_until: $.leaseUntil,
      updated_at: $.now,
    }))
    .where("id", "=", $.id)
    .where("state", "=", "queued")
    .returning(["id", "team_id", "file_id", "type", "lane", "attempt", "version"]),
);
