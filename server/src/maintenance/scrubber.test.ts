import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { BlobStore, SegmentedStore } from "../blobs/blob-store.ts";
import { openFsBlobStore } from "../blobs/fs.ts";
import { storeError } from "../blobs/fs-errors.ts";
import { originalKey } from "../blobs/keys.ts";
import { deleteFile } from "../files/delete-file.store.ts";
import type { FileId } from "../ids.ts";
import { blobMethods } from "../indexing/test-indexing.ts";
import { MetricsRecorder } from "../metrics/recorder.ts";
import { openTestCatalogue, type TestCatalogue } from "../tasks/test-catalogue.ts";
import { ChoreLoop } from "./chore-loop.ts";
import { readPositions } from "./position.store.ts";
import { Scrubber } from "./scrubber.ts";
import { runRound } from "./test-rounds.ts";

let on: TestCatalogue;
let root: string;
let blobs: SegmentedStore;
let files: { readonly file: FileId; readonly path: string }[];
let team: Awaited<ReturnType<TestCatalogue["newTeam"]>>;
const errors: object[] = [];
const log = { debug() {}, info() {}, warn() {}, error: (fields: object) => void errors.push(fields), fatal() {} };
const metrics = new MetricsRecorder();

before(async () => {
  on = await openTestCatalogue();
  root = await mkdtemp(join(tmpdir(), "wharf-scrub-"));
  blobs = await openFsBlobStore({ root: join(root, "blobs") });
  team = await on.newTeam();
  const bucket = await on.newBucket(team);
  files = [];
  for (let i = 0; i < 200; i++) {
    const bytes = randomBytes(300);
    const sha256 = createHash("sha256").update(bytes).digest("hex");
    const sessionId = on.ids.next("sess");
    const key = originalKey(sessionId, sha256);
    await blobs.put(
      key,
      (async function* () {
        yield bytes;
      })(),
    );
    const { fileId } = await on.newFile({ team, bucket, sessionId, sha256, bytes: bytes.length });
    const names = await readdir(join(root, "blobs/originals"), { recursive: true });
    const path = names.find((name) => name.includes(sessionId)) ?? "";
    files.push({ file: fileId, path: join(root, "blobs/originals", path) });
  }
});
after(async () => {
  await on.close();
  await rm(root, { recursive: true });
});

function scrubber(bytesPerSecond = 1e9): Scrubber {
  return new Scrubber({
    catalogue: on.catalogue,
    blobs,
    log,
    metrics,
    bytesPerSecond,
  });
}

async function flip(path: string, bit: number): Promise<void> {
  const bytes = await readFile(path);
  bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
  await writeFile(path, bytes);
}

test("sound originals raise no alarm, and all their bytes are compared", async () => {
  const one = scrubber();
  await runRound(one);
  assert.equal(one.state, "ok");
  assert.match(metrics.expose([]), new RegExp(`^wharf_scrubbed_bytes_total ${200 * 300}$`, "m"));
});

test("one flipped bit in each of 200 originals: 200 are found, named once a round, and well again when their bytes are back (R7)", async () => {
  const bits = files.map(() => Math.floor(Math.random() * 2400));
  for (const [i, { path }] of files.entries()) await flip(path, bits[i] ?? 0);
  errors.length = 0;
  const one = scrubber();
  await runRound(one);
  assert.equal(one.damaged, 200);
  assert.deepEqual(
    new Set(errors.map((fields) => "file_id" in fields && fields.file_id)),
    new Set(files.map((f) => f.file)),
  );
  assert.match(one.state, /^200 damaged or missing/);
  for (const [i, { path }] of files.entries()) await flip(path, bits[i] ?? 0);
  await runRound(one);
  assert.equal(one.state, "ok");
});

test("a restart goes on where it was, and remembers what was damaged", async () => {
  const [first] = files;
  assert.ok(first !== undefined);
  await flip(first.path, 9);
  const signal = new AbortController().signal;
  const batch = await scrubber().runOnce(null, signal);
  assert.equal(batch.ended, false);
  const two = scrubber();
  const rest = await runRound(two, batch.next);
  assert.equal(two.damaged, 1);
  assert.equal(rest.looked, files.length - batch.looked);
  // Also what outlives the round.
  const three = scrubber();
  await three.runOnce(rest.next, signal);
  assert.equal(three.damaged, 1);
  await flip(first.path, 9);
  await runRound(three, rest.next);
  assert.equal(three.state, "ok");
});

test("a missing original is damage, until its file is deleted", async () => {
  const last = files.at(-1);
  assert.ok(last !== undefined);
  await rm(last.path);
  const one = scrubber();
  await runRound(one);
  assert.equal(one.damaged, 1);
  await on.catalogue.run(deleteFile, { teamId: team, fileId: last.file, removalTaskId: on.ids.next("task") });
  await runRound(one);
  assert.equal(one.state, "ok");
});

test("a disk that is away says nothing about any original", async () => {
  const one = new Scrubber({
    catalogue: on.catalogue,
    blobs: await openFsBlobStore({ root: join(root, "away") }),
    log,
    metrics,
  });
  await rm(join(root, "away"), { recursive: true });
  await assert.rejects(runRound(one));
  assert.equal(one.damaged, 0);
});

test("a process that may open no more files takes no original for damaged", async () => {
  const lacking: BlobStore["read"] = async function* () {
    yield await Promise.reject(storeError("read a blob", Object.assign(new Error("no more"), { code: "EMFILE" })));
  };
  const one = new Scrubber({
    catalogue: on.catalogue,
    blobs: { ...blobMethods(blobs), read: lacking },
    log,
    metrics,
  });
  await assert.rejects(runRound(one));
  assert.equal(one.damaged, 0);
});

test("it stops within a chunk's time, however slow it is, and reads no faster than it may", async () => {
  const { catalogue } = on;
  const stopping = new AbortController();
  const running = new ChoreLoop(scrubber(1000), { catalogue, log, metrics }).run(null, stopping.signal);
  const began = performance.now();
  while (metrics.expose([]).includes("wharf_scrubbed_bytes_total 0\n")) await new Promise(setImmediate);
  stopping.abort();
  await running;
  assert.ok(performance.now() - began < 60_000);
  assert.deepEqual(await catalogue.run(readPositions, {}), [], "nothing that was not compared counts as done");
  const paced = scrubber(200 * 300 * 2);
  const from = performance.now();
  await runRound(paced);
  assert.ok(performance.now() - from > 400, "half a second for all of them");
});
