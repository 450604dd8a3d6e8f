import assert from "node:assert/strict";
import { test } from "node:test";
import { claimTask } from "../files/task-events.store.ts";
import { findGarbage } from "../indexing/store.ts";
import { heartbeat, releaseTask, rescueTasks } from "./attempt.store.ts";
import { describeCrashes } from "./crash.conformance.ts";
import { describeTaskQueue } from "./queue.conformance.ts";
import { enqueueFiles, openTestCatalogue } from "./test-catalogue.ts";

describeTaskQueue("SQLite", openTestCatalogue);
describeCrashes("SQLite", openTestCatalogue);

test("every statement of the queue is answered by an index, whatever the table's size", async (t) => {
  const on = await openTestCatalogue();
  t.after(() => on.close());
  const prepare = t.mock.method(on.database, "prepare");
  const team = await on.newTeam();
  await enqueueFiles(on, team, 2);
  await on.inTransaction(async (tx) => {
    const claim = await claimTask.run(tx, { lanes: ["slow", "fast"] });
    assert.ok(claim !== null);
    const { fileId: file, ...held } = claim;
    await heartbeat.run(tx, { fileId: file, ...held, report: { stage: "extracting", progress: null }, changed: true });
    await findGarbage.run(tx, { builds: [{ file, build: "none" }] });
    await rescueTasks.run(tx, { expectedNow: tx.now });
    await releaseTask.run(tx, { fileId: file, ...held, lane: "slow" });
  });
  const asked = prepare.mock.calls.map((call) => String(call.arguments[0])).filter((text) => text.includes('"tasks"'));
  const used = new Set<string>();
  for (const statement of asked) {
    const plan = on.database.prepare(`EXPLAIN QUERY PLAN ${statement}`).all();
    const steps = plan.map((row) => String(row["detail"])).join("; ");
    assert.doesNotMatch(steps, /SCAN/, statement);
    // Suspects are sorted: there are only ever as many as ran when a server ended.
    if (!steps.includes("tasks_crashed")) assert.doesNotMatch(steps, /TEMP B-TREE/, statement);
    for (const [, index = ""] of steps.matchAll(/USING (?:COVERING )?INDEX (tasks_\w+)/g)) used.add(index);
  }
  const all = ["backed_off", "by_file", "crashed", "leased", "to_claim", "to_claim_by_team"];
  assert.deepEqual(
    [...used].sort(),
    all.map((index) => `tasks_${index}`),
  );
});
