import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, readlink, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { createDirectorySync, OpenFolders } from "./directory-sync.ts";

/** An fsync whose calls end when the test says so. */
function controlled() {
  const calls: { directory: string; end: PromiseWithResolvers<void> }[] = [];
  const fsync = (directory: string) => {
    const end = Promise.withResolvers<void>();
    calls.push({ directory, end });
    return end.promise;
  };
  return { calls, sync: createDirectorySync(fsync) };
}

const settle = () => new Promise((resolve) => setImmediate(resolve));

test("callers who come while an fsync runs share the next one, never that one", async () => {
  const { calls, sync } = controlled();
  const done: string[] = [];
  const call = (name: string) => sync.sync("/d").then(() => done.push(name));
  const all = [call("first"), call("second"), call("third")];
  await settle();
  assert.equal(calls.length, 1);
  calls[0]?.end.resolve();
  await settle();
  assert.deepEqual(done, ["first"]);
  assert.equal(calls.length, 2);
  all.push(call("fourth"));
  calls[1]?.end.resolve();
  await settle();
  assert.deepEqual(done, ["first", "second", "third"]);
  assert.equal(calls.length, 3);
  calls[2]?.end.resolve();
  await Promise.all(all);
});

test("directories do not wait for each other", async () => {
  const { calls, sync } = controlled();
  const a = sync.sync("/a");
  const b = sync.sync("/b");
  assert.deepEqual(
    calls.map((call) => call.directory),
    ["/a", "/b"],
  );
  calls[1]?.end.resolve();
  await b;
  calls[0]?.end.resolve();
  await a;
});

test("a failed fsync fails all who shared it, spares the next, and leaves the directory suspect", async () => {
  const { calls, sync } = controlled();
  const running = sync.sync("/d");
  const shared = [sync.sync("/d"), sync.sync("/d")];
  calls[0]?.end.resolve();
  await running;
  await settle();
  calls[1]?.end.reject(new Error("EIO"));
  for (const promise of shared) await assert.rejects(promise, /EIO/);
  assert.ok(sync.isSuspect("/d"));
  assert.ok(!sync.isSuspect("/e"));
  const next = sync.sync("/d");
  assert.equal(calls.length, 3);
  calls[2]?.end.resolve();
  await next;
  assert.ok(sync.isSuspect("/d"), "it stays so until the process ends: what was lost before is unknown");
});

test("folders stay open up to a limit, the ones used last, and none after the close", {
  skip: process.platform !== "linux" && "needs /proc/self/fd",
}, async (t) => {
  const root = await mkdtemp(join(tmpdir(), "wharf-folders-"));
  t.after(() => rm(root, { recursive: true }));
  const names = ["a", "b", "c", "d"];
  for (const name of names) await mkdir(join(root, name));
  const open = async () => {
    const fds = await readdir("/proc/self/fd");
    const targets = await Promise.all(fds.map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => "")));
    return targets.filter((target) => target.startsWith(root)).map((target) => target.slice(root.length + 1));
  };
  const folders = new OpenFolders(2);
  // All at once: none is closed under its fsync.
  await Promise.all(names.map((name) => folders.fsync(join(root, name))));
  await settle();
  for (const name of ["b", "d", "b", "a"]) await folders.fsync(join(root, name));
  await folders.close();
  assert.deepEqual(await open(), []);
  for (const name of ["b", "d", "b", "a"]) await folders.fsync(join(root, name));
  while ((await open()).length > 2) await settle();
  assert.deepEqual((await open()).toSorted(), ["a", "b"]);
  await folders.close();
  await assert.rejects(folders.fsync(join(root, "absent")), /ENOENT/);
  await assert.rejects(folders.fsync(join(root, "absent")), /ENOENT/);
  assert.deepEqual(await open(), []);
});
