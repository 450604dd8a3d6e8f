import { sql } from "kysely";
import { walkOperation } from "../catalogue/catalogue.ts";
import type { TeamId } from "../ids.ts";
import { LIMITS } from "../limits.ts";

/** What a team's own tasks are doing; each counted up to limits.rowsPerRead, so that a long queue is no long read. */
export interface TeamQueue {
  readonly queued: number;
  readonly running: number;
  readonly countedTo: number;
}

/** By the partial index tasks_open_by_team. A long queue takes 15 ms, which the look-ups of keys must not wait behind. */
export const teamQueue = walkOperation(
  "dashboard.teamQueue",
  async ({ db }, { teamId }: { teamId: TeamId }): Promise<TeamQueue> => {
    const open = db
      .selectFrom("tasks")
      .select("state")
      .where("team_id", "=", teamId)
      // Literals, so that the partial index serves it.
      .where("state", "in", [sql.lit("queued" as const), sql.lit("running" as const)])
      .limit(LIMITS.rowsPerRead)
      .as("open");
    const rows = await db
      .selectFrom(open)
      .select(["state", ({ fn }) => fn.countAll<number>().as("tasks")])
      .groupBy("state")
      .execute();
    const of = (state: string) => Number(rows.find((row) => row.state === state)?.tasks ?? 0);
    return { queued: of("queued"), running: of("running"), countedTo: LIMITS.rowsPerRead };
  },
);

export const dashboardFigures = [teamQueue];
