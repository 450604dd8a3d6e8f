import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as turnOfTheLoop } from "node:timers/promises";
import { eachInLanes } from "./lanes.ts";

test("each item is worked on once, in order, and no more at once than there are lanes", async () => {
  const taken: number[] = [];
  let [now, most] = [0, 0];
  await eachInLanes([0, 1, 2, 3, 4, 5, 6], 3, async (item) => {
    taken.push(item);
    most = Math.max(most, ++now);
    await turnOfTheLoop();
    now -= 1;
  });
  assert.deepEqual(taken, [0, 1, 2, 3, 4, 5, 6]);
  assert.equal(most, 3);
  await eachInLanes([], 3, async () => assert.fail("there is none"));
});

test("after a failure none is taken any more, and the first is told when what was under way has ended", async () => {
  const ended: number[] = [];
  const endless = async function* () {
    for (let item = 0; ; item++) yield item;
  };
  const working = eachInLanes(endless(), 3, async (item) => {
    if (item === 1) throw new Error("the first");
    for (let turn = 0; turn < 5; turn++) await turnOfTheLoop();
    ended.push(item);
    if (item === 2) throw new Error("a later one");
  });
  await assert.rejects(working, /the first/);
  assert.deepEqual(ended, [0, 2]);
});
