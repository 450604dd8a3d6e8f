import assert from "node:assert/strict";
import { mkdtemp, open, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { FsSegmentWriter } from "./fs-segment-writer.ts";

const folder = await mkdtemp(join(tmpdir(), "wharf-writer-"));
after(() => rm(folder, { recursive: true, force: true }));

const quiet = { syncName: async () => {}, closed: () => {}, log: undefined };

test("a failed fsync is never tried again: every later append and sync rejects with it", async () => {
  let tries = 0;
  const syncName = async () => {
    tries++;
    throw Object.assign(new Error("input/output error"), { code: "EIO" });
  };
  const writer = new FsSegmentWriter(await open(join(folder, "poisoned"), "wx"), { ...quiet, syncName });
  await writer.append([Buffer.from("abc")]);
  const failed = { name: "BlobStoreError", failure: "unavailable", message: /input\/output error/ };
  await assert.rejects(writer.sync(), failed);
  await assert.rejects(writer.sync(), failed);
  await assert.rejects(writer.append([Buffer.from("def")]), failed);
  await writer.close();
  assert.equal(tries, 1);
  assert.equal(await readFile(join(folder, "poisoned"), "utf8"), "abc");
});

test("the file's name is fsynced once, the file each time", async () => {
  let names = 0;
  const syncName = async () => {
    names++;
  };
  const writer = new FsSegmentWriter(await open(join(folder, "named"), "wx"), { ...quiet, syncName });
  for (const text of ["a", "b", "c"]) {
    await writer.append([Buffer.from(text)]);
    await writer.sync();
  }
  await writer.close();
  assert.equal(names, 1);
});

test("after an append that found the disk full no append tries again, and the length is not claimed", async () => {
  const lengths: (number | null)[] = [];
  const handle = await open("/dev/full", "r+");
  const writer = new FsSegmentWriter(handle, { ...quiet, closed: (bytes) => lengths.push(bytes) });
  const full = { name: "BlobStoreError", failure: "full" };
  await assert.rejects(writer.append([Buffer.from("abc")]), full);
  await assert.rejects(writer.append([Buffer.from("def")]), full);
  await writer.close();
  assert.deepEqual(lengths, [null]);
});

test("what was appended before a failed append can still be made durable", async () => {
  const path = join(folder, "kept");
  const handle = await open(path, "wx");
  const writer = new FsSegmentWriter(handle, quiet);
  await writer.append([Buffer.from("kept")]);
  // Not what Node takes for a chunk: the call fails before it writes.
  const impossible = new Proxy(new Uint8Array(1), {});
  await assert.rejects(writer.append([impossible]), { name: "BlobStoreError" });
  await assert.rejects(writer.append([Buffer.from("more")]), { name: "BlobStoreError" });
  await writer.sync();
  await writer.close();
  assert.equal(await readFile(path, "utf8"), "kept");
});
