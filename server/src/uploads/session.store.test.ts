import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { originalKey } from "../blobs/keys.ts";
import { type Operation, serialTx } from "../catalogue/catalogue.ts";
import { isRefusal } from "../errors.ts";
import type { SessionId, TeamId } from "../ids.ts";
import { LIMITS } from "../limits.ts";
import { openTestCatalogue, type TestCatalogue } from "../tasks/test-catalogue.ts";
import { createSession } from "./create.store.ts";
import { finalizeSession } from "./finalize.store.ts";
import { cancelSession, dropBytes, type Progress, readSession, recordProgress, takeWriter } from "./session.store.ts";

const SIZE = 10;
const TTL = 3_600_000;
const DIGESTS = { md5: "m", crc32c: "c" };

let on: TestCatalogue;
let team: TeamId;
let id: SessionId;

beforeEach(async () => {
  on = await openTestCatalogue();
  team = await on.newTeam();
  id = on.ids.next("sess");
  const created = await run(createSession, {
    teamId: team,
    sessionId: id,
    filename: "f",
    title: "f",
    contentType: "text/plain",
    sizeBytes: SIZE,
    tags: "[]",
    metadata: "{}",
    buckets: [{ sent: "inbox", id: null, slug: "inbox" }],
    createMissingBuckets: true,
    newBucketIds: [on.ids.next("bucket")],
    idempotency: null,
    ttlMs: TTL,
    bucketsPerTeam: 100,
    createsPerSecond: 5,
    diskLow: false,
  });
  assert.ok(!isRefusal(created));
});

afterEach(() => on.close());

/** At so many ms after the create. */
function run<I, O>(operation: Operation<I, O>, input: I, at = 0): Promise<O> {
  return operation.run(serialTx(on.db, at), input);
}

async function row() {
  const { state, writerEpoch, receivedBytes } = (await run(readSession, { id, teamId: team })) ?? {};
  return { state, writerEpoch, receivedBytes };
}

function progress(epoch: number, receivedBytes: number, digests: Progress["digests"] = null): Progress {
  return { id, epoch, receivedBytes, segments: [{ epoch, bytes: receivedBytes }], digestState: "d", digests };
}

test("a session whose time is over has no writer any more, whether or not that is written down", async () => {
  assert.equal((await run(takeWriter, { id }, TTL - 1))?.taken, true);
  assert.equal((await run(takeWriter, { id }, TTL))?.taken, false);
  assert.deepEqual(await row(), { state: "open", writerEpoch: 1, receivedBytes: 0 });
});

const COMES_BETWEEN: readonly (readonly [what: string, happens: () => Promise<unknown>])[] = [
  ["a newer writer took the session", () => run(takeWriter, { id })],
  ["more was recorded", () => run(recordProgress, progress(1, 6))],
  ["the object was completed", () => run(recordProgress, progress(1, SIZE, DIGESTS))],
  ["the session was cancelled", () => run(cancelSession, { id, teamId: team })],
];
for (const [what, happens] of COMES_BETWEEN)
  test(`a record changes nothing once ${what} (PUT-12, PUT-14)`, async () => {
    await run(takeWriter, { id });
    await run(recordProgress, progress(1, 4));
    await happens();
    const before = await row();
    assert.equal(await run(recordProgress, progress(1, 5)), null);
    assert.deepEqual(await row(), before);
  });

test("bytes are dropped while their own writer is the session's last, and never of one that has ended", async () => {
  await run(takeWriter, { id });
  await run(recordProgress, progress(1, SIZE, DIGESTS));
  assert.equal(await run(dropBytes, { id, epoch: 0 }), false);
  assert.deepEqual(await row(), { state: "received", writerEpoch: 1, receivedBytes: SIZE });
  assert.equal(await run(dropBytes, { id, epoch: 1 }), true);
  assert.deepEqual(await row(), { state: "open", writerEpoch: 1, receivedBytes: 0 });
  await run(recordProgress, progress(1, 4));
  await run(cancelSession, { id, teamId: team });
  assert.equal(await run(dropBytes, { id, epoch: 1 }), false);
  assert.deepEqual(await row(), { state: "cancelled", writerEpoch: 1, receivedBytes: 4 });
});

test("a finalize makes a file of the team's own session, while its time is not over", async () => {
  await run(takeWriter, { id });
  await run(recordProgress, progress(1, SIZE, DIGESTS));
  const [fileId, taskId] = [on.ids.next("file"), on.ids.next("task")];
  const sha256 = "0".repeat(64);
  const input = { teamId: team, id, epoch: 1, sha256, blobKey: originalKey(id, sha256), fileId, taskId };
  const late = LIMITS.receivedLifeMs;
  assert.deepEqual(await run(finalizeSession, input, late), { session: null });
  assert.deepEqual(await run(finalizeSession, { ...input, teamId: await on.newTeam() }, late - 1), { session: null });
  const made = await run(finalizeSession, input, late - 1);
  assert.ok("session" in made && made.session?.state === "finalized");
});

test("a cancel of a session whose time is over finds it expired, and writes that down", async () => {
  const cancelled = await run(cancelSession, { id, teamId: team }, TTL);
  assert.deepEqual([cancelled?.ended, cancelled?.session.state], [true, "expired"]);
  assert.equal((await row()).state, "expired");
});
