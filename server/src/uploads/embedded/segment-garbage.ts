import type { StoredEntry } from "../../blobs/blob-store.ts";
import type { HeldMs } from "../../blobs/leftover.ts";
import { hasEnded } from "../session.ts";
import type { SessionFacts } from "../sweep.store.ts";

/**
 * Which segments, and which ends of them, are garbage. Pure, and careful in one direction: what might still become
 * part of a file stays. `session` is what the catalogue says, read after the segment was listed; undefined: it has
 * no such row.
 */

export type StoredSegment = StoredEntry & { readonly kind: "segment" };

/** Whether nothing can ever need the segment again. */
export function isGarbageSegment({ epoch }: StoredSegment, session: SessionFacts | undefined, heldMs: HeldMs): boolean {
  // The row is there before the first byte, and goes only after the end.
  if (session === undefined || hasEnded(session.state)) return true;
  if (session.segments.some((segment) => segment.epoch === epoch)) return false;
  return isOver(epoch, session, heldMs);
}

export type Tail = StoredSegment & { readonly keptBytes: number };

/**
 * A segment that went on behind its record when its request or its process ended; null when it did not, or still may
 * be recorded.
 */
export function tailOf(entry: StoredSegment, session: SessionFacts | undefined, heldMs: HeldMs): Tail | null {
  const listed = session?.segments.find((segment) => segment.epoch === entry.epoch);
  if (session === undefined || listed === undefined || hasEnded(session.state) || entry.bytes <= listed.bytes)
    return null;
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
