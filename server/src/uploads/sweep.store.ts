import { sql } from "kysely";
import type { SegmentRef } from "../blobs/blob-store.ts";
import { walkOperation, writeOperation } from "../catalogue/catalogue.ts";
import { LOCKS, NO_LOCKS } from "../catalogue/locks.ts";
import type { SessionState } from "../catalogue/schema.ts";
import type { FileId, SessionId, TeamId } from "../ids.ts";
import { LIMITS } from "../limits.ts";
import { endSessions, toSession } from "./session.store.ts";

/** What maintenance asks of the catalogue. Batches are bounded: each call does at most `limit` rows. */

/** Literals, so that the partial index serves them. */
const LIVE = [sql.lit("open" as const), sql.lit("received" as const)];

/**
 * What each team's open sessions may still send. Those that are received owe nothing: they are asked too, for the
 * partial index on both (upload_sessions_to_expire). Every session that is remembered would be read otherwise, 20 ms
 * for 200 000.
 */
export const bytesOwed = walkOperation("uploads.bytesOwed", async ({ db, now }, _input: object): Promise<BytesOwed> => {
  const rows = await db
    .selectFrom("upload_sessions")
    .select("team_id as teamId")
    .select(({ fn, eb }) => fn.sum<number>(eb("size_bytes", "-", eb.ref("received_bytes"))).as("bytes"))
    .where("state", "in", LIVE)
    .where("expires_at", ">", now)
    .groupBy("team_id")
    .execute();
  return new Map(rows.map(({ teamId, bytes }) => [teamId, Number(bytes)]));
});

/** Of each team with open sessions. */
export type BytesOwed = ReadonlyMap<TeamId, number>;

/** Expires sessions past their time. `busy`: those that a data request of this process writes just now. */
export const expireSessions = writeOperation(
  "uploads.expireSessions",
  NO_LOCKS,
  async (tx, input: { limit: number; busy: readonly SessionId[] }): Promise<readonly SessionId[]> => {
    let query = tx.db
      .selectFrom("upload_sessions")
      .select("id")
      .where("state", "in", LIVE)
      .where("expires_at", "<=", tx.now)
      .orderBy("expires_at")
      .limit(input.limit);
    if (input.busy.length > 0) query = query.where("id", "not in", input.busy);
    const due = (await query.execute()).map((row) => row.id);
    await tx.lock(...due.map(LOCKS.session));
    return endSessions(tx, "expire", due);
  },
);

/**
 * IDE-5: ended sessions and idempotency keys live 7 days from their last use. A file's session stays as long as a key
 * still replays it. Returns how many rows went; call again while it is `limit`.
 */
export const forgetSessions = writeOperation(
  "uploads.forgetSessions",
  NO_LOCKS,
  async ({ db, now, lock }, { limit }: { limit: number }): Promise<number> => {
    const before = now - LIMITS.sessionRetentionMs;
    const keys = await db
      .selectFrom("idempotency_keys")
      .select(["team_id", "operation", "key"])
      .where("last_used_at", "<", before)
      .limit(limit)
      .execute();
    // A replay renews both; what it has renewed before the locks were there stays, and after that it finds neither.
    await lock(...keys.map(({ team_id, operation, key }) => LOCKS.idempotencyKey(team_id, operation, key)));
    let keysGone = 0n;
    for (const { team_id, operation, key } of keys) {
      const { numDeletedRows } = await db
        .deleteFrom("idempotency_keys")
        .where("team_id", "=", team_id)
        .where("operation", "=", operation)
        .where("key", "=", key)
        .where("last_used_at", "<", before)
        .executeTakeFirst();
      keysGone += numDeletedRows;
    }
    const sessions = await db
      .selectFrom("upload_sessions")
      .select("id")
      .where("ended_at", "is not", null)
      .where("updated_at", "<", before)
      // A batch names its sessions for as long as it is remembered itself.
      .where(({ not, exists, selectFrom }) =>
        not(
          exists(
            selectFrom("batch_items")
              .select("batch_items.session_id")
              .whereRef("batch_items.session_id", "=", "upload_sessions.id"),
          ),
        ),
      )
      .orderBy("updated_at")
      .limit(limit)
      .execute();
    await lock(...sessions.map(({ id }) => LOCKS.session(id)));
    if (sessions.length === 0) return Number(keysGone);
    const { numDeletedRows: sessionsGone } = await db
      .deleteFrom("upload_sessions")
      .where(
        "id",
        "in",
        sessions.map((row) => row.id),
      )
      .where("updated_at", "<", before)
      .executeTakeFirst();
    return Math.max(Number(keysGone), Number(sessionsGone));
  },
);

export interface SessionFacts {
  readonly id: SessionId;
  readonly state: SessionState;
  readonly writerEpoch: number;
  readonly segments: readonly SegmentRef[];
}

/** What reconcile judges stored segments by; ids without a row are absent from the answer. */
export const sessionFacts = walkOperation(
  "uploads.sessionFacts",
  async ({ db }, { ids }: { ids: readonly SessionId[] }): Promise<readonly SessionFacts[]> => {
    if (ids.length === 0) return [];
    const rows = await db.selectFrom("upload_sessions").selectAll().where("id", "in", ids).execute();
    return rows.map(toSession).map(({ id, state, writerEpoch, segments }) => ({ id, state, writerEpoch, segments }));
  },
);

/**
 * The keys that files refer to: originals of these sessions, texts of these files. Both look-ups are by unique index.
 */
export const referencedKeys = walkOperation(
  "uploads.referencedKeys",
  async ({ db }, input: { sessions: readonly SessionId[]; files: readonly FileId[] }): Promise<readonly string[]> => {
    const originals =
      input.sessions.length === 0
        ? []
        : await db.selectFrom("files").select("blob_key as key").where("session_id", "in", input.sessions).execute();
    const texts =
      input.files.length === 0
        ? []
        : await db.selectFrom("files").select("text_key as key").where("id", "in", input.files).execute();
    return [...originals, ...texts].flatMap(({ key }) => key ?? []);
  },
);

/** Builds (`<task>_<attempt>`) whose task holds its lease: their chunks and text are being written. */
export const leasedBuilds = walkOperation(
  "uploads.leasedBuilds",
  async ({ db }, _input: object): Promise<readonly string[]> => {
    const rows = await db.selectFrom("tasks").select(["id", "attempt"]).where("state", "=", "running").execute();
    return rows.map((row) => `${row.id}_${row.attempt}`);
  },
);

export const sweepOperations = [bytesOwed, expireSessions, forgetSessions, sessionFacts, referencedKeys, leasedBuilds];
