import assert from "node:assert/strict";
import { test } from "node:test";
import { NEEDS_OWN_SERVER } from "../support/target.ts";
import { runSigterm } from "./sigterm.ts";

test("a server that is stopped under load answers what it had accepted, loses nothing, and returns its tasks at once (R15)", {
  skip: NEEDS_OWN_SERVER,
}, async (t) => {
  const report = await runSigterm({ times: 3, seed: 20_260_930, withinMs: 300, endlessEvery: 3 });
  t.diagnostic(JSON.stringify({ ...report, violations: report.violations.length }));
  assert.deepEqual(report.violations, []);
  assert.ok(report.returnedTasks > 0, "a document was being read when the signal came");
  assert.equal(report.cut, 1, "the upload that outlasts the grace period is cut");
});
