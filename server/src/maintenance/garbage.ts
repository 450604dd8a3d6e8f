import type { StoredEntry } from "../blobs/blob-store.ts";
import type { SessionId } from "../ids.ts";
import { LIMITS } from "../limits.ts";
import type { SessionFacts } from "../uploads/sweep.store.ts";

/**
 * Which stored objects are garbage. Pure, and careful in one direction: what might still become part of a file stays.
 */

/** What the catalogue says of the sessions and files of a page, read after the page was listed. */
export interface Known {
  readonly sessions: ReadonlyMap<SessionId, SessionFacts>;
  /** Of blobs that a file refers to. */
  readonly keys: ReadonlySet<string>;
  /** Builds that are being written. */
  readonly builds: ReadonlySet<string>;
}

/**
 * Since when nobody but this process can have written to the store, ms: it holds the folder's lock, and none of its
 * requests writes a session of the page. Whatever lies there beyond its record was left by somebody who is gone.
 * null: others may write just now.
 */
export type HeldMs = number | null;

/** Whether nothing can ever need the entry again. */
export function isGarbage(entry: StoredEntry, known: Known, heldMs: HeldMs): boolean {
  switch (entry.kind) {
    case "temporary":
      // In use it has age 0. One of another process that opens the store beside this one is younger than this one.
      return entry.ageMs >= Math.min(heldMs ?? LIMITS.temporaryMaxAgeMs, LIMITS.temporaryMaxAgeMs);
    case "text":
      return !known.keys.has(entry.key) && !known.builds.has(entry.build);
    case "original":
      return !known.keys.has(entry.key) && hasEnded(known.sessions.get(entry.session));
    case "segment":
      return isGarbageSegment(entry.epoch, known.sessions.get(entry.session), heldMs);
  }
}

/** A session without a row is over: the row is there before the first byte, and goes only after the end. */
function hasEnded(session: SessionFacts | undefined): boolean {
  return session === undefined || (session.state !== "open" && session.state !== "received");
}

function isGarbageSegment(epoch: number, session: SessionFacts | undefined, heldMs: HeldMs): boolean {
  if (session === undefined || hasEnded(session)) return true;
  if (session.segments.some((segment) => segment.epoch === epoch)) return false;
  return isOver(epoch, session, heldMs);
}

type StoredSegment = StoredEntry & { readonly kind: "segment" };
export type Tail = StoredSegment & { readonly keptBytes: number };

/**
 * A segment that went on behind its record when its request or its process ended; null when it did not, or still may
 * be recorded.
 */
export function tailOf(entry: StoredEntry, known: Known, heldMs: HeldMs): Tail | null {
  if (entry.kind !== "segment") return null;
  const session = known.sessions.get(entry.session);
  const listed = session?.segments.find((segment) => segment.epoch === entry.epoch);
  if (session === undefined || listed === undefined || hasEnded(session) || entry.bytes <= listed.bytes) return null;
  return isOver(entry.epoch, session, heldMs) ? { ...entry, keptBytes: listed.bytes } : null;
}

/**
 * An older writer's unlisted bytes can no longer be recorded once the winner has recorded; the current writer's may
 * be, any moment.
 */
function isOver(epoch: number, session: SessionFacts, heldMs: HeldMs): boolean {
  const winnerRecorded = session.segments.some((segment) => segment.epoch === session.writerEpoch);
  return heldMs !== null || (epoch < session.writerEpoch && winnerRecorded);
}
