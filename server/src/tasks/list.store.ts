import { sql } from "kysely";
import { type Tx, walkOperation } from "../catalogue/catalogue.ts";
import type { TaskState } from "../catalogue/schema.ts";
import type { TaskId, TeamId } from "../ids.ts";
import { LIMITS } from "../limits.ts";
import { type VisibleTask, withQueuePositions } from "./store.ts";

export interface TasksWanted {
  readonly teamId: TeamId;
  readonly state: TaskState | null;
  /** The task after which the page begins. */
  readonly after: TaskId | null;
  readonly limit: number;
}

/**
 * A page of the team's indexing tasks, newest first, or as much of it as one read may look at: ids grow with time.
 * Those of the states that are rare have indexes of their own; for others the team's tasks are walked. `next` null: it
 * was the end.
 */
export const listTasks = walkOperation(
  "tasks.list",
  async (
    tx,
    wanted: TasksWanted,
  ): Promise<{ readonly tasks: readonly VisibleTask[]; readonly next: TaskId | null }> => {
    const { state, limit } = wanted;
    const walked = stretchOf(tx, wanted);
    let query = tx.db
      .selectFrom(walked.limit(LIMITS.rowsPerRead).as("walked"))
      .innerJoin("tasks", "tasks.id", "walked.id")
      .selectAll("tasks")
      // Tasks that remove are nobody's but ours.
      .where("tasks.type", "=", "index");
    if (state !== null) query = query.where("tasks.state", "=", state);
    const rows = await query
      .orderBy("tasks.id", "desc")
      .limit(limit + 1)
      .execute();
    const page = rows.slice(0, limit);
    const tasks = await withQueuePositions(tx, page);
    if (rows.length > limit) return { tasks, next: page.at(-1)?.id ?? null };
    const end = await walked
      .limit(1)
      .offset(LIMITS.rowsPerRead - 1)
      .executeTakeFirst();
    return { tasks, next: end?.id ?? null };
  },
);

/** Literals, so that the partial indexes serve them. */
const OPEN = [sql.lit("queued" as const), sql.lit("running" as const)];
const UNSUCCESSFUL = [sql.lit("failed" as const), sql.lit("cancelled" as const)];

function stretchOf({ db }: Tx, { teamId, state, after }: TasksWanted) {
  let query = db.selectFrom("tasks").select("id").where("team_id", "=", teamId).orderBy("id", "desc");
  if (state === "queued" || state === "running") query = query.where("state", "in", OPEN);
  if (state === "failed" || state === "cancelled") query = query.where("state", "in", UNSUCCESSFUL);
  return after === null ? query : query.where("id", "<", after);
}

export const listOperations = [listTasks];
