import assert from "node:assert/strict";
import { test } from "node:test";
import { NEEDS_OWN_SERVER } from "../support/target.ts";
import { runKiller } from "./killer.ts";

test("a server killed at any moment keeps every session, byte and file that it acknowledged (FIN-1, PUT-2, PUT-9, FIN-2)", {
  skip: NEEDS_OWN_SERVER,
}, async (t) => {
  const report = await runKiller({ kills: 10, seed: 20_260_930, clients: 4, withinMs: 200 });
  t.diagnostic(JSON.stringify({ ...report, violations: report.violations.length }));
  assert.deepEqual(report.violations, []);
  assert.ok(report.finalized > 0, "files were made");
});
