import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { createExtractionPool } from "../../src/extraction/pool.ts";
import { createLog } from "../../src/log.ts";
import { ChildWatch, networkUses } from "./child-watch.ts";

const ATTACKING = join(import.meta.dirname, "../../src/extraction/fixtures/children/attacking.ts");

test("a child that tries to reach a network is seen from outside, though nothing can arrive anywhere", async (t) => {
  const pool = await createExtractionPool({ places: 1, log: createLog("silent"), entry: ATTACKING });
  t.after(() => pool.close());
  if (!pool.isolation.inForce.includes("no network")) return t.skip("this machine grants no network namespace");
  const watch = new ChildWatch(() => process.pid);
  const bytes = Buffer.from(JSON.stringify({ secretFile: "/nowhere/secret", port: 9 }));
  const open = async function* () {
    yield bytes;
  };
  const source = { filename: "a", title: "", declaredType: "", sizeBytes: bytes.length, open };
  const outcomes: string[] = [];
  for await (const event of pool.extract(source, { signal: new AbortController().signal, lane: "fast" })) {
    if (event.kind === "page") outcomes.push(`${event.page.label}: ${event.page.text}`);
  }
  const { networkAttempts, peakRssBytes } = watch.stop();
  assert.ok(networkAttempts > 0, outcomes.join("\n"));
  assert.ok(peakRssBytes > 10_000_000, `${peakRssBytes} bytes at the most`);
});

test("network use is read from the kernel's table by column name", () => {
  const table = "Ip: Forwarding OutRequests OutNoRoutes\nIp: 1 0 2\nTcp: ActiveOpens PassiveOpens\nTcp: 3 9\n";
  assert.equal(networkUses(table), 5);
  assert.equal(networkUses(""), 0);
});
