import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, test } from "node:test";
import { openFsBlobStore } from "../../src/blobs/fs.ts";
import { blobPath, segmentPath } from "../../src/blobs/fs-layout.ts";
import { storedKey } from "../../src/blobs/keys.ts";
import { brandId } from "../../src/ids.ts";
import { crashStates, type DiskState, type Effect, effectsOf } from "./crash-states.ts";
import { compileFaultFs, readFaultLog, runWithFault } from "./fault-fs.ts";

const folder = await mkdtemp(join(tmpdir(), "wharf-crash-"));
after(() => rm(folder, { recursive: true, force: true }));
const compiled = await compileFaultFs(folder);
const skip = "missing" in compiled ? compiled.missing : false;
const root = join(folder, "blobs");
const recorded = "shim" in compiled ? await record(compiled.shim) : [];

test("no power cut at any moment loses a promise or shows half a file", { skip }, (t) => {
  let states = 0;
  const violations = new Set<string>();
  for (const found of violationsOf(recorded)) {
    states++;
    for (const violation of found) violations.add(violation);
  }
  t.diagnostic(`${states} states of ${recorded.length} effects`);
  assert.ok(states > 1000);
  assert.deepEqual([...violations], []);
});

/** Protocols that leave one thing out, as anybody might: the enumeration must see each. */
const MUTANTS: Record<string, (effects: readonly Effect[]) => Effect[]> = {
  "no fsync of files": (effects) => effects.filter(({ kind }) => kind !== "fsync"),
  "no fsync of folders": (effects) => effects.filter(({ kind }) => kind !== "fsync-folder"),
  "promise before the folder's fsync": (effects) => swapBefore(effects, "promise", "fsync-folder"),
  "name before the file's fsync": (effects) => swapBefore(effects, "name", "fsync"),
  "written under its final name": writeInPlace,
  "publish takes the segment away": consumeSegments,
  "a segment is cut without an fsync": withoutFsyncOfCut,
};

for (const [name, mutate] of Object.entries(MUTANTS)) {
  test(`the enumeration sees a protocol with a fault: ${name}`, { skip }, () => {
    const mutant = mutate(recorded);
    assert.notDeepEqual(mutant, recorded);
    assert.ok(violationsOf(mutant).some((found) => found.length > 0));
  });
}

/** Runs the scenario and returns what it did after the store was open. */
async function record(shim: string): Promise<Effect[]> {
  await openFsBlobStore({ root });
  const log = join(folder, "log");
  const program = join(import.meta.dirname, "blob-scenario.ts");
  const run = await runWithFault({ shim, root, log, fault: { at: 0, act: "5" }, program, args: [root, "1", log] });
  assert.equal(run.code, 0, run.err);
  const operations = await readFaultLog(log);
  return effectsOf(
    operations.slice(operations.findIndex(({ op, path }) => op === "create" && path.includes("/segments/"))),
  );
}

/** What is wrong with each state that a disk may show. */
function* violationsOf(effects: readonly Effect[]): Generator<string[]> {
  const whole = lengths(effects);
  for (const state of crashStates(effects)) yield check(state, effects, whole);
}

/** I1: what was promised is there. I2: a blob that is visible is whole. */
function check(state: DiskState, effects: readonly Effect[], whole: ReadonlyMap<number, number>): string[] {
  const blocksOf = (path: string) => state.blocks.get(state.names.get(path) ?? -1) ?? new Set<number>();
  const isWhole = (path: string, blocks: number | undefined) =>
    blocks !== undefined &&
    state.names.has(path) &&
    Array.from({ length: blocks }, (_, block) => block).every((block) => blocksOf(path).has(block));
  const lost = state.promises.filter((line, index) => {
    const [what, subject = "", , epoch] = line.split(" ");
    const later = state.promises.slice(index + 1);
    if (what === "segment" && !later.includes(`dropped ${subject}`))
      return !isWhole(join(root, segmentPath(brandId("sess", subject), Number(epoch))), blocksBefore(effects, line));
    if (what !== "blob" || later.includes(`forget ${subject}`)) return false;
    const path = join(root, blobPath(storedKey(subject)));
    return !isWhole(path, whole.get(state.names.get(path) ?? -1));
  });
  const partial = [...state.names].filter(
    ([path, file]) => isBlob(path) && !(isWhole(path, whole.get(file)) && blocksOf(path).size === whole.get(file)),
  );
  const revived = state.promises
    .filter((line) => line.startsWith("removed "))
    .filter((line) => state.names.has(join(root, blobPath(storedKey(line.slice(8))))));
  return [
    ...lost.map((line) => `lost: ${line}`),
    ...partial.map(([path]) => `half: ${path}`),
    ...revived.map((line) => `back: ${line}`),
  ];
}

/** How many blocks each file has in the end. */
function lengths(effects: readonly Effect[]): Map<number, number> {
  const blocks = new Map<number, number>();
  for (const effect of effects) {
    if (effect.kind === "write") blocks.set(effect.file, effect.block + 1);
    if (effect.kind === "cut") blocks.set(effect.file, effect.block);
  }
  return blocks;
}

/** How many blocks the segment of a promise had when it was promised. */
function blocksBefore(effects: readonly Effect[], line: string): number {
  const before = effects.slice(
    0,
    effects.findIndex((effect) => effect.kind === "promise" && effect.line === line),
  );
  const [, session = "", , epoch] = line.split(" ");
  const path = join(root, segmentPath(brandId("sess", session), Number(epoch)));
  const made = before.find((effect) => effect.kind === "name" && effect.add === path);
  return before.filter((effect) => effect.kind === "write" && made?.kind === "name" && effect.file === made.file)
    .length;
}

function isBlob(path: string): boolean {
  return /\/(originals|text)\/..\/[^.]/.test(path);
}

/** Moves each effect of one kind before the nearest earlier one of another. */
function swapBefore(effects: readonly Effect[], early: Effect["kind"], late: Effect["kind"]): Effect[] {
  const order = [...effects];
  for (let index = 0; index < order.length; index++) {
    const effect = order[index];
    if (effect?.kind !== early) continue;
    const barrier = order.slice(0, index).findLastIndex(({ kind }) => kind === late);
    if (barrier < 0) continue;
    order.splice(index, 1);
    order.splice(barrier, 0, effect);
  }
  return order;
}

/** Of the last one alone, whose segment is linked: each cut that may be undone takes 64 times as many states. */
function withoutFsyncOfCut(effects: readonly Effect[]): Effect[] {
  const last = effects.findLastIndex((effect) => effect.kind === "cut");
  return effects.filter((_, index) => index !== last + 1);
}

/** Temporary files get their final name from the start. */
function writeInPlace(effects: readonly Effect[]): Effect[] {
  const finals = new Map<number, string>();
  for (const effect of effects)
    if (effect.kind === "name" && effect.add !== undefined && isBlob(effect.add)) finals.set(effect.file, effect.add);
  const temporary = (path: string | undefined) => path?.includes("/.tmp-") === true;
  const files = new Set(
    effects.flatMap((effect) => (effect.kind === "name" && temporary(effect.add) ? [effect.file] : [])),
  );
  return effects.flatMap((effect): Effect[] => {
    if (effect.kind !== "name" || !files.has(effect.file)) return [effect];
    const add = finals.get(effect.file);
    return temporary(effect.add) && add !== undefined
      ? [{ kind: "name", folder: dirname(add), add, file: effect.file }]
      : [];
  });
}

/**
 * A segment is renamed to its blob where it should be linked, and may be gone from its old place before the new
 * one is durable.
 */
function consumeSegments(effects: readonly Effect[]): Effect[] {
  const names = new Map<number, string>();
  return effects.flatMap((effect): Effect[] => {
    if (effect.kind !== "name" || effect.add === undefined) return [effect];
    const before = names.get(effect.file);
    names.set(effect.file, effect.add);
    if (before === undefined || !before.includes("/segments/")) return [effect];
    return [{ kind: "name", folder: dirname(before), remove: before, file: effect.file }, effect];
  });
}
