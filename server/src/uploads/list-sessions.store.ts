import { type ExpressionBuilder, sql } from "kysely";
import { type Tx, walkOperation } from "../catalogue/catalogue.ts";
import type { Schema, SessionState } from "../catalogue/schema.ts";
import type { SessionId, TeamId } from "../ids.ts";
import { LIMITS } from "../limits.ts";
import { toSession } from "./session.store.ts";
import type { Session } from "./session.ts";

export interface SessionsWanted {
  readonly teamId: TeamId;
  /** As everybody sees it: an open session whose time is over is expired, whether or not it is written down yet. */
  readonly status: SessionState | null;
  readonly after: SessionId | null;
  readonly limit: number;
}

/** A page of the team's upload sessions, newest first, as tasks/list.store.ts does it. */
export const listSessions = walkOperation(
  "uploads.listSessions",
  async (
    tx,
    wanted: SessionsWanted,
  ): Promise<{ readonly sessions: readonly Session[]; readonly next: SessionId | null }> => {
    const { status, limit } = wanted;
    const walked = stretchOf(tx, wanted);
    const found = await tx.db
      .selectFrom(walked.limit(LIMITS.rowsPerRead).as("walked"))
      .innerJoin("upload_sessions", "upload_sessions.id", "walked.id")
      .selectAll("upload_sessions")
      .where((by) => statusIs(by, status, tx.now))
      .orderBy("upload_sessions.id", "desc")
      .limit(limit + 1)
      .execute();
    const rows = found.map(toSession);
    const page = rows.slice(0, limit);
    if (rows.length > limit) return { sessions: page, next: page.at(-1)?.id ?? null };
    const end = await walked
      .limit(1)
      .offset(LIMITS.rowsPerRead - 1)
      .executeTakeFirst();
    return { sessions: page, next: end?.id ?? null };
  },
);

/** Literals, so that the partial indexes serve them. */
const LIVE = [sql.lit("open" as const), sql.lit("received" as const)];
const GIVEN_UP = [sql.lit("expired" as const), sql.lit("cancelled" as const)];

function statusIs(by: ExpressionBuilder<Schema, "upload_sessions">, status: SessionState | null, now: number) {
  const isLive = by("upload_sessions.expires_at", ">", now);
  switch (status) {
    case null:
      return by.lit(true);
    case "open":
    case "received":
      return by.and([by("upload_sessions.state", "=", status), isLive]);
    case "expired":
      return by.or([
        by("upload_sessions.state", "=", "expired"),
        by.and([by("upload_sessions.state", "in", LIVE), by.not(isLive)]),
      ]);
    default:
      return by("upload_sessions.state", "=", status);
  }
}

/** Expired ones are of two indexes: those that the sweep has not seen yet are among the live ones. */
function stretchOf({ db }: Tx, { teamId, status, after }: SessionsWanted) {
  const all = db.selectFrom("upload_sessions").select("id").where("team_id", "=", teamId);
  const from = after === null ? all : all.where("id", "<", after);
  const some = () => {
    if (status === "open" || status === "received") return from.where("state", "in", LIVE);
    if (status === "cancelled") return from.where("state", "in", GIVEN_UP);
    return status === "expired" ? from.where("state", "in", GIVEN_UP).unionAll(from.where("state", "in", LIVE)) : from;
  };
  return some().orderBy("id", "desc");
}

export const listOperations = [listSessions];
