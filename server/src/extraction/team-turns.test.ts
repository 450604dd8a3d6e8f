import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as soon, setTimeout as wait } from "node:timers/promises";
import { TeamTurns, type Turn } from "./team-turns.ts";

const never = new AbortController().signal;
const patient = { atOnce: 2, turnMs: () => 60_000 };

async function hasBegun(turn: Promise<Turn>): Promise<boolean> {
  return (await Promise.race([turn, soon(null)])) !== null;
}

test("as many of a team's documents are read at once as there may be, the next in order of arrival", async () => {
  const turns = new TeamTurns(patient);
  const [first, second] = [await turns.begin("a", never), await turns.begin("a", never)];
  const [third, fourth] = [turns.begin("a", never), turns.begin("a", never)];
  assert.equal(await hasBegun(third), false);
  first.end();
  first.end();
  assert.equal(await hasBegun(third), true);
  assert.equal(await hasBegun(fourth), false);
  second.end();
  assert.equal(await hasBegun(fourth), true);
});

test("teams do not wait for each other", async () => {
  const turns = new TeamTurns({ ...patient, atOnce: 1 });
  await turns.begin("a", never);
  const waiting = turns.begin("a", never);
  assert.equal(await hasBegun(turns.begin("b", never)), true);
  assert.equal(await hasBegun(waiting), false);
});

test("who is read for long keeps nobody waiting, and its end frees no second turn", async () => {
  const turns = new TeamTurns({ atOnce: 1, turnMs: () => 1 });
  const long = await turns.begin("a", never);
  long.reads();
  const second = await turns.begin("a", never);
  long.end();
  // Still the second one's turn.
  assert.equal(await hasBegun(turns.begin("a", never)), false);
  second.end();
});

test("while a reader starts for it, a turn goes on: the next one would have another reader started", async () => {
  const turns = new TeamTurns({ atOnce: 1, turnMs: () => 1 });
  const first = await turns.begin("a", never);
  const second = turns.begin("a", never);
  await wait(20);
  assert.equal(await hasBegun(second), false);
  first.reads();
  await second;
});

test("how long a turn lasts is asked when its reading begins, team by team", async () => {
  const turns = new TeamTurns({ atOnce: 1, turnMs: (teamId) => (teamId === "a" ? 1 : 60_000) });
  for (const team of ["a", "b"]) (await turns.begin(team, never)).reads();
  await turns.begin("a", never);
  assert.equal(await hasBegun(turns.begin("b", never)), false);
});

test("who is aborted while waiting leaves the line, and one that was aborted before has no turn", async () => {
  const turns = new TeamTurns({ ...patient, atOnce: 1 });
  const abort = new AbortController();
  const first = await turns.begin("a", never);
  const second = turns.begin("a", abort.signal);
  const third = turns.begin("a", never);
  abort.abort(new Error("stop"));
  await assert.rejects(second, /stop/);
  await assert.rejects(turns.begin("a", abort.signal), /stop/);
  first.end();
  assert.equal(await hasBegun(third), true);
});
