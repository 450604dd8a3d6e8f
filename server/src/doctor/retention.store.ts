import { walkOperation, writeOperation } from "../catalogue/catalogue.ts";
import { NO_LOCKS } from "../catalogue/locks.ts";
import { LIMITS } from "../limits.ts";

/** What has passed its time and is there all the same, and sign-ins of teams that are not there (doctor). */

export interface Overdue {
  readonly batches: number;
  readonly keys: number;
  readonly answers: number;
  readonly signIns: number;
}

/** Rows that maintenance should have removed more than `lateMs` ago; each is found by the index that it uses itself. */
export const overdueRows = walkOperation(
  "doctor.overdueRows",
  async ({ db, now }, { lateMs }: { lateMs: number }): Promise<Overdue> => {
    const unused = async (table: "batches" | "idempotency_keys") => {
      const { rows } = await db
        .selectFrom(table)
        .select(({ fn }) => fn.countAll<number>().as("rows"))
        .where("last_used_at", "<", now - LIMITS.sessionRetentionMs - lateMs)
        .executeTakeFirstOrThrow();
      return Number(rows);
    };
    const expired = async (table: "responses" | "dashboard_links" | "dashboard_sessions") => {
      const { rows } = await db
        .selectFrom(table)
        .select(({ fn }) => fn.countAll<number>().as("rows"))
        .where("expires_at", "<=", now - lateMs)
        .executeTakeFirstOrThrow();
      return Number(rows);
    };
    return {
      batches: await unused("batches"),
      keys: await unused("idempotency_keys"),
      answers: await expired("responses"),
      signIns: (await expired("dashboard_links")) + (await expired("dashboard_sessions")),
    };
  },
);

const SIGN_INS = ["dashboard_links", "dashboard_sessions"] as const;

/** Links and sessions whose team is not there. The database refuses to make such rows; a damaged one may hold some. */
export const strangeSignIns = walkOperation(
  "doctor.strangeSignIns",
  async ({ db }, _input: object): Promise<number> => {
    let strange = 0;
    for (const table of SIGN_INS) {
      const { rows } = await db
        .selectFrom(table)
        .select(({ fn }) => fn.countAll<number>().as("rows"))
        .where("team_id", "not in", (eb) => eb.selectFrom("teams").select("teams.id"))
        .executeTakeFirstOrThrow();
      strange += Number(rows);
    }
    return strange;
  },
);

export const dropStrangeSignIns = writeOperation(
  "doctor.dropStrangeSignIns",
  NO_LOCKS,
  async ({ db }, _input: object): Promise<number> => {
    let dropped = 0n;
    for (const table of SIGN_INS) {
      const { numDeletedRows } = await db
        .deleteFrom(table)
        .where("team_id", "not in", (eb) => eb.selectFrom("teams").select("teams.id"))
        .executeTakeFirst();
      dropped += numDeletedRows;
    }
    return Number(dropped);
  },
);

export const retentionOperations = [overdueRows, strangeSignIns, dropStrangeSignIns];
