import { readOperation, TOPICS, writeOperation } from "../catalogue/catalogue.ts";
import { NO_LOCKS } from "../catalogue/locks.ts";
import { type Bind, prepared } from "../catalogue/prepared.ts";
import { refuse } from "../errors.ts";
import type { DashboardSessionId, TeamId } from "../ids.ts";
import { LIMITS } from "../limits.ts";
import { readScopes, type Scope } from "./api-key.ts";

/** Signing in to the dashboard: links become sessions. Secrets come and are kept as their hashes alone. */

/** Of a team that there is; a team is never made by looking at its dashboard. */
export const createLink = writeOperation(
  "access.createLink",
  NO_LOCKS,
  async ({ db, now }, input: { hash: string; teamSlug: string; scopes: readonly Scope[] }) => {
    const team = await db.selectFrom("teams").select("id").where("slug", "=", input.teamSlug).executeTakeFirst();
    if (team === undefined) {
      const message = `There is no team ${input.teamSlug}; wharf keys create --team ${input.teamSlug} makes it.`;
      return refuse("not_found", { message });
    }
    const expiresAt = now + LIMITS.dashboardLinkMs;
    await db
      .insertInto("dashboard_links")
      .values({ hash: input.hash, team_id: team.id, scopes: JSON.stringify(input.scopes), expires_at: expiresAt })
      .execute();
    return { expiresAt };
  },
);

/** Whether the link is good: asked before it is used, so that guessing costs a read and no commit. */
export const isLinkGood = readOperation(
  "access.isLinkGood",
  async ({ db, now }, { hash }: { hash: string }): Promise<boolean> =>
    (await db
      .selectFrom("dashboard_links")
      .select("hash")
      .where("hash", "=", hash)
      .where("expires_at", ">", now)
      .executeTakeFirst()) !== undefined,
);

/** The link goes and the session comes, or neither: null. Of several at once, the one whose delete finds the row. */
export const redeemLink = writeOperation(
  "access.redeemLink",
  NO_LOCKS,
  async (
    { db, now },
    { linkHash, session }: { linkHash: string; session: { id: DashboardSessionId; hash: string } },
  ): Promise<{ readonly teamId: TeamId } | null> => {
    const link = await db
      .deleteFrom("dashboard_links")
      .where("hash", "=", linkHash)
      .where("expires_at", ">", now)
      .returning(["team_id", "scopes"])
      .executeTakeFirst();
    if (link === undefined) return null;
    await db
      .insertInto("dashboard_sessions")
      .values({
        id: session.id,
        hash: session.hash,
        team_id: link.team_id,
        scopes: link.scopes,
        created_at: now,
        expires_at: now + LIMITS.dashboardSessionMs,
      })
      .execute();
    return { teamId: link.team_id };
  },
);

export interface DashboardSession {
  readonly id: DashboardSessionId;
  readonly teamId: TeamId;
  readonly scopes: readonly Scope[];
  readonly createdAt: number;
  readonly expiresAt: number;
}

const sessionByHash = prepared((db, $: Bind<{ hash: string }>) =>
  db.selectFrom("dashboard_sessions").selectAll().where("hash", "=", $("hash")),
);

/** Each request's first read, as findCaller is with a key: by the hash (unique index), never cached. */
export const findSession = readOperation(
  "access.findSession",
  async (tx, { hash }: { hash: string }): Promise<DashboardSession | null> => {
    const [row] = await sessionByHash(tx, { hash });
    if (row === undefined || row.expires_at <= tx.now) return null;
    const { id, team_id: teamId, created_at: createdAt, expires_at: expiresAt } = row;
    return { id, teamId, scopes: readScopes(row.scopes), createdAt, expiresAt };
  },
);

/** Whether a session that was found a while ago would be found again (primary key). */
export const isSessionGood = readOperation(
  "access.isSessionGood",
  async ({ db, now }, { id }: { id: DashboardSessionId }): Promise<boolean> =>
    (await db
      .selectFrom("dashboard_sessions")
      .select("id")
      .where("id", "=", id)
      .where("expires_at", ">", now)
      .executeTakeFirst()) !== undefined,
);

/**
 * Ends the sessions of a team, or one of them; returns which. Effective at the next request, and what they have held
 * (POL-5) is woken.
 */
export const endSessions = writeOperation(
  "access.endSessions",
  NO_LOCKS,
  async (
    { db },
    { id, teamSlug }: { id: DashboardSessionId | null; teamSlug: string | null },
  ): Promise<{ readonly ended: readonly DashboardSessionId[] }> => {
    let query = db.deleteFrom("dashboard_sessions").returning("id");
    if (id !== null) query = query.where("id", "=", id);
    if (teamSlug !== null)
      query = query.where("team_id", "in", (eb) =>
        eb.selectFrom("teams").select("teams.id").where("teams.slug", "=", teamSlug),
      );
    if (id === null && teamSlug === null) return { ended: [] };
    return { ended: (await query.execute()).map((row) => row.id).toSorted() };
  },
  (_input, { ended }) => ended.map(TOPICS.credential),
);

export interface ListedSession extends DashboardSession {
  readonly team: string;
}

/** Those that are signed in, of all teams or of one, oldest first. */
export const listSessions = readOperation(
  "access.listSessions",
  async ({ db, now }, { teamSlug }: { teamSlug: string | null }): Promise<readonly ListedSession[]> => {
    let query = db
      .selectFrom("dashboard_sessions")
      .innerJoin("teams", "teams.id", "dashboard_sessions.team_id")
      .select([
        "dashboard_sessions.id as id",
        "dashboard_sessions.team_id as teamId",
        "teams.slug as team",
        "dashboard_sessions.scopes as scopes",
        "dashboard_sessions.created_at as createdAt",
        "dashboard_sessions.expires_at as expiresAt",
      ])
      .where("dashboard_sessions.expires_at", ">", now)
      .orderBy("teams.slug")
      .orderBy("dashboard_sessions.created_at")
      .orderBy("dashboard_sessions.id");
    if (teamSlug !== null) query = query.where("teams.slug", "=", teamSlug);
    return (await query.execute()).map((row) => ({ ...row, scopes: readScopes(row.scopes) }));
  },
);

/** The name that people know the team by. */
export const teamSlug = readOperation(
  "access.teamSlug",
  async ({ db }, { teamId }: { teamId: TeamId }): Promise<string> =>
    (await db.selectFrom("teams").select("slug").where("id", "=", teamId).executeTakeFirstOrThrow()).slug,
);

/** Forgets links and sessions past their time. Returns how many; call again while it is `limit`. */
export const forgetSignIns = writeOperation(
  "access.forgetSignIns",
  NO_LOCKS,
  async ({ db, now }, { limit }: { limit: number }): Promise<number> => {
    let most = 0n;
    for (const [table, key] of [["dashboard_links", "hash"] as const, ["dashboard_sessions", "id"] as const]) {
      const { numDeletedRows } = await db
        .deleteFrom(table)
        .where(key, "in", (eb) =>
          eb.selectFrom(table).select(key).where("expires_at", "<=", now).orderBy("expires_at").limit(limit),
        )
        .executeTakeFirst();
      if (numDeletedRows > most) most = numDeletedRows;
    }
    return Number(most);
  },
);

/** In a backup: who was signed in to the server is not signed in to what is restored from it. */
export const forgetEverySignIn = writeOperation(
  "access.forgetEverySignIn",
  NO_LOCKS,
  async ({ db }, _input: object): Promise<void> => {
    await db.deleteFrom("dashboard_links").execute();
    await db.deleteFrom("dashboard_sessions").execute();
  },
);

export const dashboardOperations = [
  createLink,
  isLinkGood,
  redeemLink,
  findSession,
  isSessionGood,
  endSessions,
  listSessions,
  teamSlug,
  forgetSignIns,
  forgetEverySignIn,
];
