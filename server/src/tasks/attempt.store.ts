import { sql } from "kysely";
import { TOPICS, type Tx, writeOperation } from "../catalogue/catalogue.ts";
import { LOCKS, lockFile, NO_LOCKS } from "../catalogue/locks.ts";
import { type Bind, prepared } from "../catalogue/prepared.ts";
import type { TaskLane, TasksTable } from "../catalogue/schema.ts";
import type { FileId, TaskId, TeamId } from "../ids.ts";
import { LIMITS } from "../limits.ts";
import { fairPlace, frontPlace } from "./fair-order.store.ts";
import { topicsOf } from "./store.ts";
import {
  afterCrash,
  afterFault,
  afterLostLease,
  afterRelease,
  afterTrouble,
  type Fault,
  isSuspect,
  SUSPECT_NOTE,
  type TaskDecision,
  type TaskFigures,
  type TaskReport,
  TROUBLES,
  type Trouble,
} from "./task.ts";
import { decisionColumns, NOWHERE, progressColumns } from "./task-columns.ts";

/**
 * What a worker says of the attempt that it holds. Each write is fenced: it counts only while the task is running under
 * that attempt. `held: false` = the task went to somebody else, was cancelled or is done: the worker stops at once and
 * writes nothing more.
 */
export interface AttemptRef {
  readonly taskId: TaskId;
  readonly fileId: FileId;
  readonly attempt: number;
}

export interface Held {
  readonly held: boolean;
}

/**
 * Renews the lease. `changed`: the report says something new; only then does the object that clients see
 * change (POL-6).
 */
export const heartbeat = writeOperation(
  "tasks.heartbeat",
  lockFile,
  async (
    { db, now },
    { taskId, attempt, report, changed }: AttemptRef & { report: TaskReport; changed: boolean },
  ): Promise<Held> => {
    const visible = changed ? { updated_at: now, ...progressColumns(report) } : {};
    const row = await db
      .updateTable("tasks")
      .set({ lease_until: now + LIMITS.leaseMs, ...visible })
      .where("id", "=", taskId)
      .where("state", "=", "running")
      .where("attempt", "=", attempt)
      .returning("id")
      .executeTakeFirst();
    return { held: row !== undefined };
  },
  ({ taskId, fileId, changed }, { held }) => (held && changed ? topicsOf(taskId, fileId) : []),
);

/**
 * Part of the operation that says so of the file too (files/task-events.store.ts). null: the attempt is no longer held,
 * and nothing was written.
 */
export async function endByFault(tx: Tx, ref: AttemptRef, fault: Fault): Promise<{ readonly failed: boolean } | null> {
  const task = await heldTask(tx, ref);
  if (task === undefined) return null;
  const decision = afterFault(figuresOf(task), fault, tx.now);
  await letGo(tx, task, decision, fault);
  return { failed: decision.state === "failed" };
}

/** What failed is in the log; clients read the sentence of its kind. */
export const recordTrouble = writeOperation(
  "tasks.recordTrouble",
  lockFile,
  async (tx, { trouble, ...ref }: AttemptRef & { trouble: Trouble }): Promise<Held> => {
    const task = await heldTask(tx, ref);
    if (task === undefined) return { held: false };
    await letGo(tx, task, afterTrouble(figuresOf(task), tx.now), { code: "internal", message: TROUBLES[trouble] });
    return { held: true };
  },
  wakeAll,
);

export const releaseTask = writeOperation(
  "tasks.release",
  lockFile,
  async (tx, { lane, ...ref }: AttemptRef & { lane: TaskLane }): Promise<Held> => {
    const task = await heldTask(tx, ref);
    if (task === undefined) return { held: false };
    await letGo(tx, task, afterRelease(figuresOf(task), lane), null);
    return { held: true };
  },
  wakeAll,
);

/**
 * Part of the operation that makes a task's effect visible: false = the attempt is no longer held, and nothing
 * was written.
 */
export async function succeedTask(tx: Tx, { taskId, attempt }: AttemptRef): Promise<boolean> {
  const rows = await succeed(tx, { taskId, attempt, now: tx.now });
  return rows.length > 0;
}

const succeed = prepared((db, $: Bind<{ taskId: TaskId; attempt: number; now: number }>) =>
  db
    .updateTable("tasks")
    .set({
      state: "succeeded",
      stage: "activating",
      crashes: 0,
      claimed_at: null,
      lease_until: null,
      error_code: null,
      error_message: null,
      finished_at: $("now"),
      updated_at: $("now"),
    })
    .where("id", "=", $("taskId"))
    .where("state", "=", "running")
    .where("attempt", "=", $("attempt"))
    .returning("id"),
);

/** Running tasks that one rescue or requeue returns: bounds the transaction. */
const RESCUE_BATCH = 100;

/**
 * Returns running tasks to the queue whose lease has ended, or ends later than any lease may (the clock went back).
 * None when the catalogue's clock is not where the caller expects it: it jumped, and leases say nothing until they
 * are renewed.
 */
export const rescueTasks = writeOperation(
  "tasks.rescue",
  NO_LOCKS,
  async (tx, { expectedNow }: { expectedNow: number | null }): Promise<Rescued> => {
    if (expectedNow === null || Math.abs(tx.now - expectedNow) > LIMITS.lateTimerMs)
      return { now: tx.now, asExpected: false, returned: [] };
    const running = tx.db
      .selectFrom("tasks")
      .selectAll()
      .where("state", "=", sql.lit("running"))
      .orderBy("lease_until")
      .limit(RESCUE_BATCH);
    return returnAll(tx, afterLostLease, async () => [
      ...(await running.where("lease_until", "<=", tx.now).execute()),
      ...(await running.where("lease_until", ">", tx.now + LIMITS.leaseMs).execute()),
    ]);
  },
  wakeReturned,
);

/**
 * At the start of a server that is alone on its catalogue: nobody else can hold a task. A server that stops in order
 * returns its tasks, so one that is still running is one that the last server did not survive.
 */
export const requeueAllTasks = writeOperation(
  "tasks.requeueAll",
  () => [LOCKS.claims],
  (tx): Promise<Rescued> =>
    returnAll(tx, afterCrash, () =>
      tx.db.selectFrom("tasks").selectAll().where("state", "=", sql.lit("running")).execute(),
    ),
  wakeReturned,
);

/** A task that went back to the queue because nobody holds it. */
export interface ReturnedTask {
  readonly taskId: TaskId;
  readonly teamId: TeamId;
  readonly fileId: FileId;
  /** It waits before it is tried again (limits.crashWaitMs): the server may have ended because of it. */
  readonly suspect: boolean;
}

export interface Rescued {
  /** The catalogue's time of the look, epoch milliseconds. */
  readonly now: number;
  /** Whether that was the time that the caller expected, give or take limits.lateTimerMs. */
  readonly asExpected: boolean;
  readonly returned: readonly ReturnedTask[];
}

/** Of what `find` finds, what it finds again once nobody else can renew a lease or end a task of it. */
async function returnAll(
  tx: Tx,
  decide: (task: TaskFigures, now: number) => TaskDecision,
  find: () => Promise<readonly TasksTable[]>,
): Promise<Rescued> {
  const returned: ReturnedTask[] = [];
  const found = await find();
  await tx.lock(...found.map((task) => LOCKS.file(task.file_id)));
  const locked = new Set(found.map((task) => task.id));
  for (const task of found.length === 0 ? [] : await find()) {
    if (!locked.has(task.id)) continue;
    const decision = decide(figuresOf(task), tx.now);
    const suspect = isSuspect(decision.crashes);
    await letGo(tx, task, decision, suspect ? { code: "internal", message: SUSPECT_NOTE } : null);
    returned.push({ taskId: task.id, teamId: task.team_id, fileId: task.file_id, suspect });
  }
  return { now: tx.now, asExpected: true, returned };
}

/**
 * The task leaves its worker as decided. `error` null keeps what is there. One that may go on at once is next (a lost
 * worker must not cost its file the place in the queue), or lines up in its new lane; one that backs off lines up anew
 * when it is due.
 */
async function letGo(
  tx: Tx,
  task: TasksTable,
  decision: TaskDecision,
  error: { readonly code: string; readonly message: string } | null,
): Promise<void> {
  const { state, lane } = decision;
  await tx.db
    .updateTable("tasks")
    .set({
      ...decisionColumns(decision),
      claimed_at: null,
      lease_until: null,
      updated_at: tx.now,
      ...(state === "failed"
        ? { finished_at: tx.now }
        : { fair_at: await placeAgain(tx, task, lane), ...progressColumns(NOWHERE) }),
      ...(error === null ? {} : { error_code: error.code, error_message: error.message }),
    })
    .where("id", "=", task.id)
    .where("state", "=", "running")
    .where("attempt", "=", task.attempt)
    .execute();
}

/** Each lane has a virtual time of its own: a place in one says nothing in the other. */
async function placeAgain(tx: Tx, task: TasksTable, lane: TaskLane): Promise<number> {
  return lane === task.lane ? Math.max(task.fair_at, await frontPlace(tx, lane)) : fairPlace(tx, task.team_id, lane);
}

function heldTask({ db }: Tx, { taskId, attempt }: AttemptRef): Promise<TasksTable | undefined> {
  return db
    .selectFrom("tasks")
    .selectAll()
    .where("id", "=", taskId)
    .where("state", "=", "running")
    .where("attempt", "=", attempt)
    .executeTakeFirst();
}

function figuresOf(task: TasksTable): TaskFigures {
  const { type, lane, faults, deaths, troubles, lease_losses, crashes } = task;
  return { type, lane, faults, deaths, troubles, leaseLosses: lease_losses, crashes };
}

/** Whom an attempt that was let go wakes. */
export function wakeAll({ taskId, fileId }: AttemptRef, { held }: Held): readonly string[] {
  return held ? [TOPICS.tasks, ...topicsOf(taskId, fileId)] : [];
}

function wakeReturned(_input: unknown, { returned }: Rescued): readonly string[] {
  return returned.length === 0 ? [] : [TOPICS.tasks, ...returned.flatMap((task) => topicsOf(task.taskId, task.fileId))];
}

export const attemptOperations = [heartbeat, recordTrouble, releaseTask, rescueTasks, requeueAllTasks];
