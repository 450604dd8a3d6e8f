import type { StoredEntry } from "../blobs/blob-store.ts";
import { type HeldMs, isLeftover } from "../blobs/leftover.ts";
import type { SessionId } from "../ids.ts";
import { hasEnded } from "../uploads/session.ts";
import type { SessionFacts } from "../uploads/sweep.store.ts";

/**
 * Which blobs are garbage. Pure, and careful in one direction: what might still become part of a file stays. Of uploads
 * that are no blobs yet, uploads/arrivals.ts judges.
 */

/** All but segments, which an upload is made of. */
export type StoredBlob = Exclude<StoredEntry, { readonly kind: "segment" }>;

/** What the catalogue says of the sessions and files of a page, read after the page was listed. */
export interface Known {
  readonly sessions: ReadonlyMap<SessionId, SessionFacts>;
  /** Of blobs that a file refers to. */
  readonly keys: ReadonlySet<string>;
  /** Builds that are being written. */
  readonly builds: ReadonlySet<string>;
}

/** Whether nothing can ever need the entry again. */
export function isGarbage(entry: StoredBlob, known: Known, heldMs: HeldMs): boolean {
  switch (entry.kind) {
    case "temporary":
      return isLeftover(entry, heldMs);
    case "text":
      return !known.keys.has(entry.key) && !known.builds.has(entry.build);
    case "original":
      return !known.keys.has(entry.key) && isOver(known.sessions.get(entry.session));
  }
}

/** A session without a row is over: the row is there before the first byte, and goes only after the end. */
function isOver(session: SessionFacts | undefined): boolean {
  return session === undefined || hasEnded(session.state);
}
