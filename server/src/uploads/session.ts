import type { SegmentRef } from "../blobs/blob-store.ts";
import type { SessionState } from "../catalogue/schema.ts";
import type { BucketId, FileId, SessionId, TaskId, TeamId } from "../ids.ts";
import { LIMITS } from "../limits.ts";

/**
 * The upload session: what a create promises room for, and what one finalize makes a file of.
 *
 * - **offset** (`receivedBytes`): bytes [0, offset) are fsynced and recorded; the only number a client is ever told.
 * - **writer epoch**: each data request takes the next one and writes a segment of that name; the row counts a segment
 *   only while its epoch is the row's, so two writers never mix.
 * - **record**: fsync, then one conditional update that moves the offset.
 * - **complete**: all declared bytes are here and their digests known (`received`).
 *
 * `docs/state-machines/upload-session.md` draws the table below.
 */
export interface Session {
  readonly id: SessionId;
  readonly teamId: TeamId;
  readonly state: SessionState;
  readonly filename: string;
  readonly title: string;
  readonly contentType: string;
  readonly sizeBytes: number;
  readonly tags: readonly string[];
  /** JSON text of an object. */
  readonly metadata: string;
  readonly bucketIds: readonly BucketId[];
  readonly writerEpoch: number;
  readonly receivedBytes: number;
  readonly segments: readonly SegmentRef[];
  readonly digestState: string | null;
  /** Digests are null until all bytes are here, and again once the file is deleted. */
  readonly md5: string | null;
  readonly crc32c: string | null;
  readonly receivedAt: number | null;
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly expiresAt: number;
  readonly sha256: string | null;
  readonly fileId: FileId | null;
  readonly taskId: TaskId | null;
}

export type SessionEvent =
  /** A record that holds all declared bytes, with their digests. */
  | "complete"
  /** The kept bytes do not have the digest that was promised or recorded: they are dropped. */
  | "drop_bytes"
  | "finalize"
  | "expire"
  | "cancel";

/** `reject`: the event changes nothing and its caller answers from the state that it finds. There is no dead state. */
export const NEXT: Record<SessionState, Record<SessionEvent, SessionState | "reject">> = {
  open: { complete: "received", drop_bytes: "open", finalize: "reject", expire: "expired", cancel: "cancelled" },
  received: { complete: "reject", drop_bytes: "open", finalize: "finalized", expire: "expired", cancel: "cancelled" },
  finalized: { complete: "reject", drop_bytes: "reject", finalize: "reject", expire: "reject", cancel: "reject" },
  expired: { complete: "reject", drop_bytes: "reject", finalize: "reject", expire: "reject", cancel: "reject" },
  cancelled: { complete: "reject", drop_bytes: "reject", finalize: "reject", expire: "reject", cancel: "reject" },
};

export const SESSION_STATES = ["open", "received", "finalized", "expired", "cancelled"] as const;

/** The states in which the event does something: the WHERE of its update. */
export function statesThatAllow(event: SessionEvent): readonly SessionState[] {
  return SESSION_STATES.filter((state) => NEXT[state][event] !== "reject");
}

/** Nothing more can come of a session that has ended: no bytes, and no file that there is not by now. */
export function hasEnded(state: SessionState): boolean {
  return state !== "open" && state !== "received";
}

/** Expiry as everybody sees it, whether or not it is written down yet. A finalized session never expires. */
export function isExpired(session: Pick<Session, "state" | "expiresAt">, now: number): boolean {
  return (
    session.state === "expired" ||
    ((session.state === "open" || session.state === "received") && session.expiresAt <= now)
  );
}

// `expires_at` only moves forward (PUT-19, IDE-2, FIN-4): each of these is the least that it becomes.

/** Create and replay: a fresh time to live. */
export function expiryAtCreate(now: number, ttlMs: number): number {
  return now + ttlMs;
}

/** A record: a steady upload outlives its session, up to a day after its creation (PUT-19). */
export function expiryAtRecord(createdAt: number, now: number): number {
  return Math.min(now + LIMITS.sessionRenewalMs, createdAt + LIMITS.sessionMaxLifeMs);
}

/** Completion: at least a day to finalize (FIN-4). */
export function expiryAtCompletion(now: number): number {
  return now + LIMITS.receivedLifeMs;
}
