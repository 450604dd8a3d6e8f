import { FILE_STATES } from "../files/file.ts";
import type { BatchItemView, BatchView } from "./read-batch.store.ts";
import { isExpired } from "./session.ts";

/** What became of an item so far: of its file, once there is one; before that of its session. */
export const ITEM_STATUSES = ["rejected", "pending", "expired", "cancelled", ...FILE_STATES] as const;
export type ItemStatus = (typeof ITEM_STATUSES)[number];

export const BATCH_STATUSES = ["accepted", "active", "partially_failed", "partially_active", "failed"] as const;
export type BatchStatus = (typeof BATCH_STATUSES)[number];

/** `pending`: bytes or finalize are missing. Pure. */
export function itemStatus({ session, file }: BatchItemView, now: number): ItemStatus {
  if (file !== null) return file.state;
  // Its session, and with it what became of its file, is remembered for as long as the batch is.
  if (session === null) return "rejected";
  if (session.state === "cancelled") return "cancelled";
  // A finalized session whose file is gone: its tombstone was forgotten.
  if (session.state === "finalized") return "deleted";
  return isExpired(session, now) ? "expired" : "pending";
}

/** How an item that will not change by itself any more counts; null: it still may. */
const ENDS: Record<ItemStatus, "good" | "bad" | "absent" | null> = {
  rejected: "bad",
  pending: null,
  expired: "absent",
  cancelled: "absent",
  queued: null,
  indexing: null,
  indexed: "good",
  failed: "bad",
  deleted: "absent",
};

/** `accepted` until nothing changes by itself any more (contract §8). Pure. */
export function batchStatus(statuses: readonly ItemStatus[]): BatchStatus {
  const ends = new Set(statuses.map((status) => ENDS[status]));
  if (ends.has(null)) return "accepted";
  if (!ends.has("good")) return "failed";
  if (ends.has("bad")) return "partially_failed";
  return ends.has("absent") ? "partially_active" : "active";
}

export interface BatchCounts {
  readonly total: number;
  readonly accepted: number;
  readonly rejected: number;
  readonly queued: number;
  readonly indexing: number;
  readonly active: number;
  readonly failed: number;
}

export function countItems(statuses: readonly ItemStatus[]): BatchCounts {
  const of = (wanted: ItemStatus) => statuses.filter((status) => status === wanted).length;
  const rejected = of("rejected");
  return {
    total: statuses.length,
    accepted: statuses.length - rejected,
    rejected,
    queued: of("queued"),
    indexing: of("indexing"),
    active: of("indexed"),
    failed: of("failed"),
  };
}

/** For people. */
export function sayBatch({ items, now }: BatchView): string {
  const statuses = items.map((item) => itemStatus(item, now));
  const { total, active, failed, rejected, queued, indexing } = countItems(statuses);
  const pending = statuses.filter((status) => status === "pending").length;
  const waiting = pending > 0 ? `, ${pending} wait for their bytes or for finalize` : "";
  const working = queued + indexing > 0 ? `, ${queued + indexing} are being indexed` : "";
  const wrong = failed + rejected > 0 ? `, ${failed + rejected} failed or were rejected` : "";
  const absent = statuses.filter((status) => ENDS[status] === "absent").length;
  const gone = absent > 0 ? `, ${absent} expired, were cancelled or deleted` : "";
  return `${active} of ${total} files can be found${waiting}${working}${wrong}${gone}.`;
}
