import { type Expression, type Selectable, sql } from "kysely";
import type { SegmentRef } from "../blobs/blob-store.ts";
import { readOperation, type Tx, writeOperation } from "../catalogue/catalogue.ts";
import { movedCounter } from "../catalogue/counters.ts";
import { lockSession } from "../catalogue/locks.ts";
import { type Bind, prepared } from "../catalogue/prepared.ts";
import type { UploadSessionsTable } from "../catalogue/schema.ts";
import type { BucketId, SessionId, TeamId } from "../ids.ts";
import {
  expiryAtCompletion,
  expiryAtRecord,
  isExpired,
  type Session,
  type SessionEvent,
  statesThatAllow,
} from "./session.ts";

/**
 * The session row: every change is one conditional update on state and writer epoch. Whoever updates no row reads the
 * row again and answers from it; so two requests, in one process or in two, need no lock.
 */

const byId = prepared((db, $: Bind<{ id: SessionId }>) =>
  db.selectFrom("upload_sessions").selectAll().where("id", "=", $("id")),
);

/**
 * For the byte end-point, where the signed URL stands for the team, and for finalize and routes, which name the team.
 */
export const readSession = readOperation(
  "uploads.readSession",
  async (tx, ref: SessionRef): Promise<Session | null> => {
    const row = await ownRow(tx, ref);
    return row === undefined ? null : toSession(row);
  },
);

interface SessionRef {
  readonly id: SessionId;
  readonly teamId: TeamId | null;
}

async function ownRow(tx: Tx, { id, teamId }: SessionRef): Promise<UploadSessionsTable | undefined> {
  const [row] = await byId(tx, { id });
  return teamId === null || row?.team_id === teamId ? row : undefined;
}

const takeOpen = prepared((db, $: Bind<{ id: SessionId; now: number }>) =>
  db
    .updateTable("upload_sessions")
    .set({ writer_epoch: sql<number>`writer_epoch + 1`, updated_at: $("now") })
    .where("id", "=", $("id"))
    .where("state", "=", "open")
    .returningAll(),
);

/**
 * A data request takes the next writer epoch of an open session. `taken` false: the session is not open, see its state.
 * The returned row is what the request is judged on: how much is kept, and in which segments.
 */
export const takeWriter = writeOperation(
  "uploads.takeWriter",
  lockSession,
  async (tx, { id }: { id: SessionId }): Promise<{ taken: boolean; session: Session } | null> => {
    const { now } = tx;
    const [row] = await byId(tx, { id });
    if (row === undefined) return null;
    if (row.state !== "open" || isExpired({ state: row.state, expiresAt: row.expires_at }, now))
      return { taken: false, session: toSession(row) };
    const [taken] = await takeOpen(tx, { id, now });
    return taken === undefined ? { taken: false, session: toSession(row) } : { taken: true, session: toSession(taken) };
  },
);

export interface Progress {
  readonly id: SessionId;
  /** The writer whose bytes these are: a later one makes this update change nothing. */
  readonly epoch: number;
  readonly receivedBytes: number;
  readonly segments: readonly SegmentRef[];
  readonly digestState: string;
  /** Given when all bytes are here and this request ends the object: the session becomes `received`. */
  readonly digests: { readonly md5: string; readonly crc32c: string } | null;
}

const record = prepared((db, $: Bind<ReturnType<typeof recorded>>) =>
  db
    .updateTable("upload_sessions")
    .set({
      state: $("state"),
      received_bytes: $("received_bytes"),
      segments: $("segments"),
      digest_state: $("digest_state"),
      md5: $("md5"),
      crc32c: $("crc32c"),
      received_at: $("received_at"),
      updated_at: $("updated_at"),
      expires_at: atLeast($("expires_at")),
    })
    .where("id", "=", $("id"))
    .where("state", "=", "open")
    .where("writer_epoch", "=", $("writer_epoch"))
    .where("received_bytes", "<=", $("received_bytes"))
    .returningAll(),
);

/**
 * The record: moves the offset to bytes that are fsynced already. null = a newer writer has the session, or it ended.
 * The running request may record past the expiry, and moves it (PUT-19).
 */
export const recordProgress = writeOperation(
  "uploads.recordProgress",
  lockSession,
  async (tx, progress: Progress): Promise<Session | null> => {
    const [row] = await byId(tx, { id: progress.id });
    if (row === undefined) return null;
    const [updated] = await record(tx, recorded(row, progress, tx.now));
    return updated === undefined ? null : toSession(updated);
  },
);

function recorded({ id, created_at }: UploadSessionsTable, progress: Progress, now: number) {
  const { epoch, receivedBytes, segments, digestState, digests } = progress;
  return {
    id,
    writer_epoch: epoch,
    state: digests === null ? ("open" as const) : ("received" as const),
    received_bytes: receivedBytes,
    segments: JSON.stringify(segments),
    digest_state: digestState,
    md5: digests?.md5 ?? null,
    crc32c: digests?.crc32c ?? null,
    received_at: digests === null ? null : now,
    updated_at: now,
    expires_at: digests === null ? expiryAtRecord(created_at, now) : expiryAtCompletion(now),
  };
}

/** `expires_at` only moves forward, whoever else moves it at the same time. (MAX and GREATEST are not portable.) */
export function atLeast(expiresAt: number | Expression<number>) {
  return sql<number>`CASE WHEN expires_at >= ${expiresAt} THEN expires_at ELSE ${expiresAt} END`;
}

/** Damaged bytes are dropped and the session is open again, from 0. False: another writer or an end came first. */
export const dropBytes = writeOperation(
  "uploads.dropBytes",
  lockSession,
  async ({ db, now }, { id, epoch }: { id: SessionId; epoch: number }): Promise<boolean> => {
    const dropped = await db
      .updateTable("upload_sessions")
      .set({
        state: "open",
        received_bytes: 0,
        segments: "[]",
        digest_state: null,
        md5: null,
        crc32c: null,
        received_at: null,
        updated_at: now,
      })
      .where("id", "=", id)
      .where("state", "in", statesThatAllow("drop_bytes"))
      .where("writer_epoch", "=", epoch)
      .executeTakeFirst();
    return dropped.numUpdatedRows > 0n;
  },
);

/** The team's count of open sessions: in the transaction that opens or ends one. */
export const moveOpenSessions = prepared((db, $: Bind<{ teamId: TeamId; by: number }>) =>
  db
    .updateTable("teams")
    .set({ open_sessions: movedCounter("open_sessions", $("by")) })
    .where("id", "=", $("teamId")),
);

/**
 * Ends open sessions: cancel (one) and expire (a batch, of those whose time is over by now). Returns those that
 * this call ended.
 */
export async function endSessions(
  tx: Tx,
  event: SessionEvent & ("expire" | "cancel"),
  ids: readonly SessionId[],
): Promise<readonly SessionId[]> {
  if (ids.length === 0) return [];
  let query = tx.db
    .updateTable("upload_sessions")
    .set({ state: event === "expire" ? "expired" : "cancelled", ended_at: tx.now, updated_at: tx.now })
    .where("id", "in", ids)
    .where("state", "in", statesThatAllow(event))
    .returning(["id", "team_id"]);
  if (event === "expire") query = query.where("expires_at", "<=", tx.now);
  const ended = await query.execute();
  const teams = ended.map((row) => row.team_id);
  // In one order, so that two batches on PostgreSQL cannot wait for each other.
  for (const teamId of teams.toSorted()) await moveOpenSessions(tx, { teamId, by: -1 });
  return ended.map((row) => row.id);
}

/** `ended`: this call did it. The session, as it is afterwards, or null when the team has no such session. */
export const cancelSession = writeOperation(
  "uploads.cancelSession",
  lockSession,
  async (tx, ref: SessionRef): Promise<{ ended: boolean; session: Session } | null> => {
    const row = await ownRow(tx, ref);
    if (row === undefined) return null;
    if (isExpired({ state: row.state, expiresAt: row.expires_at }, tx.now)) {
      const expired = await endSessions(tx, "expire", [row.id]);
      return { ended: expired.length > 0, session: { ...toSession(row), state: "expired" } };
    }
    const ended = (await endSessions(tx, "cancel", [row.id])).length > 0;
    return { ended, session: ended ? { ...toSession(row), state: "cancelled" } : toSession(row) };
  },
);

export const sessionOperations = [readSession, takeWriter, recordProgress, dropBytes, cancelSession];

export function toSession(row: Selectable<UploadSessionsTable>): Session {
  return {
    id: row.id,
    teamId: row.team_id,
    state: row.state,
    filename: row.filename,
    title: row.title,
    contentType: row.content_type,
    sizeBytes: row.size_bytes,
    tags: parseList<string>(row.tags),
    metadata: row.metadata,
    bucketIds: parseList<BucketId>(row.bucket_ids),
    writerEpoch: row.writer_epoch,
    receivedBytes: row.received_bytes,
    segments: parseList<SegmentRef>(row.segments),
    digestState: row.digest_state,
    md5: unlessForgotten(row.md5),
    crc32c: unlessForgotten(row.crc32c),
    receivedAt: row.received_at,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    expiresAt: row.expires_at,
    sha256: unlessForgotten(row.sha256),
    fileId: row.file_id,
    taskId: row.task_id,
  };
}

/** Deleting the file leaves its session's digests empty. */
function unlessForgotten(digest: string | null): string | null {
  return digest === "" ? null : digest;
}

/** A list that this store wrote itself. */
function parseList<T>(json: string): readonly T[] {
  return JSON.parse(json);
}
