import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { createKey } from "../access/store.ts";
import type { BlobStore, SegmentRef } from "../blobs/blob-store.ts";
import { originalKey } from "../blobs/keys.ts";
import { openMemoryBlobStore } from "../blobs/memory.ts";
import type { Catalogue } from "../catalogue/catalogue.ts";
import { openSqliteCatalogue } from "../catalogue/sqlite.ts";
import { isRefusal } from "../errors.ts";
import { createIdSource, type SessionId, type TeamId } from "../ids.ts";
import { LIMITS } from "../limits.ts";
import { createLog } from "../log.ts";
import { createSession } from "./create.store.ts";
import { DigestEngine } from "./digests.ts";
import { Finalizer } from "./finalize.ts";
import { Intake, SupersededError } from "./intake.ts";
import { cancelSession, readSession, takeWriter } from "./session.store.ts";
import type { Session } from "./session.ts";

const clock = { now: () => Date.now() };
const ids = createIdSource(clock);
const log = createLog("silent");
const UNIT = LIMITS.uploadUnitBytes;
const NONE = { sha256: null, crc32c: null };

let folder: string;
let catalogue: Catalogue;
let digests: DigestEngine;
let teamId: TeamId;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "wharf-finalize-"));
  const fatal = (error: Error) => {
    throw error;
  };
  catalogue = await openSqliteCatalogue({ path: join(folder, "catalogue.db"), fatal });
  digests = await DigestEngine.create();
  const key = { id: ids.next("key"), name: "k", hash: "0".repeat(64), last4: "0000", scopes: [] };
  teamId = (await catalogue.run(createKey, { key, teamSlug: "team", newTeamId: ids.next("team") })).teamId;
});

after(async () => {
  await catalogue.close();
  await rm(folder, { recursive: true });
});

async function open(sizeBytes: number): Promise<SessionId> {
  const created = await catalogue.run(createSession, {
    teamId,
    sessionId: ids.next("sess"),
    filename: "f.bin",
    title: "f",
    contentType: "application/octet-stream",
    sizeBytes,
    tags: "[]",
    metadata: "{}",
    buckets: [{ sent: "b", id: null, slug: "b" }],
    createMissingBuckets: true,
    newBucketIds: [ids.next("bucket")],
    idempotency: null,
    ttlMs: 3_600_000,
    createsPerSecond: 1_000_000,
    diskLow: false,
  });
  if (isRefusal(created)) throw new Error(created.refused);
  return created.session.id;
}

async function takeIn(blobs: BlobStore, id: SessionId, first: number): Promise<Intake> {
  const taken = await catalogue.run(takeWriter, { id });
  assert.ok(taken?.taken);
  return Intake.start({ blobs, catalogue, digests }, taken.session, first);
}

async function upload(blobs: BlobStore, id: SessionId, bytes: Uint8Array): Promise<Session> {
  const intake = await takeIn(blobs, id, 0);
  await intake.accept(bytes);
  const session = await intake.complete();
  await intake.close();
  return session;
}

function stateOf(id: SessionId): Promise<Session | null> {
  return catalogue.run(readSession, { id, teamId });
}

function finalizer(blobs: BlobStore): Finalizer {
  return new Finalizer({ catalogue, blobs, digests, ids, clock, log });
}

type ReadSegments = BlobStore["readSegments"];

/** The store, but for how segments are read. */
function readingThrough(blobs: BlobStore, readSegments: ReadSegments): BlobStore {
  return new Proxy(blobs, {
    get(target, name) {
      if (name === "readSegments") return readSegments;
      const member: unknown = Reflect.get(target, name);
      return typeof member === "function" ? member.bind(target) : member;
    },
  });
}

/** A store whose disk went bad: segments read back with one bit turned over. */
function withFlippedBit(blobs: BlobStore): BlobStore {
  return readingThrough(blobs, async function* (session: SessionId, segments: readonly SegmentRef[]) {
    let first = true;
    for await (const chunk of blobs.readSegments(session, segments)) {
      const copy = Uint8Array.from(chunk);
      if (first) copy[0] = (copy[0] ?? 0) ^ 1;
      first = false;
      yield copy;
    }
  });
}

test("50 finalizes at once make one file and read the bytes once (FIN-2)", async () => {
  const blobs = openMemoryBlobStore();
  const bytes = randomBytes(3 * UNIT + 7);
  const id = await open(bytes.length);
  await upload(blobs, id, bytes);
  let reads = 0;
  const counting = readingThrough(blobs, (session, segments) => {
    reads += 1;
    return blobs.readSegments(session, segments);
  });
  const one = finalizer(counting);
  const results = await Promise.all(Array.from({ length: 50 }, () => one.finalize(teamId, id, NONE)));
  assert.equal(reads, 1);
  assert.equal(new Set(results.map((result) => `${result.fileId} ${result.taskId}`)).size, 1);
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  assert.equal(await blobs.size(originalKey(id, sha256)), bytes.length);
  assert.equal((await stateOf(id))?.sha256, sha256);
});

test("Bytes that changed on our disk are 500 integrity_error, are dropped, and the session takes them again (FIN-5)", async () => {
  const blobs = openMemoryBlobStore();
  const bytes = randomBytes(UNIT);
  const id = await open(bytes.length);
  await upload(blobs, id, bytes);
  await assert.rejects(finalizer(withFlippedBit(blobs)).finalize(teamId, id, NONE), { code: "integrity_error" });
  const dropped = await stateOf(id);
  assert.equal(dropped?.state, "open");
  assert.equal(dropped?.receivedBytes, 0);
  await assert.rejects(finalizer(blobs).finalize(teamId, id, NONE), { code: "upload_incomplete" });
  await upload(blobs, id, bytes);
  await finalizer(blobs).finalize(teamId, id, NONE);
});

test("A wrong digest is 422 before and after, and changes nothing (FIN-5)", async () => {
  const blobs = openMemoryBlobStore();
  const bytes = randomBytes(100);
  const id = await open(bytes.length);
  await upload(blobs, id, bytes);
  const wrong = { sha256: "0".repeat(64), crc32c: null };
  await assert.rejects(finalizer(blobs).finalize(teamId, id, wrong), { code: "checksum_mismatch" });
  assert.equal((await stateOf(id))?.state, "received");
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  await finalizer(blobs).finalize(teamId, id, { sha256, crc32c: null });
  await assert.rejects(finalizer(blobs).finalize(teamId, id, wrong), { code: "checksum_mismatch" });
  await finalizer(blobs).finalize(teamId, id, NONE);
});

test("A session that holds all its bytes finalizes although no request said that it was the last (FIN-3)", async () => {
  const blobs = openMemoryBlobStore();
  const bytes = randomBytes(UNIT + 9);
  const id = await open(bytes.length);
  const intake = await takeIn(blobs, id, 0);
  await intake.accept(bytes);
  await intake.recordAll();
  await intake.close();
  assert.equal((await stateOf(id))?.state, "open");
  await finalizer(blobs).finalize(teamId, id, NONE);
  assert.equal((await stateOf(id))?.md5, createHash("md5").update(bytes).digest("base64"));
});

test("A finalize that was cut after its blob was published goes on from there", async () => {
  const blobs = openMemoryBlobStore();
  const bytes = randomBytes(UNIT);
  const id = await open(bytes.length);
  const session = await upload(blobs, id, bytes);
  await blobs.publish(id, session.segments, originalKey(id, createHash("sha256").update(bytes).digest("hex")));
  await finalizer(blobs).finalize(teamId, id, NONE);
});

test("A digest state that another version wrote is computed again from the kept segments", async () => {
  const blobs = openMemoryBlobStore();
  const bytes = randomBytes(2 * UNIT);
  const id = await open(bytes.length);
  const first = await takeIn(blobs, id, 0);
  await first.accept(bytes.subarray(0, UNIT));
  await first.recordUnits();
  await first.close();
  const taken = await catalogue.run(takeWriter, { id });
  assert.ok(taken?.taken);
  const foreign: Session = { ...taken.session, digestState: "b3RoZXI=.dmVyc2lvbg==" };
  const second = await Intake.start({ blobs, catalogue, digests }, foreign, UNIT);
  await second.accept(bytes.subarray(UNIT));
  const session = await second.complete();
  await second.close();
  assert.equal(session.md5, createHash("md5").update(bytes).digest("base64"));
  await finalizer(blobs).finalize(teamId, id, NONE);
});

test("An older writer's late record changes nothing: two writers never mix (PUT-14)", async () => {
  const blobs = openMemoryBlobStore();
  const id = await open(2 * UNIT);
  const older = await takeIn(blobs, id, 0);
  await older.accept(new Uint8Array(UNIT).fill(1));
  const newer = await takeIn(blobs, id, 0);
  await assert.rejects(older.recordUnits(), SupersededError);
  const bytes = new Uint8Array(2 * UNIT).fill(2);
  await newer.accept(bytes);
  await newer.complete();
  await Promise.all([older.close(), newer.close()]);
  await finalizer(blobs).finalize(teamId, id, NONE);
  assert.equal((await stateOf(id))?.sha256, createHash("sha256").update(bytes).digest("hex"));
});

test("What a cut request leaves are whole units, with the digest of exactly those (PUT-9)", async () => {
  const blobs = openMemoryBlobStore();
  const bytes = randomBytes(3 * UNIT);
  const id = await open(bytes.length);
  const cut = await takeIn(blobs, id, 0);
  for (let at = 0; at < 2 * UNIT + 1234; at += 50_000)
    await cut.accept(bytes.subarray(at, Math.min(at + 50_000, 2 * UNIT + 1234)));
  assert.equal((await cut.recordUnits())?.receivedBytes, 2 * UNIT);
  await cut.close();
  const resumed = await takeIn(blobs, id, UNIT + 5);
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
  const id = await open(5);
  await catalogue.run(cancelSession, { id, teamId });
  await assert.rejects(finalizer(blobs).finalize(teamId, id, NONE), { code: "session_cancelled" });
  await assert.rejects(finalizer(blobs).finalize(ids.next("team"), id, NONE), { code: "session_not_found" });
  await assert.rejects(finalizer(blobs).finalize(teamId, ids.next("sess"), NONE), { code: "session_not_found" });
});
