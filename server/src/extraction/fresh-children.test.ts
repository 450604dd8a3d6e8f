import assert from "node:assert/strict";
import { test } from "node:test";
import { FreshChildren } from "./fresh-children.ts";

/** A machine on which starts end when the test says so. */
function machine() {
  const starts: PromiseWithResolvers<string>[] = [];
  const start = () => {
    const place = Promise.withResolvers<string>();
    starts.push(place);
    return place.promise;
  };
  return { starts, start };
}

/** Lets everything that is settled be heard of. */
const settled = () => new Promise((resolve) => setImmediate(resolve));

test("whoever waits gets the first child that is ready, and spares follow one after another", async () => {
  const { starts, start } = machine();
  const fresh = new FreshChildren(start, 2);
  const [first, second] = [fresh.take(), fresh.take()];
  assert.equal(starts.length, 2);
  starts[1]?.resolve("b");
  assert.equal(await first, "b");
  starts[0]?.resolve("a");
  assert.equal(await second, "a");
  await settled();
  assert.equal(starts.length, 3);
  starts[2]?.resolve("c");
  await settled();
  assert.equal(starts.length, 4);
  starts[3]?.resolve("d");
  await settled();
  assert.equal(starts.length, 4, "two spares are enough");
  assert.equal(await fresh.take(), "d");
  assert.equal(starts.length, 5, "one that was taken is replaced");
});

test("a start that fails is told to who waits for it, and not tried again for nobody", async () => {
  const { starts, start } = machine();
  const fresh = new FreshChildren(start, 1);
  const waiting = fresh.take();
  starts[0]?.reject(new Error("no memory"));
  await assert.rejects(waiting, /no memory/);
  await settled();
  assert.equal(starts.length, 1);
});

test("a spare that fails is not told to who came meanwhile, for whom another start is made", async () => {
  const { starts, start } = machine();
  const fresh = new FreshChildren(start, 1);
  fresh.add("a");
  assert.equal(await fresh.take(), "a");
  const waiting = fresh.take();
  starts[0]?.reject(new Error("the process that starts them was killed"));
  await settled();
  assert.equal(starts.length, 2);
  starts[1]?.resolve("b");
  assert.equal(await waiting, "b");
});

test("a spare that has ended is not given out", async () => {
  const { starts, start } = machine();
  const fresh = new FreshChildren(start, 1);
  fresh.add("a");
  fresh.drop("a");
  const taken = fresh.take();
  starts[0]?.resolve("b");
  assert.equal(await taken, "b");
});

test("closing waits for starts that are under way, and begins no spare", async () => {
  const { starts, start } = machine();
  const fresh = new FreshChildren(start, 3);
  const taken = fresh.take();
  const closing = fresh.close();
  starts[0]?.resolve("a");
  await closing;
  assert.equal(await taken, "a");
  assert.equal(starts.length, 1);
});
