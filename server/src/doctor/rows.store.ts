import { walkOperation, writeOperation } from "../catalogue/catalogue.ts";
import { LOCKS } from "../catalogue/locks.ts";
import type { BatchId, FileId, ResponseId, TeamId } from "../ids.ts";

/**
 * Rows that name others which should be there, and marks that should be gone: what doctor finds in batches, files
 * and kept answers.
 */

/** Each has at most limits.batchFiles items. */
const BATCHES = 100;

export interface LostItem {
  readonly teamId: TeamId;
  readonly batchId: BatchId;
  readonly clientFileId: string;
}

/**
 * Of the next batches after `after`, items whose session is not there (a batch is forgotten before its sessions).
 * `last` null: it was the end.
 */
export const lostBatchItems = walkOperation(
  "doctor.lostBatchItems",
  async ({ db }, { after }: { after: BatchId | null }): Promise<Page<LostItem, BatchId>> => {
    let query = db.selectFrom("batches").select(["id", "team_id"]).orderBy("id").limit(BATCHES);
    if (after !== null) query = query.where("id", ">", after);
    const batches = await query.execute();
    const lost: LostItem[] = [];
    for (const { id, team_id: teamId } of batches) {
      const items = await db
        .selectFrom("batch_items")
        .leftJoin("upload_sessions", "upload_sessions.id", "batch_items.session_id")
        .select("client_file_id")
        .where("batch_id", "=", id)
        .where("session_id", "is not", null)
        .where("upload_sessions.id", "is", null)
        .orderBy("place")
        .execute();
      lost.push(...items.map(({ client_file_id: clientFileId }) => ({ teamId, batchId: id, clientFileId })));
    }
    return pageOf(lost, batches.length < BATCHES ? null : (batches.at(-1)?.id ?? null));
  },
);

export interface Page<Found, Id> {
  readonly found: readonly Found[];
  /** Where the next one begins; null: there is none. */
  readonly last: Id | null;
}

function pageOf<Found, Id>(found: readonly Found[], last: Id | null): Page<Found, Id> {
  return { found, last };
}

/**
 * Its item ends as rejected, with `error` (JSON), and its client may send the batch again. False: it has a session
 * by now.
 */
export const rejectLostItem = writeOperation(
  "doctor.rejectLostItem",
  ({ teamId, batchId }: LostItem & { readonly error: string }) => [LOCKS.idempotencyKey(teamId, "batch", batchId)],
  async ({ db }, { batchId, clientFileId, error }): Promise<boolean> => {
    const { numUpdatedRows } = await db
      .updateTable("batch_items")
      .set({ session_id: null, error })
      .where("batch_id", "=", batchId)
      .where("client_file_id", "=", clientFileId)
      .where("session_id", "is not", null)
      .where(({ not, exists, selectFrom }) =>
        not(
          exists(
            selectFrom("upload_sessions")
              .select("upload_sessions.id")
              .whereRef("upload_sessions.id", "=", "batch_items.session_id"),
          ),
        ),
      )
      .executeTakeFirst();
    return numUpdatedRows > 0n;
  },
);

const QUOTES = 1_000;

/**
 * Of the next quotes after `after`, files that were deleted more than `lateMs` ago, or are not there at all, and
 * whose words kept answers hold all the same (AGT-6).
 */
export const lostQuotes = walkOperation(
  "doctor.lostQuotes",
  async (
    { db, now },
    { after, lateMs }: { after: QuoteRef | null; lateMs: number },
  ): Promise<Page<FileId, QuoteRef>> => {
    let query = db
      .selectFrom("response_quotes")
      .leftJoin("files", "files.id", "response_quotes.file_id")
      .select(["response_quotes.file_id as fileId", "response_quotes.response_id as responseId"])
      .select(["files.id as found", "files.deleted_at as deletedAt"])
      .orderBy("response_quotes.file_id")
      .orderBy("response_quotes.response_id")
      .limit(QUOTES);
    if (after !== null)
      query = query
        .where("response_quotes.file_id", ">=", after.fileId)
        .where((by) =>
          by.or([
            by("response_quotes.file_id", ">", after.fileId),
            by("response_quotes.response_id", ">", after.responseId),
          ]),
        );
    const quotes = await query.execute();
    const lost = quotes.filter(
      ({ found, deletedAt }) => found === null || (deletedAt !== null && deletedAt < now - lateMs),
    );
    return pageOf(
      [...new Set(lost.map(({ fileId }) => fileId))],
      quotes.length < QUOTES ? null : (quotes.at(-1) ?? null),
    );
  },
);

export interface QuoteRef {
  readonly fileId: FileId;
  readonly responseId: ResponseId;
}

export const rowOperations = [lostBatchItems, rejectLostItem, lostQuotes];
