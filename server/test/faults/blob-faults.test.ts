import assert from "node:assert/strict";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, test } from "node:test";
import type { SegmentedStore, StoredEntry } from "../../src/blobs/blob-store.ts";
import { openFsBlobStore } from "../../src/blobs/fs.ts";
import { blobPath, readPath, segmentFolder } from "../../src/blobs/fs-layout.ts";
import { storedKey } from "../../src/blobs/keys.ts";
import { everyEntry } from "../../src/blobs/test-entries.ts";
import { brandId } from "../../src/ids.ts";
import { BLOBS, partOf, runScenario, SESSIONS } from "./blob-scenario.ts";
import { compileFaultFs, type Fault, type FileOperation, readFaultLog, runWithFault } from "./fault-fs.ts";

const FOLDERS = new Set([
  "originals/00",
  ...[...BLOBS.keys()].map(blobPath).map(dirname),
  ...SESSIONS.map(segmentFolder),
])
  .values()
  .toArray();
const SCENARIO = join(import.meta.dirname, "blob-scenario.ts");
const folder = await mkdtemp(join(tmpdir(), "wharf-faults-"));
after(() => rm(folder, { recursive: true, force: true }));
const compiled = await compileFaultFs(folder);
const skip = "missing" in compiled ? compiled.missing : false;
const shim = "shim" in compiled ? compiled.shim : "";

/** A store's folder that one run after the other may use. */
interface Ground {
  readonly root: string;
  readonly log: string;
}

test("every file operation may fail or be the last one: nothing promised is lost, nothing partial is shown, and a retry succeeds", {
  skip,
}, async (t) => {
  const grounds = await Promise.all(["a", "b", "c"].map(makeGround));
  const operations = await cleanRun(await makeGround("clean"));
  const faults = operations.flatMap(faultsOf);
  assert.ok(operations.length > 50, "the scenario is seen by the fault shim");
  const violations: string[] = [];
  const queue = faults.values();
  // Three at a time, each in a folder of its own.
  await Promise.all(
    grounds.map(async (ground) => {
      for (const { operation, act } of queue) {
        const found = await survive(ground, operation, { at: operation.n, act });
        violations.push(...found.map((what) => `${act} at ${operation.n} ${operation.op} ${operation.path}: ${what}`));
      }
    }),
  );
  t.diagnostic(`${faults.length} faults at ${operations.length} operations`);
  assert.deepEqual(violations, []);
  for (const { root } of grounds) assert.deepEqual(await collectAll(everyEntry(await openFsBlobStore({ root }))), []);
});

test("publish names a file only when its bytes are on disk, and promises only when the name is", { skip }, async () => {
  const ground = await makeGround("order");
  const all = (await cleanRun(ground)).map((operation) => describe(operation, ground.root));
  // What comes before the first segment is the opening of the store.
  const steps = all.slice(all.findIndex((step) => step.startsWith("create segments")));
  const between = (from: RegExp, to: RegExp) => {
    const start = steps.findIndex((step) => from.test(step));
    return steps.slice(start, steps.findIndex((step, index) => index > start && to.test(step)) + 1);
  };
  const copied = between(/^create originals\/.*\.tmp/, /^promise blob/).filter((step) => !/^(open|read)/.test(step));
  assert.deepEqual(copied, [
    "create originals/* .tmp",
    "write originals/* .tmp",
    "fsync originals/* .tmp",
    "link originals/* .tmp originals/* blob",
    "unlink originals/* .tmp",
    "fsync originals/*",
    "promise blob",
  ]);
  const linked = between(/^link segments/, /^promise blob/);
  assert.deepEqual(linked, [
    "link segments/* segment originals/* blob",
    "open originals/*",
    "fsync originals/*",
    "promise blob",
  ]);
  const segment = between(/^create segments/, /^promise segment/);
  assert.deepEqual(segment, [
    "create segments/* segment",
    "write segments/* segment",
    "fsync segments/* segment",
    "open segments/*",
    "fsync segments/*",
    "promise segment",
  ]);
});

test("after a failed fsync of a folder the name is written anew, never just fsynced again", { skip }, async () => {
  const ground = await makeGround("suspect");
  const link = (await cleanRun(ground)).find(({ op, path }) => op === "link" && path.includes("/segments/"));
  assert.ok(link !== undefined);
  await makeEmpty(ground);
  // link, open the folder, fsync the folder
  const { code, err } = await run(ground, { at: link.n + 2, act: "5" });
  assert.equal(code, 0, err);
  const target = link.more[0] ?? "";
  const about = (await readFaultLog(ground.log)).filter(
    ({ op, path, more }) =>
      more[0] === target ||
      (op === "fsync" && (path === dirname(target) || path.startsWith(`${dirname(target)}/.tmp-`))),
  );
  assert.deepEqual(
    about.map(
      ({ op, path }) =>
        `${op} ${path.includes("/.tmp-") ? "temporary" : path === dirname(target) ? "folder" : "segment"}`,
    ),
    ["link segment", "fsync folder", "fsync temporary", "rename temporary", "fsync folder"],
  );
});

test("a segment whose cut may not be on disk is copied, never linked, however often the cut is asked for again", {
  skip,
}, async () => {
  const ground = await makeGround("cut");
  const operations = await cleanRun(ground);
  const linked = operations.find(({ op, path }) => op === "link" && path.includes("/segments/"))?.path;
  const cut = operations.find(({ op, path }) => op === "truncate" && path === linked);
  assert.ok(cut !== undefined);
  await makeEmpty(ground);
  // truncate, fsync
  const { code, err } = await run(ground, { at: cut.n + 1, act: "5" });
  assert.equal(code, 0, err);
  const after = await readFaultLog(ground.log);
  assert.deepEqual(
    after.filter(({ n, path }) => n === cut.n + 1 && path === linked).map(({ op }) => op),
    ["fsync"],
  );
  assert.deepEqual(
    after.filter(({ op, path }) => op === "link" && path === linked),
    [],
  );
});

/** Runs the scenario with the fault, in an empty store that it leaves empty, and says what broke. */
async function survive(ground: Ground, operation: FileOperation, fault: Fault): Promise<string[]> {
  const { code, signal, out, err } = await run(ground, fault);
  const promises = out.split("\n").filter((line) => line !== "");
  const violations: string[] = [];
  const store = await openFsBlobStore({ root: ground.root });
  const found = await entriesIn(ground.root);
  violations.push(...(await audit(store, found, promises)));
  const killed = ["kill", "killafter", "torn"].includes(fault.act);
  if (killed && signal !== "SIGKILL") violations.push(`was not killed (${code}): ${err}`);
  // While the store opens, an error may stop the start: then nothing was promised.
  if (!killed && code !== 0 && promises.length > 0) violations.push(`ended with ${code}: ${err}`);
  const litter = found.filter((entry) => entry.kind === "temporary");
  if (!killed && code === 0 && operation.op !== "unlink" && litter.length > 0)
    violations.push(`left ${JSON.stringify(litter)}`);
  // The next process finds what is there and does the whole job again.
  const again: string[] = [];
  await runScenario(store, 100, (line) => again.push(line));
  const rest = await entriesIn(ground.root);
  const kept = promises.filter((line) => !line.startsWith("segment "));
  violations.push(...(await audit(store, rest, [...kept, ...again])));
  for (const entry of rest) await store.removeEntry(entry);
  return violations;
}

/** Holds the store to its promises (I1), and to showing nothing half (I2). */
async function audit(
  store: SegmentedStore,
  found: readonly StoredEntry[],
  promises: readonly string[],
): Promise<string[]> {
  const violations: string[] = [];
  const withdrawn = new Set<string>();
  for (const [index, line] of promises.entries()) {
    const [what, subject = "", part, epoch, bytes] = line.split(" ");
    const later = promises.slice(index + 1);
    if (what === "segment" && !later.includes(`dropped ${subject}`) && !withdrawn.has(subject)) {
      const segment = { epoch: Number(epoch), bytes: Number(bytes) };
      const there = await collect(store.readSegments(brandId("sess", subject), [segment])).catch(String);
      if (typeof there === "string" || !there.equals(partOf(subject, Number(part)).subarray(0, segment.bytes)))
        violations.push(`promised ${line}, found ${typeof there === "string" ? there : "other bytes"}`);
    }
    if (what === "dropped") withdrawn.add(subject);
    if (what === "blob" && !later.includes(`forget ${subject}`) && (await store.size(storedKey(subject))) === null)
      violations.push(`promised ${line}, found nothing`);
    if (what === "removed" && !later.includes(`blob ${subject}`) && (await store.size(storedKey(subject))) !== null)
      violations.push(`promised ${line}, and it is there`);
  }
  for (const entry of found) {
    if (entry.kind === "segment" || entry.kind === "temporary") continue;
    const there = await collect(store.read(entry.key));
    if (BLOBS.get(entry.key)?.equals(there) !== true) violations.push(`${entry.key} shows ${there.length} other bytes`);
  }
  return violations;
}

/**
 * What can go wrong at an operation. ENOSPC is no answer of open, read or unlink. Dying after an operation is the same
 * as dying before the next, unless something was promised in between.
 */
function faultsOf(
  operation: FileOperation,
  index: number,
  all: readonly FileOperation[],
): { operation: FileOperation; act: string }[] {
  if (operation.n === 0) return [];
  const acts = ["5", "kill"];
  if (["create", "write", "fsync", "link", "mkdir"].includes(operation.op)) acts.push("28");
  if (operation.op === "write") acts.push("torn", "short");
  if (all[index + 1]?.n === 0) acts.push("killafter");
  return acts.map((act) => ({ operation, act }));
}

async function makeGround(name: string): Promise<Ground> {
  const root = join(folder, name);
  await openFsBlobStore({ root });
  return { root, log: join(folder, `${name}.log`) };
}

async function makeEmpty(ground: Ground): Promise<void> {
  await rm(ground.log, { force: true });
  const store = await openFsBlobStore({ root: ground.root });
  for await (const entry of everyEntry(store)) await store.removeEntry(entry);
}

async function run(ground: Ground, fault: Fault) {
  return runWithFault({
    shim,
    root: ground.root,
    log: ground.log,
    fault,
    program: SCENARIO,
    args: [ground.root, "1", ground.log],
  });
}

async function cleanRun(ground: Ground): Promise<FileOperation[]> {
  await makeEmpty(ground);
  const { code, err } = await run(ground, { at: 0, act: "5" });
  assert.equal(code, 0, err);
  return readFaultLog(ground.log);
}

/** `create originals/ab/.tmp-1-2` as "create originals/* .tmp": what it is, without names that change. */
function describe({ op, path, more }: FileOperation, root: string): string {
  if (op === "promise") return `promise ${path}`;
  const kind = (absolute: string) => {
    const [area = "", , name] = absolute.slice(root.length + 1).split("/");
    if (name === undefined) return `${area}/*`;
    if (name.startsWith(".tmp-")) return `${area}/* .tmp`;
    return `${area}/* ${area === "segments" ? "segment" : "blob"}`;
  };
  return [op, kind(path), ...more.filter((text) => text.startsWith(root)).map(kind)].join(" ");
}

/** What lies in the folders that the scenario uses: reading all 768 would take most of the test's time. */
async function entriesIn(root: string): Promise<StoredEntry[]> {
  const paths = await Promise.all(
    FOLDERS.map(async (name) => (await readdir(join(root, name))).map((file) => `${name}/${file}`)),
  );
  return paths.flat().flatMap((path) => readPath(path, 0, 0) ?? []);
}

async function collectAll<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of stream) all.push(item);
  return all;
}

async function collect(stream: AsyncIterable<Uint8Array>): Promise<Buffer> {
  return Buffer.concat(await collectAll(stream));
}
