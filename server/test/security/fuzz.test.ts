import assert from "node:assert/strict";
import { test } from "node:test";
import { CONFIG, NEEDS_OWN_SERVER } from "../support/target.ts";
import { runFuzz } from "./fuzz-run.ts";

test("requests of every operation and raw bytes get an answer as it is described, and leave the server as it was", {
  skip: NEEDS_OWN_SERVER,
}, async (t) => {
  const { findings, ...report } = await runFuzz({ structured: 1800, raw: 1200, seed: CONFIG.seed });
  t.diagnostic(`seed ${CONFIG.seed}: ${JSON.stringify(report)}`);
  assert.deepEqual(findings, []);
  // A run that never got past the first check would find nothing, too.
  for (const status of [200, 201, 202, 308, 400, 401, 403, 404, 405, 409, 415])
    assert.ok((report.statuses[status] ?? 0) > 0, `no answer was ${status}`);
});
