import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { AREAS, type Area, type SegmentedStore } from "../blobs/blob-store.ts";
import { openFsBlobStore } from "../blobs/fs.ts";
import { blobPath, SHARDS, segmentPath } from "../blobs/fs-layout.ts";
import { originalKey, textKey } from "../blobs/keys.ts";
import { everyEntry } from "../blobs/test-entries.ts";
import type { SessionId, TeamId } from "../ids.ts";
import { openTestCatalogue, type TestCatalogue } from "../tasks/test-catalogue.ts";
import { Segments } from "../uploads/embedded/segments.ts";
import type { Chore } from "./chore.ts";
import { reconcileChores } from "./reconcile.ts";
import { runRound } from "./test-rounds.ts";

const PLANTED = 100;
const SHA = "0".repeat(64);
const log = { debug() {}, info() {}, warn() {}, error() {}, fatal() {} };

let on: TestCatalogue;
let root: string;
let blobs: SegmentedStore;
let team: TeamId;
before(async () => {
  on = await openTestCatalogue();
  root = await mkdtemp(join(tmpdir(), "wharf-reconcile-"));
  blobs = await openFsBlobStore({ root });
  team = await on.newTeam();
});
after(async () => {
  await on.close();
  await rm(root, { recursive: true });
});

async function* streamOf(text: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text);
}

async function segment(session: SessionId, epoch: number, text: string): Promise<void> {
  const writer = await blobs.beginSegment(session, epoch);
  await writer.append([Buffer.from(text)]);
  await writer.sync();
  await writer.close();
}

/** An open session of 100 bytes that lists `listed` bytes of its epoch's segment. */
async function openSession(epoch: number, listed: number): Promise<SessionId> {
  const id = on.ids.next("sess");
  await on.db
    .insertInto("upload_sessions")
    .values({
      id,
      team_id: team,
      state: "open",
      filename: "f",
      title: "f",
      content_type: "text/plain",
      size_bytes: 100,
      tags: "[]",
      metadata: "{}",
      bucket_ids: "[]",
      writer_epoch: epoch,
      received_bytes: listed,
      segments: JSON.stringify(listed === 0 ? [] : [{ epoch, bytes: listed }]),
      digest_state: null,
      md5: null,
      crc32c: null,
      received_at: null,
      created_at: on.now(),
      updated_at: on.now(),
      expires_at: on.now() + 3_600_000,
      ended_at: null,
      sha256: null,
      file_id: null,
      task_id: null,
    })
    .execute();
  return id;
}

/** What a crash may leave, each once. */
async function plant(n: number): Promise<void> {
  await blobs.put(originalKey(on.ids.next("sess"), SHA), streamOf("nobody's"));
  await blobs.put(textKey(on.ids.next("file"), "task_1_1"), streamOf("nobody's"));
  await segment(on.ids.next("sess"), 1, "of a session that is forgotten");
  await segment(await openSession(2, 0), 2, "of a request that died before its record");
  await segment(await openSession(1, 4), 1, "kept, and a tail");
  const temporary = join(root, "originals", SHARDS[n] ?? "00", `.tmp-0123456789abcdef-${n}`);
  await writeFile(temporary, "half");
  const hourAgo = (Date.now() - 3_600_000) / 1000;
  await utimes(temporary, hourAgo, hourAgo);
}

/** What belongs to something, each once; returns its sessions. */
async function keep(): Promise<SessionId> {
  const bucket = await on.newBucket(team);
  const { fileId, sessionId } = await on.newFile({ team, bucket, sha256: SHA });
  await blobs.put(originalKey(sessionId, SHA), streamOf("a file's"));
  await on.db
    .updateTable("files")
    .set({ text_key: textKey(fileId, "task_2_1") })
    .where("id", "=", fileId)
    .execute();
  await blobs.put(textKey(fileId, "task_2_1"), streamOf("a file's"));
  const session = await openSession(1, 4);
  await segment(session, 1, "kept");
  return session;
}

/** The chores of a server whose requests write these sessions just now. */
function chores(busy: readonly SessionId[]): Map<string, Chore> {
  const { catalogue } = on;
  const segments = new Segments({ catalogue, blobs }, () => busy);
  const arrivals = { tidy: segments.tidy.bind(segments), busy: () => busy };
  return new Map(reconcileChores({ blobs, catalogue, arrivals, log }).map((chore) => [chore.name, chore]));
}

async function runArea(area: Area, busy: readonly SessionId[]): Promise<number> {
  const chore = chores(busy).get(`reconcile_${area}`);
  assert.ok(chore);
  return (await runRound(chore)).mended;
}

async function countStored(): Promise<number> {
  let entries = 0;
  for await (const _ of everyEntry(blobs)) entries += 1;
  return entries;
}

test(`beside a running server a round finds ${PLANTED} of each kind of what a crash may leave, and nothing else`, async () => {
  for (let n = 0; n < PLANTED; n++) await plant(n);
  for (let n = 0; n < 20; n++) await keep();
  const busy = [await openSession(1, 0), await openSession(2, 1)];
  for (const [index, session] of busy.entries()) await segment(session, index + 1, "being written");
  const stored = await countStored();

  const mended = new Map<string, number>();
  for (const area of AREAS) {
    mended.set(area, await runArea(area, busy));
  }
  // Segments: two kinds that go, and tails that are cut.
  assert.deepEqual(
    [...mended],
    [
      ["segments", 3 * PLANTED],
      ["originals", 2 * PLANTED],
      ["text", PLANTED],
    ],
  );
  assert.equal(await countStored(), stored - 5 * PLANTED);
  for (const area of AREAS) {
    assert.equal(await runArea(area, busy), 0);
  }
  // Their requests ended without a record.
  assert.equal(await runArea("segments", []), busy.length);
});

test("a blob that is being published is left alone", async () => {
  let during = -1;
  async function* slow(): AsyncGenerator<Uint8Array> {
    yield Buffer.from("half");
    during = await runArea("text", []);
    yield Buffer.from("whole");
  }
  const file = on.ids.next("file");
  await blobs.put(textKey(file, "task_9_1"), slow());
  assert.equal(during, 0);
  assert.equal(await blobs.size(textKey(file, "task_9_1")), 9);
});

test("What cannot be removed keeps nothing else where it is: the round goes on, says so, and comes again", async () => {
  const forgotten = on.ids.next("sess");
  const places = {
    segments: segmentPath(forgotten, 1),
    originals: blobPath(originalKey(forgotten, SHA)),
    text: blobPath(textKey(on.ids.next("file"), "task_1_1")),
  };
  for (const area of AREAS) {
    // No file system removes a folder by unlink.
    await mkdir(join(root, places[area], "inside"), { recursive: true });
    const before = await countStored();
    await plant(1);
    const chore = chores([]).get(`reconcile_${area}`);
    assert.ok(chore);
    const { mended, failed } = await runRound(chore);
    assert.equal(failed, 1, area);
    assert.ok(mended > 0, area);
    for (const other of AREAS) if (other !== area) await runArea(other, []);
    assert.ok((await countStored()) <= before + 1, "a tail that was cut stays as what its session lists");
    assert.equal((await runRound(chore)).failed, 1, "it comes again");
    await rm(join(root, places[area]), { recursive: true });
    assert.deepEqual(await runRound(chore).then(({ mended, failed }) => ({ mended, failed })), {
      mended: 0,
      failed: 0,
    });
  }
});
