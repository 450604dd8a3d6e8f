import { LostRaceError, type Tx } from "../catalogue/catalogue.ts";
import { LOCKS } from "../catalogue/locks.ts";
import { type Bind, prepared } from "../catalogue/prepared.ts";
import type { TaskLane, TaskType } from "../catalogue/schema.ts";
import type { FileId, TaskId, TeamId } from "../ids.ts";
import { LIMITS } from "../limits.ts";
import type { AttemptRef } from "./attempt.store.ts";
import { headOfQueue, makeDue } from "./fair-order.store.ts";

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
 * Part of the operation that claims (files/task-events.store.ts): the first due task of the first lane that has one, in
 * the order of (fair_at, id); null when none has. Claims take turns: in parallel each would see the same head of the
 * queue, and all but one would come away with nothing while tasks are due.
 */
export async function takeNext(tx: Tx, lanes: readonly TaskLane[]): Promise<Claim | null> {
  await makeDue(tx);
  for (const lane of lanes) {
    const [head] = await headOfQueue(tx, { lane });
    if (head !== undefined) return take(tx, head.id);
  }
  return null;
}

async function take(tx: Tx, id: TaskId): Promise<Claim> {
  await tx.lock(LOCKS.fileOfTask(id));
  const [task] = await takeDue(tx, { id, now: tx.now, leaseUntil: tx.now + LIMITS.leaseMs });
  if (task === undefined) throw new LostRaceError(`the task ${id} ended before it could be claimed`);
  const { team_id, file_id, type, attempt, version } = task;
  return { taskId: id, teamId: team_id, fileId: file_id, type, lane: task.lane, attempt, version };
}

const takeDue = prepared((db, $: Bind<{ id: TaskId; now: number; leaseUntil: number }>) =>
  db
    .updateTable("tasks")
    .set((by) => ({
      state: "running",
      stage: "extracting",
      attempt: by("attempt", "+", 1),
      claimed_at: $("now"),
      lease_until: $("leaseUntil"),
      updated_at: $("now"),
    }))
    .where("id", "=", $("id"))
    .where("state", "=", "queued")
    .returning(["id", "team_id", "file_id", "type", "lane", "attempt", "version"]),
);
