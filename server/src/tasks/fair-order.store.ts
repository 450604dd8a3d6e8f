import { type Expression, sql } from "kysely";
import type { Tx } from "../catalogue/catalogue.ts";
import { LOCKS } from "../catalogue/locks.ts";
import { type Bind, prepared } from "../catalogue/prepared.ts";
import type { TaskLane, TasksTable } from "../catalogue/schema.ts";
import type { TeamId } from "../ids.ts";
import { LIMITS } from "../limits.ts";
import { LONGEST_BACKOFF_MS } from "./task.ts";

/**
 * Who is next: start-time fair queueing. Due tasks are claimed in the order of `fair_at`, a virtual time. A task sorts
 * one share after its team's last due one, but not before the head of the queue. So one team's 10 000 files and
 * another's one note take turns, whatever came first, and a team that was alone for an hour owes nobody anything.
 *
 * Rejected: `fair_at` from the wall clock and a "next" kept in the team's row. When tasks take longer than a share,
 * real time runs ahead of the queue, and a new team's note would wait behind everything that a busy one had queued
 * before; and a clock that was wrong once would leave the team behind everybody for as long.
 *
 * Both look-ups are one step in an index of due tasks (tasks_to_claim, tasks_to_claim_by_team), whatever the queue's
 * length.
 */
export async function fairPlace(tx: Tx, teamId: TeamId, lane: TaskLane): Promise<number> {
  await tx.lock(LOCKS.line(teamId, lane));
  return placeInLine(tx, teamId, lane);
}

async function placeInLine(tx: Tx, teamId: TeamId, lane: TaskLane): Promise<number> {
  const front = await frontPlace(tx, lane);
  const [last] = await lastOfTeam(tx, { teamId, lane });
  return last === undefined ? front : Math.max(front, last.fair_at + LIMITS.fairShareMs);
}

/** Beside the head of the queue. */
export async function frontPlace(tx: Tx, lane: TaskLane): Promise<number> {
  const [head] = await headOfQueue(tx, { lane });
  return head?.fair_at ?? tx.now;
}

/** Who is claimed next in the lane. */
export const headOfQueue = prepared((db, $: Bind<{ lane: TaskLane }>) =>
  dueTasks(db, $("lane")).orderBy("fair_at").orderBy("id").limit(1),
);

const lastOfTeam = prepared((db, $: Bind<{ teamId: TeamId; lane: TaskLane }>) =>
  dueTasks(db, $("lane")).where("team_id", "=", $("teamId")).orderBy("fair_at", "desc").orderBy("id", "desc").limit(1),
);

/**
 * `sql.lit`: SQLite uses a partial index (tasks_to_claim) only for a literal that it can compare with the index's own.
 */
function dueTasks(db: Tx["db"], lane: Expression<TaskLane>) {
  return db
    .selectFrom("tasks")
    .select(["id", "fair_at"])
    .where("state", "=", sql.lit("queued"))
    .where("due_at", "is", null)
    .where("lane", "=", lane);
}

/**
 * Makes tasks due whose back-off is over, or longer than any may be (the clock went back): each gets a place as if it
 * were new. At most limits.dueTasksPerClaim, the longest waiting first (index tasks_backed_off); and of the suspects
 * one. Only claims call it, which take turns; without the team's line to itself, the worst is that a task which is
 * queued at this instant gets the same place.
 */
export async function makeDue(tx: Tx): Promise<void> {
  // Two statements: an OR over one index would sort everything that is due before it takes the first few.
  const over = await backedOffUntil(tx, { now: tx.now });
  const absurd = await backedOffBeyond(tx, { longest: tx.now + LONGEST_BACKOFF_MS });
  for (const { id, team_id, lane } of [...over, ...absurd, ...(await nextSuspect(tx))]) {
    await tx.db
      .updateTable("tasks")
      .set({ due_at: null, fair_at: await placeInLine(tx, team_id, lane) })
      .where("id", "=", id)
      .where("state", "=", "queued")
      .execute();
  }
}

const backedOffUntil = prepared((db, $: Bind<{ now: number }>) => backedOff(db).where("due_at", "<=", $("now")));
const backedOffBeyond = prepared((db, $: Bind<{ longest: number }>) =>
  backedOff(db).where("due_at", ">", $("longest")),
);

function backedOff(db: Tx["db"]) {
  return db
    .selectFrom("tasks")
    .select(["id", "team_id", "lane"])
    .where("state", "=", sql.lit("queued"))
    .where("due_at", "is not", null)
    .where("crashes", "<", LIMITS.crashesBeforeWait)
    .orderBy("due_at")
    .limit(LIMITS.dueTasksPerClaim);
}

/**
 * The suspect that has waited longest, if its hour is over and no other suspect is in line or running: so no two ever
 * run at once, and those that wait their turn stand in nobody's way.
 */
async function nextSuspect(tx: Tx): Promise<readonly Pick<TasksTable, "id" | "team_id" | "lane">[]> {
  const all = await suspects(tx, {});
  if (all.some((task) => task.due_at === null)) return [];
  const latest = tx.now + LIMITS.crashWaitMs;
  const next = all.find(({ due_at }) => due_at !== null && (due_at <= tx.now || due_at > latest));
  return next === undefined ? [] : [next];
}

/** Few, since each was running when a server ended. The first condition names the index (tasks_crashed). */
const suspects = prepared((db, _: Bind<object>) =>
  db
    .selectFrom("tasks")
    .select(["id", "team_id", "lane", "due_at"])
    .where("crashes", ">", sql.lit(0))
    .where("crashes", ">=", LIMITS.crashesBeforeWait)
    .orderBy("due_at"),
);
