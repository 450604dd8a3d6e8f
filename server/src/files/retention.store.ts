import { writeOperation } from "../catalogue/catalogue.ts";
import { LOCKS, NO_LOCKS } from "../catalogue/locks.ts";
import { LIMITS } from "../limits.ts";

/**
 * Forgets files that were deleted 30 days ago, with their tasks. Returns how many; call again while it is `limit`. Left
 * alone are those whose bytes are not removed yet, and those that an upload session still answers for (FIN-2: an
 * idempotent job may repeat it for as long as it likes); GET says 404 from the 30th day on either way (store.ts). Index
 * files_tombstones.
 */
export const forgetTombstones = writeOperation(
  "files.forgetTombstones",
  NO_LOCKS,
  async ({ db, now, lock }, { limit }: { limit: number }): Promise<number> => {
    const old = await db
      .selectFrom("files")
      .select("id")
      .where("state", "=", "deleted")
      .where("deleted_at", "<=", now - LIMITS.tombstoneRetentionMs)
      .where(({ not, exists, selectFrom }) =>
        not(
          exists(
            selectFrom("tasks")
              .select("tasks.id")
              .whereRef("tasks.file_id", "=", "files.id")
              .where("tasks.state", "in", ["queued", "running"]),
          ),
        ),
      )
      .where(({ not, exists, selectFrom }) =>
        not(
          exists(
            selectFrom("upload_sessions")
              .select("upload_sessions.id")
              .whereRef("upload_sessions.id", "=", "files.session_id"),
          ),
        ),
      )
      .orderBy("deleted_at")
      .limit(limit)
      .execute();
    // Who deletes one of them again finds it whole, or not at all. Nothing makes a tombstone anything else.
    await lock(...old.map(({ id }) => LOCKS.file(id)));
    let forgotten = 0n;
    for (const { id } of old) {
      await db.deleteFrom("tasks").where("file_id", "=", id).execute();
      forgotten += (await db.deleteFrom("files").where("id", "=", id).executeTakeFirst()).numDeletedRows;
    }
    return Number(forgotten);
  },
);
