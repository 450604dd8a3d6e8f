import { readOperation, type Tx, writeOperation } from "../catalogue/catalogue.ts";
import { LOCKS } from "../catalogue/locks.ts";
import { type FileView, viewsOf } from "../files/view.store.ts";
import type { BatchId, TeamId } from "../ids.ts";
import { createBatch, forgetBatches, tryBatch } from "./batch.store.ts";
import type { ItemError } from "./batch.ts";
import { toSession } from "./session.store.ts";
import type { Session } from "./session.ts";

export interface BatchRef {
  readonly teamId: TeamId;
  readonly batchId: BatchId;
}

/** An item of a batch, as it is now. */
export interface BatchItemView {
  readonly clientFileId: string;
  /** Null: it was rejected. */
  readonly session: Session | null;
  readonly file: FileView | null;
  readonly error: ItemError | null;
}

export interface BatchView {
  readonly id: BatchId;
  /** As they were sent. */
  readonly items: readonly BatchItemView[];
  readonly now: number;
}

/** Null: the team has no such batch. Three reads by primary keys for all of its items, and those of their files. */
export const readBatch = readOperation(
  "uploads.readBatch",
  async (tx, ref: BatchRef): Promise<BatchView | null> => ((await isOwn(tx, ref)) ? viewOf(tx, ref.batchId) : null),
);

/** The same for who finalizes it: that is a use, from which it is remembered anew (IDE-5). */
export const useBatch = writeOperation(
  "uploads.useBatch",
  ({ teamId, batchId }: BatchRef) => [LOCKS.idempotencyKey(teamId, "batch", batchId)],
  async (tx, ref: BatchRef): Promise<BatchView | null> => {
    const { numUpdatedRows } = await tx.db
      .updateTable("batches")
      .set({ last_used_at: tx.now })
      .where("id", "=", ref.batchId)
      .where("team_id", "=", ref.teamId)
      .executeTakeFirst();
    return numUpdatedRows > 0n ? viewOf(tx, ref.batchId) : null;
  },
);

async function isOwn({ db }: Tx, { teamId, batchId }: BatchRef): Promise<boolean> {
  const row = await db
    .selectFrom("batches")
    .select("id")
    .where("id", "=", batchId)
    .where("team_id", "=", teamId)
    .executeTakeFirst();
  return row !== undefined;
}

async function viewOf(tx: Tx, id: BatchId): Promise<BatchView> {
  const items = await tx.db.selectFrom("batch_items").selectAll().where("batch_id", "=", id).orderBy("place").execute();
  const sessionIds = items.flatMap(({ session_id }) => session_id ?? []);
  const rows =
    sessionIds.length === 0
      ? []
      : await tx.db.selectFrom("upload_sessions").selectAll().where("id", "in", sessionIds).execute();
  const sessions = new Map(rows.map((row) => [row.id, toSession(row)]));
  const fileIds = [...sessions.values()].flatMap(({ fileId }) => fileId ?? []);
  const fileRows =
    fileIds.length === 0 ? [] : await tx.db.selectFrom("files").selectAll().where("id", "in", fileIds).execute();
  const files = new Map((await viewsOf(tx, fileRows)).map((file) => [file.id, file]));
  return {
    id,
    now: tx.now,
    items: items.map(({ client_file_id: clientFileId, session_id, error }) => {
      const session = session_id === null ? null : (sessions.get(session_id) ?? null);
      const fileId = session?.fileId ?? null;
      return {
        clientFileId,
        session,
        file: fileId === null ? null : (files.get(fileId) ?? null),
        error: error === null ? null : JSON.parse(error),
      };
    }),
  };
}

export const batchOperations = [createBatch, tryBatch, forgetBatches, readBatch, useBatch];
