import { sql } from "kysely";
import { readOperation, TOPICS, type Tx } from "../catalogue/catalogue.ts";
import { type Bind, prepared } from "../catalogue/prepared.ts";
import type { TaskLane, TaskState, TasksTable, TaskType } from "../catalogue/schema.ts";
import { FILE_ERRORS } from "../errors.ts";
import type { FileId, TaskId, TeamId } from "../ids.ts";
import { LIMITS } from "../limits.ts";
import { fairPlace } from "./fair-order.store.ts";
import { afterRetry } from "./task.ts";
import { decisionColumns, NOWHERE, progressColumns } from "./task-columns.ts";

export interface NewTask {
  readonly id: TaskId;
  readonly teamId: TeamId;
  readonly fileId: FileId;
  readonly type: TaskType;
  /** The version of the file that the task prepares or removes. */
  readonly version: number;
  /** Default `fast`; what nobody waits for lines up in `slow`. */
  readonly lane?: TaskLane;
  /** Not before so many milliseconds from now; default at once. */
  readonly delayMs?: number;
}

/**
 * A part of another operation's transaction, so that a state change and its task commit together. The operation names
 * `TOPICS.tasks` among its wakes.
 */
export async function enqueueTask(tx: Tx, task: NewTask): Promise<void> {
  const { delayMs = 0, lane = "fast" } = task;
  await insertRow(tx, {
    id: task.id,
    team_id: task.teamId,
    file_id: task.fileId,
    type: task.type,
    version: task.version,
    lane,
    fair_at: await fairPlace(tx, task.teamId, lane),
    due_at: delayMs === 0 ? null : tx.now + delayMs,
    created_at: tx.now,
    updated_at: tx.now,
  });
}

const NEW_TASK = {
  state: "queued",
  ...progressColumns(NOWHERE),
  attempt: 0,
  faults: 0,
  deaths: 0,
  troubles: 0,
  lease_losses: 0,
  crashes: 0,
  claimed_at: null,
  lease_until: null,
  error_code: null,
  error_message: null,
  finished_at: null,
} as const;

const insertRow = prepared((db, $: Bind<Omit<TasksTable, keyof typeof NEW_TASK>>) =>
  db.insertInto("tasks").values({
    ...NEW_TASK,
    id: $("id"),
    team_id: $("team_id"),
    file_id: $("file_id"),
    type: $("type"),
    version: $("version"),
    lane: $("lane"),
    fair_at: $("fair_at"),
    due_at: $("due_at"),
    created_at: $("created_at"),
    updated_at: $("updated_at"),
  }),
);

/**
 * A part of the file's delete, after its row became a tombstone: its indexing tasks are cancelled (their workers notice
 * at the next heartbeat) and one that removes bytes, text and chunks is queued. When a worker held one, removal waits
 * until it has let go, so that it writes nothing afterwards. The caller names `TOPICS.tasks` and the cancelled tasks'
 * topics among its wakes.
 */
export async function replaceTasksByRemoval(
  tx: Tx,
  file: { readonly id: FileId; readonly teamId: TeamId; readonly version: number },
  removalTaskId: TaskId,
  lane: TaskLane,
): Promise<{ readonly cancelled: readonly TaskId[] }> {
  const open = await tx.db
    .selectFrom("tasks")
    .select(["id", "state"])
    .where("file_id", "=", file.id)
    .where("type", "=", "index")
    .where("state", "in", ["queued", "running"])
    .execute();
  for (const { id } of open) await cancelRow(tx, id);
  const wasRunning = open.some((task) => task.state === "running");
  await enqueueTask(tx, {
    id: removalTaskId,
    teamId: file.teamId,
    fileId: file.id,
    type: "remove",
    version: file.version,
    lane,
    delayMs: wasRunning ? LIMITS.removeAfterRunningMs : 0,
  });
  return { cancelled: open.map((task) => task.id) };
}

/** A task as clients see it, by the file's team. Tasks that remove are nobody's but ours. */
export interface VisibleTask {
  readonly task: TasksTable;
  /** From 1, among the team's own due tasks, counted up to limits.queuePositionMax; null = not waiting for a place. */
  readonly queuePosition: number | null;
}

/** Null when the team has no such task (ALL-6). */
export const findTask = readOperation(
  "tasks.find",
  async (tx, { teamId, taskId }: TaskRef): Promise<VisibleTask | null> => {
    const task = await ownTask(tx, { teamId, taskId });
    return task === undefined ? null : { task, queuePosition: await queuePositionOf(tx, task) };
  },
);

/** Index tasks_to_claim_by_team; it reads at most limits.queuePositionMax of its entries. */
export async function queuePositionOf(tx: Tx, task: TasksTable): Promise<number | null> {
  if (!isInLine(task)) return null;
  const { id, team_id, lane, fair_at } = task;
  const [counted] = await countBefore(tx, { id, team_id, lane, fair_at });
  return (counted?.count ?? 0) + 1;
}

function isInLine(task: TasksTable): boolean {
  return task.state === "queued" && task.due_at === null;
}

/**
 * The same of many tasks of one team: the head of each lane's line is read once, instead of counted for each of them.
 */
export async function withQueuePositions(tx: Tx, tasks: readonly TasksTable[]): Promise<readonly VisibleTask[]> {
  const positions = new Map<TaskId, number>();
  const inLine = tasks.filter(isInLine);
  for (const lane of new Set(inLine.map((task) => task.lane))) {
    const [first] = inLine;
    if (first === undefined) break;
    const heads = await headOfLine(tx, { team_id: first.team_id, lane });
    for (const [index, { id }] of heads.entries()) positions.set(id, index + 1);
  }
  return tasks.map((task) => ({
    task,
    queuePosition: isInLine(task) ? (positions.get(task.id) ?? LIMITS.queuePositionMax) : null,
  }));
}

const headOfLine = prepared((db, $: Bind<Pick<TasksTable, "team_id" | "lane">>) =>
  db
    .selectFrom("tasks")
    .select("id")
    .where("state", "=", sql.lit("queued"))
    .where("due_at", "is", null)
    .where("team_id", "=", $("team_id"))
    .where("lane", "=", $("lane"))
    .orderBy("fair_at")
    .orderBy("id")
    .limit(LIMITS.queuePositionMax),
);

const countBefore = prepared((db, $: Bind<Pick<TasksTable, "id" | "team_id" | "lane" | "fair_at">>) => {
  const before = db
    .selectFrom("tasks")
    .select("id")
    .where("state", "=", sql.lit("queued"))
    .where("due_at", "is", null)
    .where("team_id", "=", $("team_id"))
    .where("lane", "=", $("lane"))
    .where((by) => by.or([by("fair_at", "<", $("fair_at")), by("fair_at", "=", $("fair_at")).and("id", "<", $("id"))]))
    .limit(LIMITS.queuePositionMax - 1);
  return db.selectFrom(before.as("before")).select((by) => by.fn.countAll<number>().as("count"));
});

export interface TaskRef {
  readonly teamId: TeamId;
  readonly taskId: TaskId;
}

/** Part of the operation that moves the file too: a failed or cancelled task begins anew. */
export async function retryRow(tx: Tx, task: TasksTable): Promise<void> {
  const decision = afterRetry();
  await tx.db
    .updateTable("tasks")
    .set({
      ...decisionColumns(decision),
      ...progressColumns(NOWHERE),
      fair_at: await fairPlace(tx, task.team_id, decision.lane),
      error_code: null,
      error_message: null,
      finished_at: null,
      updated_at: tx.now,
    })
    .where("id", "=", task.id)
    .execute();
}

/** The team's indexing task. */
export function ownTask({ db }: Tx, { teamId, taskId }: TaskRef): Promise<TasksTable | undefined> {
  return db
    .selectFrom("tasks")
    .selectAll()
    .where("id", "=", taskId)
    .where("team_id", "=", teamId)
    .where("type", "=", "index")
    .executeTakeFirst();
}

/** The answer of an operation that changed it. */
export async function changedTask(tx: Tx, ref: TaskRef): Promise<VisibleTask> {
  const task = await ownTask(tx, ref);
  if (task === undefined) throw new Error("a task that was just changed is gone");
  return { task, queuePosition: await queuePositionOf(tx, task) };
}

/** Part of the operation that moves the file too. */
export async function cancelRow(tx: Tx, id: TaskId): Promise<void> {
  await tx.db
    .updateTable("tasks")
    .set({
      state: "cancelled",
      due_at: null,
      crashes: 0,
      claimed_at: null,
      lease_until: null,
      error_code: "cancelled",
      error_message: FILE_ERRORS.cancelled,
      finished_at: tx.now,
      updated_at: tx.now,
    })
    .where("id", "=", id)
    .where("state", "in", ["queued", "running"] satisfies TaskState[])
    .execute();
}

export function topicsOf(taskId: TaskId, fileId: FileId): readonly string[] {
  return [TOPICS.task(taskId), TOPICS.file(fileId)];
}

export const taskOperations = [findTask];
