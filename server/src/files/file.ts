import type { FileState, MembershipStatus } from "../catalogue/schema.ts";

/**
 * The file: what one finalized upload session became, and what search finds once it is indexed.
 *
 * - **version**: which content; replacement makes the next one. `activeVersion` is the one that search shows.
 * - **build**: one attempt's chunks and text (search-index/build.ts). `activeBuild` is the one that search shows. A
 *   file has one exactly while it is `indexed`.
 * - **membership**: the file in one bucket. Its status follows from the file's state (`membershipStatusOf`), and moves
 *   in the same transaction: so `indexed`, `active` and "search finds it" are one instant (POL-2).
 * - **tombstone**: what is left of a deleted file for 30 days: ids, size and times.
 *
 * `docs/state-machines/file.md` and `membership.md` draw the tables below.
 */
export const FILE_STATES = [
  "queued",
  "indexing",
  "indexed",
  "failed",
  "deleted",
] as const satisfies readonly FileState[];

export type FileEvent =
  /** A worker took the file's indexing task. */
  | "claim"
  /** The build is complete: it becomes the one that search shows. */
  | "activate"
  /** The indexing task failed for good. */
  | "fail"
  /** The indexing task was cancelled. */
  | "cancel"
  /** The failed or cancelled task starts again. */
  | "retry"
  /** A new indexing task was asked for. */
  | "reindex"
  | "delete";

/**
 * `same`: allowed, and the file stays in its state. `reject`: nobody may do that; the row is left alone.
 *
 * An indexed file stays indexed whatever becomes of a later task: what search shows is complete, and stays so until a
 * new build takes its place. A task that goes back to the queue (back-off, lost lease) is no event of the file: it
 * stays `indexing`.
 */
export const NEXT: Record<FileState, Record<FileEvent, FileState | "same" | "reject">> = {
  queued: {
    claim: "indexing",
    activate: "reject",
    // Claim comes first, so nothing leads here. If something ever did, a file that says why is better than one that
    // waits for ever.
    fail: "failed",
    cancel: "failed",
    retry: "reject",
    reindex: "same",
    delete: "deleted",
  },
  indexing: {
    claim: "same",
    activate: "indexed",
    fail: "failed",
    cancel: "failed",
    retry: "reject",
    reindex: "same",
    delete: "deleted",
  },
  indexed: {
    claim: "same",
    activate: "same",
    fail: "same",
    cancel: "same",
    retry: "same",
    reindex: "same",
    delete: "deleted",
  },
  failed: {
    claim: "reject",
    activate: "reject",
    fail: "reject",
    cancel: "reject",
    retry: "queued",
    reindex: "queued",
    delete: "deleted",
  },
  deleted: {
    claim: "reject",
    activate: "reject",
    fail: "reject",
    cancel: "reject",
    retry: "reject",
    reindex: "reject",
    delete: "same",
  },
};

/** The state after the event, or null when it is not allowed. */
export function nextFileState(state: FileState, event: FileEvent): FileState | null {
  const next = NEXT[state][event];
  if (next === "reject") return null;
  return next === "same" ? state : next;
}

/** What all memberships of a file in this state are; null: it has none. */
export function membershipStatusOf(state: FileState): MembershipStatus | null {
  return MEMBERSHIP_STATUS[state];
}

const MEMBERSHIP_STATUS: Record<FileState, MembershipStatus | null> = {
  queued: "pending",
  indexing: "pending",
  indexed: "active",
  failed: "failed",
  deleted: null,
};
