import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, before, test } from "node:test";
import type { SegmentedStore, SegmentWriter } from "../../blobs/blob-store.ts";
import { BlobStoreError } from "../../blobs/blob-store.ts";
import { segmentLengths, writeSegment } from "../../blobs/conformance-support.ts";
import { openMemoryBlobStore } from "../../blobs/memory.ts";
import type { Catalogue } from "../../catalogue/catalogue.ts";
import type { SessionId } from "../../ids.ts";
import { LIMITS } from "../../limits.ts";
import { recordProgress } from "../session.store.ts";
import { TestUploads, withMethods } from "../test-uploads.ts";
import { SupersededError } from "./intake.ts";

const UNIT = LIMITS.uploadUnitBytes;
const SIZE = 4 * UNIT;
const BYTES = randomBytes(SIZE);

let t: TestUploads;
before(async () => {
  t = await TestUploads.open();
});
after(() => t.close());

/** The session's segments in the store, by epoch, with their lengths. */
async function stored(blobs: SegmentedStore, id: SessionId): Promise<Record<string, number>> {
  const all = await segmentLengths(blobs);
  return Object.fromEntries(all.map(([name, bytes]) => [name.replace(`${id}.`, ""), bytes]));
}

test("What was never recorded goes with its request, and what was stays, to the byte (PUT-8, PUT-9)", async () => {
  const blobs = openMemoryBlobStore();
  const id = await t.session(SIZE);
  const refused = await t.takeIn(blobs, id, 0);
  await refused.accept(BYTES.subarray(0, 3 * UNIT));
  await refused.close();
  assert.deepEqual(await stored(blobs, id), {});

  const cut = await t.takeIn(blobs, id, 0);
  await cut.accept(BYTES.subarray(0, UNIT + 9));
  await cut.recordUnits();
  await cut.accept(BYTES.subarray(UNIT + 9, 3 * UNIT));
  await Promise.all([cut.close(), cut.close()]);
  assert.deepEqual(await stored(blobs, id), { 2: UNIT });
  assert.equal((await t.stateOf(id))?.receivedBytes, UNIT);
});

test("A request that was overtaken takes away what it could record no more, and nothing of the winner's (PUT-14)", async () => {
  const blobs = openMemoryBlobStore();
  const id = await t.session(SIZE);
  const older = await t.takeIn(blobs, id, 0);
  await older.accept(BYTES.subarray(0, UNIT));
  await older.recordUnits();
  const newer = await t.takeIn(blobs, id, UNIT);
  await older.accept(BYTES.subarray(UNIT, 3 * UNIT));
  await newer.accept(BYTES.subarray(UNIT, 2 * UNIT));
  await newer.recordUnits();
  await assert.rejects(older.recordUnits(), SupersededError);
  await older.close();
  assert.deepEqual(await stored(blobs, id), { 1: UNIT, 2: UNIT });
  await newer.close();
  assert.deepEqual(await stored(blobs, id), { 1: UNIT, 2: UNIT });
});

/** A catalogue whose records fail: after they were made, or before. */
function failingRecords(made: boolean): Catalogue {
  const { catalogue } = t;
  return {
    run: async (operation, input) => {
      const record = operation.name === recordProgress.name;
      const output = record && !made ? undefined : await catalogue.run(operation, input);
      if (record || output === undefined) throw new Error("no answer");
      return output;
    },
    listen: (topic, wake) => catalogue.listen(topic, wake),
    close: async () => {},
  };
}

for (const made of [true, false])
  test(`A record without an answer that was ${made ? "" : "not "}made: its bytes ${made ? "stay" : "go"}`, async () => {
    const blobs = openMemoryBlobStore();
    const id = await t.session(SIZE);
    const intake = await t.takeIn(blobs, id, 0, { ...t.intakeDeps(blobs), catalogue: failingRecords(made) });
    await intake.accept(BYTES.subarray(0, 2 * UNIT + 5));
    await assert.rejects(intake.recordUnits(), /no answer/);
    await intake.close();
    assert.deepEqual(await stored(blobs, id), made ? { 1: 2 * UNIT } : {});
    assert.equal((await t.stateOf(id))?.receivedBytes, made ? 2 * UNIT : 0);
  });

test("After a failed fsync nothing is fsynced again; what was recorded before stays, the rest goes", async () => {
  const plain = openMemoryBlobStore();
  let syncs = 0;
  const failing = (writer: SegmentWriter): SegmentWriter => ({
    append: (chunks) => writer.append(chunks),
    close: () => writer.close(),
    sync: async () => {
      syncs += 1;
      if (syncs > 1) throw new BlobStoreError("unavailable", "EIO");
    },
  });
  const blobs = withMethods(plain, { beginSegment: async (...call) => failing(await plain.beginSegment(...call)) });
  const id = await t.session(SIZE);
  const intake = await t.takeIn(blobs, id, 0);
  await intake.accept(BYTES.subarray(0, UNIT));
  await intake.recordUnits();
  await intake.accept(BYTES.subarray(UNIT, 3 * UNIT));
  await assert.rejects(intake.recordUnits(), { failure: "unavailable" });
  await assert.rejects(intake.recordUnits(), { failure: "unavailable" });
  await intake.close();
  assert.equal(syncs, 2);
  assert.deepEqual(await stored(plain, id), { 1: UNIT });
});

test("What earlier writers could not remove goes before the next one writes; what the session lists does not", async () => {
  const blobs = openMemoryBlobStore();
  const id = await t.session(SIZE);
  const first = await t.takeIn(blobs, id, 0);
  await first.accept(BYTES.subarray(0, UNIT));
  await first.recordUnits();
  await first.close();
  for (const epoch of [2, 3]) {
    const idle = await t.takeIn(blobs, id, UNIT);
    await writeSegment(blobs, id, epoch, BYTES);
    await idle.close();
  }
  assert.deepEqual(await stored(blobs, id), { 1: UNIT, 2: SIZE, 3: SIZE });
  const next = await t.takeIn(blobs, id, UNIT);
  await next.accept(BYTES.subarray(UNIT, 2 * UNIT));
  await next.recordUnits();
  await next.close();
  assert.deepEqual(await stored(blobs, id), { 1: UNIT, 4: UNIT });
});

test("A removal that fails is told, and the next request removes it", async () => {
  const plain = openMemoryBlobStore();
  const cutSegment = () => Promise.reject(new BlobStoreError("unavailable", "EIO"));
  const id = await t.session(SIZE);
  const refused = await t.takeIn(withMethods(plain, { cutSegment }), id, 0);
  await refused.accept(BYTES);
  await assert.rejects(refused.close(), { failure: "unavailable" });
  assert.deepEqual(await stored(plain, id), { 1: SIZE });
  const next = await t.takeIn(plain, id, 0);
  await next.accept(BYTES.subarray(0, UNIT));
  await next.recordUnits();
  await next.close();
  assert.deepEqual(await stored(plain, id), { 2: UNIT });
});

test("The next request writes nothing until what the one before left is gone", async () => {
  const blobs = openMemoryBlobStore();
  const deps = t.intakeDeps(blobs);
  const id = await t.session(SIZE);
  const older = await t.takeIn(blobs, id, 0, deps);
  await older.accept(BYTES.subarray(0, 3 * UNIT));
  const newer = await t.takeIn(blobs, id, 0, deps);
  await newer.accept(BYTES);
  const recorded = newer.recordUnits();
  assert.deepEqual(await stored(blobs, id), { 1: 3 * UNIT });
  assert.equal(deps.unrecorded.totals().onDiskBytes, 3 * UNIT);
  await older.close();
  await recorded;
  assert.deepEqual(await stored(blobs, id), { 2: SIZE });
  await newer.close();
  assert.deepEqual(deps.unrecorded.totals(), { onDiskBytes: 0, toComeBytes: 0 });
});

test("A disk that keeps the request before for too long is unavailable to the next one", async () => {
  const blobs = openMemoryBlobStore();
  const deps = t.intakeDeps(blobs);
  const id = await t.session(SIZE);
  const hanging = await t.takeIn(blobs, id, 0, deps);
  const newer = await t.takeIn(blobs, id, 0, deps);
  await newer.accept(BYTES);
  await assert.rejects(newer.recordUnits(), { failure: "unavailable" });
  await newer.close();
  assert.deepEqual(await stored(blobs, id), {});
  await hanging.close();
});

test("A closed intake writes nothing more, not even what was gathered", async () => {
  const blobs = openMemoryBlobStore();
  const id = await t.session(SIZE);
  const intake = await t.takeIn(blobs, id, 0);
  await intake.accept(BYTES.subarray(0, 100));
  await intake.close();
  await assert.rejects(intake.recordAll(), /closed/);
  assert.deepEqual(await stored(blobs, id), {});
});
