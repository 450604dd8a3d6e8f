import assert from "node:assert/strict";
import { test } from "node:test";
import { LIMITS } from "../limits.ts";
import { isLong, type Lane, Lanes, type Place, paceOf } from "./lanes.ts";
import { TeamTurns } from "./team-turns.ts";

const never = new AbortController().signal;

/** In which a team may take all places, unless `atOnce` says how many. */
function lanesOf(places: Readonly<Record<Lane, number>>, atOnce = 99): Lanes {
  return new Lanes(places, new TeamTurns({ atOnce, turnMs: () => 60_000 }));
}

/** Whether `entering` has a place by now: everything in Lanes happens within microtasks. */
async function settled(entering: Promise<Place>): Promise<boolean> {
  const waiting = Symbol("waiting");
  const after = new Promise((resolve) => setImmediate(resolve, waiting));
  return (await Promise.race([entering, after])) !== waiting;
}

test("a lane lets in as many as it has places, the others in order of arrival", async () => {
  const lanes = lanesOf({ fast: 1, slow: 1 });
  const first = await lanes.enter("fast", "team", never);
  const second = lanes.enter("fast", "team", never);
  const third = lanes.enter("fast", "team", never);
  assert.equal(await settled(second), false);
  first.leave();
  first.leave();
  assert.equal(await settled(second), true);
  assert.equal(await settled(third), false);
});

test("slowing down frees the fast place, once, and only when the slow lane has room", async () => {
  const lanes = lanesOf({ fast: 1, slow: 1 });
  const first = await lanes.enter("fast", "team", never);
  assert.equal(first.slowDown(), true);
  assert.equal(first.slowDown(), false);
  assert.equal(first.lane, "slow");
  const second = await lanes.enter("fast", "team", never);
  assert.equal(second.slowDown(), false);
  first.leave();
  assert.equal(second.slowDown(), true);
});

test("who is aborted while waiting gives up its turn and takes no place", async () => {
  const lanes = lanesOf({ fast: 1, slow: 1 });
  const abort = new AbortController();
  const first = await lanes.enter("fast", "team", never);
  const second = lanes.enter("fast", "team", abort.signal);
  const third = lanes.enter("fast", "team", never);
  abort.abort(new Error("stop"));
  await assert.rejects(second, /stop/);
  first.leave();
  assert.equal(await settled(third), true);
  await assert.rejects(lanes.enter("fast", "team", abort.signal), /stop/);
});

test("a team's next document has its turn when one before it leaves, slows down or gives up waiting", async () => {
  const lanes = lanesOf({ fast: 3, slow: 1 }, 1);
  const first = await lanes.enter("fast", "team", never);
  const second = lanes.enter("fast", "team", never);
  assert.equal(await settled(second), false);
  const other = await lanes.enter("fast", "another team", never);
  const slow = lanes.enter("slow", "team", never);
  (await slow).leave();
  first.slowDown();
  (await second).leave();
  const abort = new AbortController();
  const [, full] = [await lanes.enter("fast", "third", never), await lanes.enter("fast", "fourth", never)];
  const given = lanes.enter("fast", "team", abort.signal);
  abort.abort(new Error("stop"));
  await assert.rejects(given, /stop/);
  full.leave();
  assert.equal(await settled(lanes.enter("fast", "team", never)), true);
  other.leave();
});

test("a place is wanted when its lane has no other left", async () => {
  const lanes = lanesOf({ fast: 2, slow: 1 });
  const first = await lanes.enter("fast", "team", never);
  assert.equal(first.wanted, false);
  const second = await lanes.enter("fast", "team", never);
  assert.equal(first.wanted, true);
  second.leave();
  assert.equal(first.wanted, false);
  assert.equal(second.wanted, false);
});

test("a slower machine gives documents as many times longer, within bounds", () => {
  const { slowLaneAfterCpuMs: cpu, fastLaneMaxMs: stay, childStartCpuMs: start, slowestMachine: most } = LIMITS;
  const cases = [
    [start / 3, 1],
    [start, 1],
    [3 * start, 3],
    [1000 * start, most],
  ] as const;
  for (const [startCpuMs, times] of cases)
    assert.deepEqual(paceOf(startCpuMs), { slowAfterCpuMs: cpu * times, fastMaxMs: stay * times });
});

test("a document is long by its own time, not by what its reader waited for a processor", () => {
  const pace = { slowAfterCpuMs: 250, fastMaxMs: 1000 };
  const cases = [
    { cpuMs: 251, stayedMs: 300, waited: 0, long: true },
    { cpuMs: 251, stayedMs: 9000, waited: 8700, long: true },
    { cpuMs: 20, stayedMs: 1001, waited: 0, long: true },
    { cpuMs: 20, stayedMs: 3000, waited: 1999, long: true },
    { cpuMs: 20, stayedMs: 3000, waited: 2000, long: false },
    { cpuMs: 250, stayedMs: 1000, waited: 0, long: false },
  ];
  for (const { waited, long, ...taken } of cases)
    assert.equal(isLong(pace, { ...taken, waitedMs: () => waited }), long, JSON.stringify({ ...taken, waited }));
});
