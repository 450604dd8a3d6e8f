import { type SelectQueryBuilder, sql } from "kysely";
import { walkOperation } from "../catalogue/catalogue.ts";
import type { Schema, TaskLane } from "../catalogue/schema.ts";
import type { TaskId } from "../ids.ts";
import { LIMITS } from "../limits.ts";

export interface ServiceFigures {
  /** Sessions that are open or received. */
  readonly liveSessions: number;
  /** Queued tasks that could be claimed now, counted up to `COUNT_UP_TO`. */
  readonly dueTasks: number;
  /** Queued tasks that wait for the end of a back-off. */
  readonly backedOffTasks: number;
  /** Tasks that may be what ended the server: waiting, or tried right now. */
  readonly suspectTasks: number;
  readonly runningTasks: number;
  /** Since the task at the head of the queue last changed; 0 with an empty queue. */
  readonly oldestDueMs: number;
}

/**
 * A longer queue shows as this many: counting a million entries of an index would keep the reader from its
 * callers for 50 ms.
 */
const COUNT_UP_TO = 100_000;

/** For `/metrics`. Counters of teams and partial indexes alone: no table is scanned, whatever the server has seen. */
export const serviceFigures = walkOperation(
  "metrics.serviceFigures",
  async ({ db, now }, _input: object): Promise<ServiceFigures> => {
    const queued = db.selectFrom("tasks").where("state", "=", sql.lit("queued"));
    const countOf = async (rows: SelectQueryBuilder<Schema, "tasks", { id: TaskId }>) => {
      const row = await db
        .selectFrom(rows.limit(COUNT_UP_TO).as("counted"))
        .select(({ fn }) => fn.countAll<number>().as("count"))
        .executeTakeFirstOrThrow();
      return row.count;
    };
    // The head of each lane is, but for fairness between teams, what has waited longest (index tasks_to_claim).
    const waitedMs = async (lane: TaskLane) => {
      const due = queued.select("updated_at").where("due_at", "is", null).where("lane", "=", lane);
      const head = await due.orderBy("fair_at").orderBy("id").limit(1).executeTakeFirst();
      return head === undefined ? 0 : Math.max(0, now - head.updated_at);
    };
    const sessions = await db
      .selectFrom("teams")
      .select(({ fn }) => fn.sum<number | null>("open_sessions").as("live"))
      .executeTakeFirst();
    return {
      liveSessions: sessions?.live ?? 0,
      dueTasks: await countOf(queued.select("id").where("due_at", "is", null)),
      backedOffTasks: await countOf(queued.select("id").where("due_at", "is not", null)),
      suspectTasks: await countOf(
        db
          .selectFrom("tasks")
          .select("id")
          .where("crashes", ">", sql.lit(0))
          .where("crashes", ">=", LIMITS.crashesBeforeWait),
      ),
      runningTasks: await countOf(db.selectFrom("tasks").select("id").where("state", "=", sql.lit("running"))),
      oldestDueMs: Math.max(await waitedMs("fast"), await waitedMs("slow")),
    };
  },
);

export const metricsOperations = [serviceFigures];
