import { sql } from "kysely";
import { walkOperation } from "../catalogue/catalogue.ts";
import type { TeamId } from "../ids.ts";
import { LIMITS } from "../limits.ts";

/** What a team's own tasks are doing; all together counted up to limits.rowsPerRead: a long queue is no long read. */
export interface TeamQueue {
  /** Documents that wait to be read … */
  readonly queued: number;
  /** … and that are being read. */
  readonly running: number;
  /** Deleted files whose bytes, text and passages are going. */
  readonly removing: number;
  readonly countedTo: number;
}

/**
 * By the partial index tasks_open_by_team. A long queue takes 15 ms, which the look-ups of keys must not wait behind.
 */
export const teamQueue = walkOperation(
  "dashboard.teamQueue",
  async ({ db }, { teamId }: { teamId: TeamId }): Promise<TeamQueue> => {
    const open = db
      .selectFrom("tasks")
      .select(["state", "type"])
      .where("team_id", "=", teamId)
      // Literals, so that the partial index serves it.
      .where("state", "in", [sql.lit("queued" as const), sql.lit("running" as const)])
      .limit(LIMITS.rowsPerRead)
      .as("open");
    const rows = await db
      .selectFrom(open)
      .select(["state", "type", ({ fn }) => fn.countAll<number>().as("tasks")])
      .groupBy(["state", "type"])
      .execute();
    const sum = (counts: (row: (typeof rows)[number]) => boolean) =>
      rows.filter(counts).reduce((total, { tasks }) => total + Number(tasks), 0);
    return {
      queued: sum(({ state, type }) => state === "queued" && type !== "remove"),
      running: sum(({ state, type }) => state === "running" && type !== "remove"),
      removing: sum(({ type }) => type === "remove"),
      countedTo: LIMITS.rowsPerRead,
    };
  },
);

export const dashboardFigures = [teamQueue];
