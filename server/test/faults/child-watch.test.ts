import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { probeOf } from "../../src/extraction/fixtures/attacks/probing.ts";
import { Range } from "../../src/extraction/fixtures/attacks/range.ts";
import { OWN } from "../../src/extraction/fixtures/environments.ts";
import { createExtractionPool } from "../../src/extraction/pool.ts";
import { createLog } from "../../src/log.ts";
import { ChildWatch, networkUses } from "./child-watch.ts";

const TAKEN_OVER = join(import.meta.dirname, "../../src/extraction/fixtures/children/taken-over.ts");

test("a child that tries to reach a network is seen from outside, though nothing can arrive anywhere", async (t) => {
  const pool = await createExtractionPool({ places: 1, log: createLog("silent"), entry: TAKEN_OVER });
  t.after(() => pool.close());
  if (!pool.isolation.inForce.includes("no network")) return t.skip("this machine grants no network namespace");
  const watch = new ChildWatch(() => process.pid);
  const range = await Range.open(OWN);
  t.after(() => range.close());
  const { outcomes } = await probeOf(pool, range);
  const { networkAttempts, peakRssBytes } = watch.stop();
  assert.ok(networkAttempts > 0, JSON.stringify([...outcomes]));
  assert.ok(peakRssBytes > 10_000_000, `${peakRssBytes} bytes at the most`);
});

test("network use is read from the kernel's table by column name", () => {
  const table = "Ip: Forwarding OutRequests OutNoRoutes\nIp: 1 0 2\nTcp: ActiveOpens PassiveOpens\nTcp: 3 9\n";
  assert.equal(networkUses(table), 5);
  assert.equal(networkUses(""), 0);
});
