import assert from "node:assert/strict";
import { test } from "node:test";
import { type BatchStatus, batchStatus, countItems, ITEM_STATUSES, type ItemStatus } from "./batch-status.ts";

const BAD: readonly ItemStatus[] = ["rejected", "failed"];
const ABSENT: readonly ItemStatus[] = ["expired", "cancelled", "deleted"];
const OPEN: readonly ItemStatus[] = ["pending", "queued", "indexing"];

/** Contract §8's sentence, read once more. */
function expected(statuses: readonly ItemStatus[]): BatchStatus {
  const has = (some: readonly ItemStatus[]) => statuses.some((status) => some.includes(status));
  if (has(OPEN)) return "accepted";
  if (!has(["indexed"])) return "failed";
  if (has(BAD)) return "partially_failed";
  return has(ABSENT) ? "partially_active" : "active";
}

test("Every mixture of items is accepted until nothing changes by itself, and then one of the four ends", () => {
  assert.deepEqual([...BAD, ...ABSENT, ...OPEN, "indexed"].sort(), [...ITEM_STATUSES].sort());
  for (let mask = 1; mask < 2 ** ITEM_STATUSES.length; mask++) {
    const statuses = ITEM_STATUSES.filter((_, at) => (mask >> at) & 1);
    assert.equal(batchStatus(statuses), expected(statuses), statuses.join(", "));
  }
});

test("The counts of a batch share out its items", () => {
  const counts = countItems([...ITEM_STATUSES, "indexed", "indexed"]);
  assert.equal(counts.total, ITEM_STATUSES.length + 2);
  assert.equal(counts.accepted + counts.rejected, counts.total);
  assert.deepEqual([counts.active, counts.queued, counts.indexing, counts.failed, counts.rejected], [3, 1, 1, 1, 1]);
});
