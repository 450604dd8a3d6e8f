import assert from "node:assert/strict";
import { test } from "node:test";
import { createDirectorySync } from "./directory-sync.ts";

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
