import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, type TestContext, test } from "node:test";
import type { SegmentedStore, SegmentRef } from "../blobs/blob-store.ts";
import { listed } from "../blobs/conformance-support.ts";
import { openFsBlobStore } from "../blobs/fs.ts";
import { originalKey } from "../blobs/keys.ts";
import { openMemoryBlobStore } from "../blobs/memory.ts";
import type { Catalogue } from "../catalogue/catalogue.ts";
import { ClientGoneError } from "../fairness/turns.ts";
import type { SessionId } from "../ids.ts";
import { LIMITS } from "../limits.ts";
import { createLog } from "../log.ts";
import { Intake, SupersededError } from "./embedded/intake.ts";
import { finalizeSession } from "./finalize.store.ts";
import { Finalizer } from "./finalize.ts";
import { cancelSession, takeWriter } from "./session.store.ts";
import type { Session } from "./session.ts";
import { TestUploads, withMethods } from "./test-uploads.ts";

const clock = { now: () => Date.now() };
const log = createLog("silent");
const UNIT = LIMITS.uploadUnitBytes;
const NONE = { sha256: null, crc32c: null };

let t: TestUploads;
before(async () => {
  t = await TestUploads.open();
});
after(() => t.close());

function finalizer(blobs: SegmentedStore): Finalizer {
  const { catalogue, ids } = t;
  return new Finalizer({ catalogue, arrivals: t.arrivals(blobs), blobs, ids, clock, log });
}

/** A store whose disk went bad: segments read back with one bit turned over. */
function withFlippedBit(blobs: SegmentedStore): SegmentedStore {
  return withMethods(blobs, {
    readSegments: async function* (session: SessionId, segments: readonly SegmentRef[]) {
      let first = true;
      for await (const chunk of blobs.readSegments(session, segments)) {
        const copy = Uint8Array.from(chunk);
        if (first) copy[0] = (copy[0] ?? 0) ^ 1;
        first = false;
        yield copy;
      }
    },
  });
}

test("50 finalizes at once make one file and read the bytes once (FIN-2)", async () => {
  const blobs = openMemoryBlobStore();
  const bytes = randomBytes(3 * UNIT + 7);
  const id = await t.session(bytes.length);
  await t.upload(blobs, id, bytes);
  let reads = 0;
  const counting = withMethods(blobs, {
    readSegments: (session, segments) => {
      reads += 1;
      return blobs.readSegments(session, segments);
    },
  });
  const one = finalizer(counting);
  const results = await Promise.all(Array.from({ length: 50 }, () => one.finalize(t.teamId, id, NONE)));
  assert.equal(reads, 1);
  assert.equal(new Set(results.map((result) => `${result.fileId} ${result.taskId}`)).size, 1);
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  assert.equal(await blobs.size(originalKey(id, sha256)), bytes.length);
  assert.equal((await t.stateOf(id))?.sha256, sha256);
});

test("A team has few large uploads read back at once, small ones beside them, and none whose client has left", async () => {
  const blobs = openMemoryBlobStore();
  const upload = async (length: number) => {
    const id = await t.session(length);
    await t.upload(blobs, id, randomBytes(length));
    return id;
  };
  const large = await Promise.all(Array.from({ length: LIMITS.hashingsOfTeam + 3 }, () => upload(UNIT + 1)));
  const small = await upload(UNIT);
  const full = Promise.withResolvers<void>();
  const shut = Promise.withResolvers<void>();
  const begun: SessionId[] = [];
  const one = finalizer(
    withMethods(blobs, {
      readSegments: async function* (session: SessionId, segments: readonly SegmentRef[]) {
        if (session !== small) {
          if (begun.push(session) === LIMITS.hashingsOfTeam) full.resolve();
          await shut.promise;
        }
        yield* blobs.readSegments(session, segments);
      },
    }),
  );
  const gone = new AbortController();
  const [leaving, ...staying] = large.toReversed();
  assert.ok(leaving);
  const finalizing = staying.map((id) => one.finalize(t.teamId, id, NONE));
  await full.promise;
  const left = assert.rejects(one.finalize(t.teamId, leaving, NONE, gone.signal), ClientGoneError);
  await one.finalize(t.teamId, small, NONE);
  assert.equal(begun.length, LIMITS.hashingsOfTeam);
  gone.abort();
  await left;
  shut.resolve();
  await Promise.all(finalizing);
  assert.deepEqual(new Set(begun), new Set(staying));
  await one.finalize(t.teamId, leaving, NONE);
});

test("Bytes that changed on our disk are 500 integrity_error, are dropped, and the session takes them again (FIN-5)", async () => {
  const blobs = openMemoryBlobStore();
  const bytes = randomBytes(UNIT);
  const id = await t.session(bytes.length);
  await t.upload(blobs, id, bytes);
  await assert.rejects(finalizer(withFlippedBit(blobs)).finalize(t.teamId, id, NONE), { code: "integrity_error" });
  const dropped = await t.stateOf(id);
  assert.equal(dropped?.state, "open");
  assert.equal(dropped?.receivedBytes, 0);
  await assert.rejects(finalizer(blobs).finalize(t.teamId, id, NONE), { code: "upload_incomplete" });
  await t.upload(blobs, id, bytes);
  await finalizer(blobs).finalize(t.teamId, id, NONE);
});

test("A wrong digest is 422 before and after, and changes nothing (FIN-5)", async () => {
  const blobs = openMemoryBlobStore();
  const bytes = randomBytes(100);
  const id = await t.session(bytes.length);
  await t.upload(blobs, id, bytes);
  const wrong = { sha256: "0".repeat(64), crc32c: null };
  await assert.rejects(finalizer(blobs).finalize(t.teamId, id, wrong), { code: "checksum_mismatch" });
  assert.equal((await t.stateOf(id))?.state, "received");
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  await finalizer(blobs).finalize(t.teamId, id, { sha256, crc32c: null });
  await assert.rejects(finalizer(blobs).finalize(t.teamId, id, wrong), { code: "checksum_mismatch" });
  await finalizer(blobs).finalize(t.teamId, id, NONE);
});

test("A session that holds all its bytes finalizes although no request said that it was the last (FIN-3)", async () => {
  const blobs = openMemoryBlobStore();
  const bytes = randomBytes(UNIT + 9);
  const id = await t.session(bytes.length);
  const intake = await t.takeIn(blobs, id, 0);
  await intake.accept(bytes);
  await intake.recordAll();
  await intake.close();
  assert.equal((await t.stateOf(id))?.state, "open");
  await finalizer(blobs).finalize(t.teamId, id, NONE);
  assert.equal((await t.stateOf(id))?.md5, createHash("md5").update(bytes).digest("base64"));
});

test("A finalize that was cut after its blob was published goes on from there", async () => {
  const blobs = openMemoryBlobStore();
  const bytes = randomBytes(UNIT);
  const id = await t.session(bytes.length);
  const session = await t.upload(blobs, id, bytes);
  await blobs.publish(id, session.segments, originalKey(id, createHash("sha256").update(bytes).digest("hex")));
  await finalizer(blobs).finalize(t.teamId, id, NONE);
});

test("A digest state that another version wrote is computed again from the kept segments", async () => {
  const blobs = openMemoryBlobStore();
  const bytes = randomBytes(2 * UNIT);
  const id = await t.session(bytes.length);
  const first = await t.takeIn(blobs, id, 0);
  await first.accept(bytes.subarray(0, UNIT));
  await first.recordUnits();
  await first.close();
  const taken = await t.catalogue.run(takeWriter, { id });
  assert.ok(taken?.taken);
  const foreign: Session = { ...taken.session, digestState: "b3RoZXI=.dmVyc2lvbg==" };
  const second = await Intake.start(t.intakeDeps(blobs), foreign, { first: UNIT, end: 2 * UNIT });
  await second.accept(bytes.subarray(UNIT));
  const session = await second.complete();
  await second.close();
  assert.equal(session.md5, createHash("md5").update(bytes).digest("base64"));
  await finalizer(blobs).finalize(t.teamId, id, NONE);
});

test("An older writer's late record changes nothing: two writers never mix (PUT-14)", async () => {
  const blobs = openMemoryBlobStore();
  const id = await t.session(2 * UNIT);
  const older = await t.takeIn(blobs, id, 0);
  await older.accept(new Uint8Array(UNIT).fill(1));
  const newer = await t.takeIn(blobs, id, 0);
  await assert.rejects(older.recordUnits(), SupersededError);
  const bytes = new Uint8Array(2 * UNIT).fill(2);
  await newer.accept(bytes);
  await newer.complete();
  await Promise.all([older.close(), newer.close()]);
  await finalizer(blobs).finalize(t.teamId, id, NONE);
  assert.equal((await t.stateOf(id))?.sha256, createHash("sha256").update(bytes).digest("hex"));
});

test("What a cut request leaves are whole units, with the digest of exactly those (PUT-9)", async () => {
  const blobs = openMemoryBlobStore();
  const bytes = randomBytes(3 * UNIT);
  const id = await t.session(bytes.length);
  const cut = await t.takeIn(blobs, id, 0);
  for (let at = 0; at < 2 * UNIT + 1234; at += 50_000)
    await cut.accept(bytes.subarray(at, Math.min(at + 50_000, 2 * UNIT + 1234)));
  assert.equal((await cut.recordUnits())?.receivedBytes, 2 * UNIT);
  await cut.close();
  const resumed = await t.takeIn(blobs, id, UNIT + 5);
  await resumed.accept(bytes.subarray(UNIT + 5));
  const session = await resumed.complete();
  await resumed.close();
  assert.equal(session.md5, createHash("md5").update(bytes).digest("base64"));
  assert.deepEqual(
    session.segments.map((segment) => segment.bytes),
    [2 * UNIT, UNIT],
  );
});

test("A cancelled session is 410 for finalize, an unknown one and another team's are the same 404", async () => {
  const blobs = openMemoryBlobStore();
  const id = await t.session(5);
  await t.catalogue.run(cancelSession, { id, teamId: t.teamId });
  await assert.rejects(finalizer(blobs).finalize(t.teamId, id, NONE), { code: "session_cancelled" });
  await assert.rejects(finalizer(blobs).finalize(t.ids.next("team"), id, NONE), { code: "session_not_found" });
  await assert.rejects(finalizer(blobs).finalize(t.teamId, t.ids.next("sess"), NONE), { code: "session_not_found" });
});

/** A store and a catalogue that let somebody in before, or after, one step of a finalize. */
const STEPS = ["readSegments", "publish"] as const;
type Moment = `${"before" | "after"} ${(typeof STEPS)[number]}` | "before the commit" | "before it looks";
const MOMENTS: readonly Moment[] = [
  "before it looks",
  ...STEPS.flatMap((step) => [`before ${step}`, `after ${step}`] as const),
  "before the commit",
];

function finalizerWith(blobs: SegmentedStore, moment: Moment, intruder: () => Promise<void>): Finalizer {
  const at = (now: Moment) => (now === moment ? intruder() : undefined);
  const { catalogue, ids } = t;
  const watched = withMethods(blobs, {
    async *readSegments(...call) {
      await at("before readSegments");
      yield* blobs.readSegments(...call);
      await at("after readSegments");
    },
    async publish(...call) {
      await at("before publish");
      await blobs.publish(...call);
      await at("after publish");
    },
  });
  const interrupted: Catalogue = {
    run: async (operation, input) => {
      if (operation.name === finalizeSession.name) await at("before the commit");
      return catalogue.run(operation, input);
    },
    listen: (topic, wake) => catalogue.listen(topic, wake),
    close: async () => {},
  };
  const arrivals = t.arrivals(watched, interrupted);
  return new Finalizer({ catalogue: interrupted, arrivals, blobs: watched, ids, clock, log });
}

for (const store of ["memory", "fs"] as const)
  for (const moment of MOMENTS)
    test(`A cancel ${moment} wins: finalize is session_cancelled, and nothing is left (${store} store)`, async (context) => {
      const blobs = await openStore(context, store);
      const bytes = randomBytes(2 * UNIT + 3);
      const id = await t.session(bytes.length);
      const half = await t.takeIn(blobs, id, 0);
      await half.accept(bytes.subarray(0, UNIT));
      await half.recordUnits();
      await half.close();
      const rest = await t.takeIn(blobs, id, UNIT);
      await rest.accept(bytes.subarray(UNIT));
      await rest.complete();
      await rest.close();
      let cancelled = false;
      const cancel = async () => {
        if (cancelled) return;
        cancelled = (await t.catalogue.run(cancelSession, { id, teamId: t.teamId }))?.ended === true;
        await blobs.removeSegments(id);
      };
      if (moment === "before it looks") await cancel();
      const finalizing = finalizerWith(blobs, moment, cancel).finalize(t.teamId, id, NONE);
      await assert.rejects(finalizing, { code: "session_cancelled" });
      assert.equal(cancelled, true);
      assert.deepEqual(await listed(blobs), []);
    });

test("A finalize that is first wins: the cancel ends nothing, and the file is there", async () => {
  const blobs = openMemoryBlobStore();
  const bytes = randomBytes(UNIT);
  const id = await t.session(bytes.length);
  await t.upload(blobs, id, bytes);
  const { fileId } = await finalizer(blobs).finalize(t.teamId, id, NONE);
  const late = await t.catalogue.run(cancelSession, { id, teamId: t.teamId });
  assert.equal(late?.ended, false);
  assert.equal(late?.session.fileId, fileId);
  assert.equal((await listed(blobs)).filter(({ kind }) => kind === "original").length, 1);
});

test("Segments that nobody took and that are gone are integrity_error, also when only publish finds it (FIN-5)", async () => {
  for (const step of STEPS) {
    const blobs = openMemoryBlobStore();
    const bytes = randomBytes(UNIT);
    const id = await t.session(bytes.length);
    await t.upload(blobs, id, bytes);
    const lost = finalizerWith(blobs, `before ${step}`, () => blobs.removeSegments(id));
    await assert.rejects(lost.finalize(t.teamId, id, NONE), { code: "integrity_error" }, step);
    assert.equal((await t.stateOf(id))?.state, "open");
    await t.upload(blobs, id, bytes);
    await finalizer(blobs).finalize(t.teamId, id, NONE);
  }
});

async function openStore(context: TestContext, kind: "memory" | "fs"): Promise<SegmentedStore> {
  if (kind === "memory") return openMemoryBlobStore();
  const folder = await mkdtemp(join(tmpdir(), "wharf-finalize-"));
  const store = await openFsBlobStore({ root: join(folder, "blobs") });
  context.after(async () => {
    await store.close();
    await rm(folder, { recursive: true });
  });
  return store;
}
