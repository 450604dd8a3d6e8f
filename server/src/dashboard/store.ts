import { sql } from "kysely";
import { readOperation } from "../catalogue/catalogue.ts";
import type { TeamId } from "../ids.ts";

/** What a team's own tasks are doing; each counted up to COUNTED, so that a long queue is no long read. */
export interface TeamQueue {
  readonly queued: number;
  readonly running: number;
  readonly countedTo: number;
}

const COUNTED = 10_000;

/** By the partial index tasks_open_by_team. */
export const teamQueue = readOperation(
  "dashboard.teamQueue",
  async ({ db }, { teamId }: { teamId: TeamId }): Promise<TeamQueue> => {
    const open = db
      .selectFrom("tasks")
      .select("state")
      .where("team_id", "=", teamId)
      // Literals, so that the partial index serves it.
      .where("state", "in", [sql.lit("queued" as const), sql.lit("running" as const)])
      .limit(COUNTED)
      .as("open");
    const rows = await db
      .selectFrom(open)
      .select(["state", ({ fn }) => fn.countAll<number>().as("tasks")])
      .groupBy("state")
      .execute();
    const of = (state: string) => Number(rows.find((row) => row.state === state)?.tasks ?? 0);
    return { queued: of("queued"), running: of("running"), countedTo: COUNTED };
  },
);

export const dashboardFigures = [teamQueue];
