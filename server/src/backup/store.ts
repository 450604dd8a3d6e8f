import { sql } from "kysely";
import type { SegmentRef } from "../blobs/blob-store.ts";
import { readOperation, walkOperation } from "../catalogue/catalogue.ts";
import type { SessionState } from "../catalogue/schema.ts";
import type { SessionId } from "../ids.ts";
import { toSession } from "../uploads/session.store.ts";

/** A session that is not over, with the segments that hold its acknowledged bytes. */
export interface LiveSession {
  readonly id: SessionId;
  readonly expiresAt: number;
  readonly segments: readonly SegmentRef[];
}

/** In pages after `after` (partial index upload_sessions_to_expire). */
export const listLiveSessions = walkOperation(
  "backup.listLiveSessions",
  async (
    { db },
    { after, limit }: { after: Pick<LiveSession, "id" | "expiresAt"> | null; limit: number },
  ): Promise<readonly LiveSession[]> => {
    let query = db
      .selectFrom("upload_sessions")
      .selectAll()
      .where("state", "in", [sql.lit("open" as const), sql.lit("received" as const)])
      .orderBy("expires_at")
      .orderBy("id")
      .limit(limit);
    if (after !== null)
      query = query
        .where("expires_at", ">=", after.expiresAt)
        .where((by) => by.or([by("expires_at", ">", after.expiresAt), by("id", ">", after.id)]));
    return (await query.execute()).map(toSession).map(({ id, expiresAt, segments }) => ({ id, expiresAt, segments }));
  },
);

/** What became of a session: null = it is forgotten. `blobKey`: of its file, when that is not deleted. */
export const sessionOutcome = readOperation(
  "backup.sessionOutcome",
  async (
    { db },
    { id }: { id: SessionId },
  ): Promise<{ readonly state: SessionState; readonly blobKey: string | null } | null> => {
    const row = await db
      .selectFrom("upload_sessions")
      .leftJoin("files", "files.session_id", "upload_sessions.id")
      .select(["upload_sessions.state as state", "files.blob_key as blobKey", "files.state as fileState"])
      .where("upload_sessions.id", "=", id)
      .executeTakeFirst();
    if (row === undefined) return null;
    return { state: row.state, blobKey: row.fileState === "deleted" ? null : row.blobKey };
  },
);

export const backupOperations = [listLiveSessions, sessionOutcome];
