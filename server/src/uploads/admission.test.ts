import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { openMemoryBlobStore } from "../blobs/memory.ts";
import { createDiskGate } from "./admission.ts";
import { TestUploads, withMethods } from "./test-uploads.ts";
import { UnrecordedBytes } from "./unrecorded.ts";

const SIZE = 1000;
const RESERVE = 10_000;

let t: TestUploads;
before(async () => {
  t = await TestUploads.open();
  await t.session(SIZE);
});
after(() => t.close());

/** A gate that looks once, at a disk with so much above its reserve; one open session of 1 000 bytes is owed. */
function gate(aboveReserve: number, unrecorded = new UnrecordedBytes()) {
  const blobs = withMethods(openMemoryBlobStore(), {
    check: async () => ({ freeBytes: RESERVE + aboveReserve, totalBytes: 1_000_000 }),
  });
  return createDiskGate({ blobs, catalogue: t.catalogue, unrecorded, reserveBytes: RESERVE });
}

test("A create is admitted while the reserve is left after all that is promised, and a burst is counted (PUT-20)", async () => {
  const disk = gate(SIZE + 500);
  assert.equal(await disk.admitsSession(501), false);
  assert.equal(await disk.admitsSession(300), true);
  assert.equal(await disk.admitsSession(300), false);
  assert.equal(await disk.admitsSession(200), true);
});

test("What no record lists is on the disk and owed, and counted once", async () => {
  const unrecorded = new UnrecordedBytes();
  const share = unrecorded.open(await t.session(SIZE), SIZE);
  share.wrote(SIZE);
  // Two sessions are owed, 2 000 bytes; half of it is on the disk already.
  const disk = gate(SIZE + 100, unrecorded);
  assert.equal(await disk.admitsSession(101), false);
  assert.equal(await disk.admitsSession(100), true);
  share.leave();
});

test("Data requests are refused once those under way may use the reserve up (PUT-20)", async () => {
  const unrecorded = new UnrecordedBytes();
  const running = unrecorded.open(await t.session(SIZE), SIZE);
  const disk = gate(SIZE + 500, unrecorded);
  assert.equal(await disk.admitsData(SIZE), true);
  assert.equal(await disk.admitsData(1), false, "they are 500 bytes over already");
  running.leave();
  assert.equal(await gate(-1).admitsData(1), false);
  assert.equal(await gate(0).admitsData(1), true);
});

test("A request counts until it and those before it have left; then nothing is remembered", async () => {
  const unrecorded = new UnrecordedBytes();
  const id = await t.session(SIZE);
  const [older, newer] = [unrecorded.open(id, SIZE), unrecorded.open(id, SIZE)];
  older.wrote(600);
  older.recorded(400);
  assert.deepEqual(unrecorded.totals(), { onDiskBytes: 200, toComeBytes: SIZE + 400 });
  newer.leave();
  assert.deepEqual(unrecorded.totals(), { onDiskBytes: 200, toComeBytes: 400 });
  older.leave();
  await unrecorded.open(id, SIZE).turn();
  assert.deepEqual(unrecorded.totals(), { onDiskBytes: 0, toComeBytes: SIZE });
});
