import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { openMemoryBlobStore } from "../blobs/memory.ts";
import { brandId, type TeamId } from "../ids.ts";
import { createDiskGate, type Room } from "./disk-gate.ts";
import { UnrecordedBytes } from "./embedded/unrecorded.ts";
import { TestUploads, withMethods } from "./test-uploads.ts";

const SIZE = 1000;
const RESERVE = 10_000;

let t: TestUploads;
before(async () => {
  t = await TestUploads.open();
  await t.session(SIZE);
});
after(() => t.close());

/** A gate that looks once, at a disk with so much above its reserve; one open session of 1 000 bytes is owed. */
function gate(aboveReserve: number, unrecorded = new UnrecordedBytes(), looked = () => {}) {
  const blobs = withMethods(openMemoryBlobStore(), {
    check: async () => {
      looked();
      return { freeBytes: RESERVE + aboveReserve, totalBytes: 1_000_000 };
    },
  });
  return createDiskGate({ blobs, catalogue: t.catalogue, unrecorded, reserveBytes: RESERVE });
}

let teams = 0;
/** A team that was promised nothing yet. */
function another(): TeamId {
  teams += 1;
  return brandId("team", `team_${teams}`);
}

function isRoom(room: Room | "disk" | "team"): room is Room {
  return typeof room !== "string";
}

test("A team is promised less than what is left for the others, and more once something came to nothing or has come", async (context) => {
  let nowMs = 1000;
  context.mock.method(performance, "now", () => nowMs);
  const [loud, quiet] = [another(), another()];
  const disk = gate(SIZE + 1000);
  const first = await disk.roomForSession(loud, 300);
  assert.ok(isRoom(first));
  assert.ok(isRoom(await disk.roomForSession(loud, 300)));
  assert.equal(await disk.roomForSession(loud, 1), "team", "600 are promised to it, 400 are left");
  assert.ok(isRoom(await disk.roomForSession(quiet, 150)));
  first.giveBack();
  assert.ok(isRoom(await disk.roomForSession(loud, 1)));
  assert.ok(isRoom(await disk.roomForSession(loud, 300)));
  assert.equal(await disk.roomForSession(loud, 1), "team");
  // In the catalogue nothing is owed to it by now: a look that was made for everybody a moment ago does not refuse it.
  nowMs += 1;
  assert.ok(isRoom(await disk.roomForSession(loud, 1)));
  // What the catalogue says is owed counts as well: to this team, 1 000 bytes and more.
  assert.equal(
    await gate(10 * SIZE)
      .roomForSession(t.teamId, 1)
      .then(isRoom),
    true,
  );
  assert.equal(await gate(SIZE + 500).roomForSession(t.teamId, 1), "team");
});

test("A create is admitted while the reserve is left after all that is promised, and a burst is counted (PUT-20)", async () => {
  const disk = gate(SIZE + 500);
  assert.equal(await disk.roomForSession(another(), 501), "disk");
  assert.ok(isRoom(await disk.roomForSession(another(), 300)));
  assert.equal(await disk.roomForSession(another(), 300), "disk");
  assert.ok(isRoom(await disk.roomForSession(another(), 200)));
});

test("What was let in and came to nothing is room for others at once", async () => {
  const disk = gate(SIZE + 500);
  for (let time = 0; time < 10; time++) {
    const session = await disk.roomForSession(another(), 500);
    assert.ok(isRoom(session));
    assert.equal(await disk.roomForSession(another(), 1), "disk");
    session.giveBack();
    const data = await disk.roomForData(SIZE + 501);
    assert.ok(data);
    assert.equal(await disk.roomForData(1), null);
    data.giveBack();
  }
});

test("What no record lists is on the disk and owed, and counted once", async () => {
  const unrecorded = new UnrecordedBytes();
  const share = unrecorded.open(await t.session(SIZE), SIZE);
  share.wrote(SIZE);
  // Two sessions are owed, 2 000 bytes; half of it is on the disk already.
  const disk = gate(SIZE + 100, unrecorded);
  assert.equal(await disk.roomForSession(another(), 101), "disk");
  assert.ok(isRoom(await disk.roomForSession(another(), 100)));
  share.leave();
});

test("Data requests are refused once those under way may use the reserve up (PUT-20)", async () => {
  const unrecorded = new UnrecordedBytes();
  const running = unrecorded.open(await t.session(SIZE), SIZE);
  const disk = gate(SIZE + 500, unrecorded);
  assert.ok(await disk.roomForData(SIZE));
  assert.equal(await disk.roomForData(1), null, "they are 500 bytes over already");
  running.leave();
  assert.equal(await gate(-1).roomForData(1), null);
  assert.ok(await gate(0).roomForData(1));
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

test("Near the reserve the disk is looked at ten times a second, less often when a look takes long, else once", async (context) => {
  const cases = [
    { leftBytes: 1_000_000, tookMs: 1, everyMs: 100 },
    { leftBytes: 1_000_000, tookMs: 40, everyMs: 160 },
    { leftBytes: 1_000_000, tookMs: 5000, everyMs: 1000 },
    { leftBytes: 1e12, tookMs: 1, everyMs: 1000 },
  ];
  let nowMs = 0;
  context.mock.method(performance, "now", () => nowMs);
  for (const { leftBytes, tookMs, everyMs } of cases) {
    let looks = 0;
    const disk = gate(leftBytes, new UnrecordedBytes(), () => {
      looks += 1;
      nowMs += tookMs;
    });
    await disk.roomForData(1);
    nowMs += everyMs;
    await disk.roomForData(1);
    assert.equal(looks, 1, `${everyMs} ms after a look of ${tookMs} ms`);
    nowMs += 1;
    await disk.roomForData(1);
    assert.equal(looks, 2, `${everyMs + 1} ms after a look of ${tookMs} ms`);
  }
});
