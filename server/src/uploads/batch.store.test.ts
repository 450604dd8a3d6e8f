import assert from "node:assert/strict";
import { test } from "node:test";
import { serialTx } from "../catalogue/catalogue.ts";
import { isRefusal } from "../errors.ts";
import { brandId } from "../ids.ts";
import { LIMITS } from "../limits.ts";
import { openTestCatalogue } from "../tasks/test-catalogue.ts";
import { type BatchInput, createBatch } from "./batch.store.ts";
import { forgetSessions } from "./sweep.store.ts";

const TEAM = brandId("team", "team_a");
const WEEK_MS = LIMITS.sessionRetentionMs;

function batch(id: string): BatchInput {
  const wanted = {
    filename: "f",
    title: "f",
    contentType: "text/plain",
    sizeBytes: 10,
    tags: "[]",
    metadata: "{}",
    buckets: null,
    idempotency: { operation: "create", key: "k", fingerprint: "f" },
  } as const;
  return {
    teamId: TEAM,
    batchId: brandId("batch", `batch_${id}`),
    fingerprint: "1".repeat(64),
    shared: {
      buckets: [{ sent: "inbox", id: null, slug: "inbox" }],
      createMissingBuckets: true,
      newBucketIds: [brandId("bucket", `bucket_${id}`)],
    },
    items: [{ clientFileId: "a", sessionId: brandId("sess", `sess_${id}`), wanted, error: null }],
    ttlMs: 3 * WEEK_MS,
    bucketsPerTeam: 100,
    createsPerSecond: 5,
    diskLow: false,
  };
}

test("a batch that is sent again is a use of its items' keys, too: no other one makes a second file (IDE-5, BAT-11)", async (t) => {
  const { db, database, close } = await openTestCatalogue();
  t.after(close);
  database.exec(`INSERT INTO teams (id, slug, name, created_at) VALUES ('${TEAM}', 'a', 't', 0)`);
  const sessionAt = async (now: number, id: string) => {
    await forgetSessions.run(serialTx(db, now), { limit: 10 });
    const output = await createBatch.run(serialTx(db, now), batch(id));
    return isRefusal(output) ? output.refused : output.accepted[0]?.session.id;
  };
  assert.equal(await sessionAt(1, "one"), "sess_one");
  assert.equal(await sessionAt(WEEK_MS, "one"), "sess_one");
  assert.equal(await sessionAt(WEEK_MS + 2, "two"), "sess_one");
  // A finalize of the batch, say, kept it while its keys were forgotten.
  database.exec("DELETE FROM idempotency_keys WHERE operation = 'create'");
  assert.equal(await sessionAt(WEEK_MS + 3, "one"), "sess_one");
  assert.equal(await sessionAt(WEEK_MS + 4, "three"), "sess_one");
});
