import assert from "node:assert/strict";
import { test } from "node:test";
import { readTestConfig } from "../support/config.ts";
import { runMutations } from "./mutation-run.ts";

test("2 000 damaged documents of every format: each is read or refused with a typed fault, and touches nothing (S4)", async (t) => {
  const report = await runMutations({
    seed: readTestConfig().seed,
    from: 0,
    files: 2000,
    seedsFolder: null,
    withinMs: 60_000,
  });
  t.diagnostic(JSON.stringify({ ...report, deaths: report.deaths.length }));
  assert.deepEqual(report.violations, []);
  assert.deepEqual(report.stumbles, [], "no reader meets an error that it does not expect");
  assert.ok((report.ends["pages"] ?? 0) > 0 && (report.ends["corrupt_file"] ?? 0) > 0, "some are read, some refused");
});
