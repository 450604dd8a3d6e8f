import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { describe, test } from "node:test";
import { promisify } from "node:util";
import { numberAt } from "../test/support/json.ts";
import { IdleMemory } from "./idle-memory.ts";
import { LIMITS } from "./limits.ts";
import { createLog } from "./log.ts";

const MIB = 2 ** 20;
const SPARE = LIMITS.idleMemorySpareBytes;

/** `after`: what is left by a collection. */
function memory(start: number, after = start) {
  const now = { held: start, after, busy: 0, collections: 0 };
  const idle = new IdleMemory({
    log: createLog("silent"),
    held: () => now.held,
    busy: () => now.busy,
    collect: () => {
      now.collections += 1;
      now.held = now.after;
    },
  });
  const look = (changed: Partial<typeof now> = {}) => {
    Object.assign(now, changed);
    idle.look();
    return now.collections;
  };
  return { look };
}

describe("memory after a peak", () => {
  test("is collected once the main thread has little to do, and not before", () => {
    const { look } = memory(300 * MIB);
    assert.equal(look({ held: 700 * MIB, busy: 0.9 }), 0);
    assert.equal(look({ busy: 0.1 }), 1);
    assert.equal(look(), 1);
  });

  test("is not looked for where there is little to be had", () => {
    const { look } = memory(300 * MIB);
    assert.equal(look({ held: 300 * MIB + SPARE - 1 }), 0);
    assert.equal(look({ held: 300 * MIB + SPARE }), 1);
  });

  test("that is in use costs one collection, not one at each look", () => {
    const { look } = memory(300 * MIB, 600 * MIB);
    assert.equal(look({ held: 610 * MIB }), 1);
    assert.equal(look(), 1);
    assert.equal(look({ held: 600 * MIB + SPARE }), 2);
  });

  test("that went by itself counts from the lower level", () => {
    const { look } = memory(300 * MIB, 600 * MIB);
    look({ held: 700 * MIB });
    assert.equal(look({ held: 400 * MIB }), 1);
    assert.equal(look({ held: 400 * MIB + SPARE }), 2);
  });

  test("goes back to the system, of a real process that allocates no more", async () => {
    const program = `
      const { IdleMemory } = await import(${JSON.stringify(new URL("./idle-memory.ts", import.meta.url).href)});
      const memory = new IdleMemory({ log: { debug() {} }, busy: () => 0 });
      let garbage = Array.from({ length: 1_000_000 }, (_, index) => ({ index, more: [index, index, index, index] }));
      const peak = process.memoryUsage.rss();
      garbage = null;
      memory.look();
      // What was emptied is unmapped by another thread.
      const until = performance.now() + 20_000;
      let held = process.memoryUsage.rss();
      while (held > peak / 2 && performance.now() < until) {
        await new Promise((resolve) => setImmediate(resolve));
        held = process.memoryUsage.rss();
      }
      console.log(JSON.stringify({ peak, held }));`;
    const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", program]);
    const figures: unknown = JSON.parse(stdout);
    const [peak, held] = [numberAt(figures, "peak"), numberAt(figures, "held")];
    assert.ok(held < peak / 2, `${Math.round(held / MIB)} of ${Math.round(peak / MIB)} MiB are still held`);
  });
});
