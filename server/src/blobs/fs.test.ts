import assert from "node:assert/strict";
import { mkdtemp, readdir, readlink, rename, rm, stat, truncate, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, test } from "node:test";
import { brandId, createIdSource, type SessionId } from "../ids.ts";
import { describeBlobStore } from "./blob-store.conformance.ts";
import type { StoredEntry } from "./blob-store.ts";
import { openFsBlobStore } from "./fs.ts";
import { blobPath, segmentPath } from "./fs-layout.ts";
import { originalKey, textKey } from "./keys.ts";
import { describeSegmentStore } from "./segment-store.conformance.ts";
import { openTestArchive } from "./test-archive.ts";
import { everyEntry } from "./test-entries.ts";

const folders: string[] = [];
after(async () => {
  for (const folder of folders) await rm(folder, { recursive: true, force: true });
});

async function tempRoot(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "wharf-blobs-"));
  folders.push(folder);
  return join(folder, "data", "blobs");
}

const open = async () => openFsBlobStore({ root: await tempRoot() });
describeBlobStore("fs", async () => ({ store: await open(), archive: await openTestArchive(await tempRoot()) }), {
  skip: [],
});
describeSegmentStore("fs", open, { skip: [] });

const SESSION: SessionId = brandId("sess", "sess_0000000001abcdefghjkmnpqrs");
const KEY = originalKey(SESSION, "ab".repeat(32));
const TEXT = textKey(brandId("file", "file_0000000001abcdefghjkmnpqrs"), "task_1_1");

async function* once(text: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text);
}

test("folders are 0700 and files 0600, and no write makes a folder", async () => {
  const root = await tempRoot();
  const store = await openFsBlobStore({ root });
  const before = await readdir(root, { recursive: true });
  assert.equal(before.length, 3 + 3 * 256);
  for (const name of ["", ...before]) assert.equal((await stat(join(root, name))).mode & 0o7777, 0o700, name);
  const writer = await store.beginSegment(SESSION, 1);
  await writer.append([Buffer.from("abc")]);
  await writer.sync();
  await writer.close();
  await store.publish(SESSION, [{ epoch: 1, bytes: 3 }], KEY);
  await store.put(TEXT, once("page"));
  const made = (await readdir(root, { recursive: true })).filter((name) => !before.includes(name));
  assert.deepEqual(made.sort(), [blobPath(KEY), segmentPath(SESSION, 1), blobPath(TEXT)].sort());
  for (const name of made) assert.equal((await stat(join(root, name))).mode & 0o7777, 0o600, name);
});

test("what one process stored, the next one finds", async () => {
  const root = await tempRoot();
  await (await openFsBlobStore({ root })).put(TEXT, once("page"));
  const reopened = await openFsBlobStore({ root });
  assert.equal(await reopened.size(TEXT), 4);
});

test("a whole segment is linked, not copied; one that is longer than its record is copied", async () => {
  const root = await tempRoot();
  const store = await openFsBlobStore({ root });
  const writer = await store.beginSegment(SESSION, 1);
  await writer.append([Buffer.from("abcdef")]);
  await writer.sync();
  await writer.close();
  const short = originalKey(SESSION, "cd".repeat(32));
  await store.publish(SESSION, [{ epoch: 1, bytes: 6 }], KEY);
  await store.publish(SESSION, [{ epoch: 1, bytes: 4 }], short);
  const inode = async (path: string) => (await stat(join(root, path))).ino;
  assert.equal(await inode(blobPath(KEY)), await inode(segmentPath(SESSION, 1)));
  assert.notEqual(await inode(blobPath(short)), await inode(segmentPath(SESSION, 1)));
});

test("a disk that is not mounted is unavailable: nothing on it counts as missing or removed", async () => {
  const root = await tempRoot();
  const store = await openFsBlobStore({ root });
  await store.put(KEY, once("abc"));
  await rename(root, `${root}-elsewhere`);
  const unavailable = { name: "BlobStoreError", failure: "unavailable" };
  const calls: Record<string, () => Promise<unknown>> = {
    size: () => store.size(KEY),
    read: () => collect(store.read(KEY)),
    readSegments: () => collect(store.readSegments(SESSION, [{ epoch: 1, bytes: 1 }])),
    publish: () => store.publish(SESSION, [{ epoch: 1, bytes: 1 }], KEY),
    put: () => store.put(KEY, once("abc")),
    remove: () => store.remove(KEY),
    removeSegments: () => store.removeSegments(SESSION),
    cutSegment: () => store.cutSegment(SESSION, 1, 1),
    cutSegmentToNone: () => store.cutSegment(SESSION, 1, 0),
    beginSegment: () => store.beginSegment(SESSION, 1),
    list: () => store.list("originals", null),
    check: () => store.check(),
  };
  for (const [name, call] of Object.entries(calls)) await assert.rejects(call(), unavailable, name);
  await rename(`${root}-elsewhere`, root);
  assert.equal(await store.size(KEY), 3);
});

test("a leftover of a dead process is listed with its age and can be removed", async () => {
  const root = await tempRoot();
  const store = await openFsBlobStore({ root, clock: { now: () => 10_000_000 } });
  const name = join(dirname(blobPath(TEXT)), ".tmp-0123456789abcdef-7");
  await writeFile(join(root, name), "half");
  await utimes(join(root, name), 9_000, 9_000);
  assert.deepEqual(await collect(everyEntry(store)), [{ kind: "temporary", name, ageMs: 1_000_000 }]);
  await store.removeEntry({ kind: "temporary", name, ageMs: 1_000_000 });
  assert.deepEqual(await collect(everyEntry(store)), []);
});

test("a temporary file that is being written has age 0, whatever the clock says", async () => {
  const root = await tempRoot();
  const store = await openFsBlobStore({ root, clock: { now: () => Date.now() + 86_400_000 } });
  let during: StoredEntry[] = [];
  async function* slow(): AsyncGenerator<Uint8Array> {
    yield Buffer.from("abc");
    during = await collect(everyEntry(store));
  }
  await store.put(TEXT, slow());
  assert.deepEqual(
    during.map((entry) => entry.kind === "temporary" && entry.ageMs),
    [0],
  );
});

test("files that are not ours are neither listed nor removed", async () => {
  const root = await tempRoot();
  const store = await openFsBlobStore({ root });
  const inOrder = blobPath(KEY);
  const wrongShard = inOrder.replace(/\/[0-9a-f]{2}\//, (shard) => (shard === "/00/" ? "/01/" : "/00/"));
  const strangers = [
    "originals/00/notes.txt",
    "segments/00/sess_x",
    "text/00/file_x.json",
    wrongShard,
    "originals/00/.tmp-../x",
  ];
  for (const name of strangers.slice(0, 4)) await writeFile(join(root, name), "mine");
  assert.deepEqual(await collect(everyEntry(store)), []);
  for (const name of [...strangers, "../outside"])
    await assert.rejects(store.removeEntry({ kind: "temporary", name, ageMs: 0 }), /not an entry/, name);
});

test("a blob that lost bytes on disk is damaged to a reader who knows its length", async () => {
  const root = await tempRoot();
  const store = await openFsBlobStore({ root });
  await store.put(KEY, once("abcdef"));
  await truncate(join(root, blobPath(KEY)), 3);
  await assert.rejects(collect(store.read(KEY, { start: 0, end: 6 })), { failure: "damaged" });
});

test("a reader that leaves early or fails leaves no file open, and a closed store nothing at all", async () => {
  const root = await tempRoot();
  const store = await openFsBlobStore({ root });
  await store.put(KEY, once("x".repeat(600_000)));
  const opened = async () => {
    const targets = await Promise.all(
      (await readdir("/proc/self/fd")).map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => "")),
    );
    return targets.filter((target) => target.startsWith(root));
  };
  for await (const _ of store.read(KEY)) break;
  await assert.rejects(collect(store.read(KEY, { start: 0, end: 600_001 })));
  await assert.rejects(collect(store.readSegments(SESSION, [{ epoch: 1, bytes: 1 }])));
  assert.deepEqual(await opened(), [dirname(join(root, blobPath(KEY)))]);
  await store.close();
  assert.deepEqual(await opened(), []);
});

test("ids spread over the shards", async () => {
  const ids = createIdSource({ now: () => 1_700_000_000_000 });
  const counts = new Map<string, number>();
  for (let n = 0; n < 25_600; n++) {
    const shard = dirname(segmentPath(ids.next("sess"), 1));
    counts.set(shard, (counts.get(shard) ?? 0) + 1);
  }
  assert.equal(counts.size, 256);
  assert.ok(Math.max(...counts.values()) < 160, "the fullest of 256 shards holds less than 1.6 times its part");
});

test("a folder that cannot be written stops the start with a sentence", async () => {
  const root = await tempRoot();
  await openFsBlobStore({ root });
  await rm(join(root, "originals", "00"), { recursive: true });
  await writeFile(join(root, "originals", "00"), "not a folder");
  await assert.rejects(openFsBlobStore({ root }), /must be writable and on a file system with hard links/);
});

async function collect<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of stream) all.push(item);
  return all;
}
