import assert from "node:assert/strict";
import { test } from "node:test";
import { describeCrashes } from "./crash.conformance.ts";
import { describeTaskQueue } from "./queue.conformance.ts";
import { openTestCatalogue } from "./test-catalogue.ts";

describeTaskQueue("SQLite", openTestCatalogue);
describeCrashes("SQLite", openTestCatalogue);

test("every statement of the queue is answered by an index, whatever the table's size", async () => {
  const on = await openTestCatalogue();
  try {
    const due = "state = 'queued' AND due_at IS NULL";
    const cases = [
      [`SELECT id FROM tasks WHERE ${due} AND lane = ? ORDER BY fair_at, id LIMIT 1`, "tasks_to_claim"],
      [
        `SELECT fair_at FROM tasks WHERE ${due} AND lane = ? AND team_id = ? ORDER BY fair_at DESC, id DESC LIMIT 1`,
        "tasks_to_claim_by_team",
      ],
      [
        "SELECT id FROM tasks WHERE state = 'queued' AND due_at IS NOT NULL AND due_at <= ? AND crashes < 3 ORDER BY due_at LIMIT 20",
        "tasks_backed_off",
      ],
      [
        "SELECT * FROM tasks WHERE state = 'running' AND lease_until <= ? ORDER BY lease_until LIMIT 100",
        "tasks_leased",
      ],
      ["SELECT id FROM tasks WHERE crashes > 0 AND crashes >= 3", "tasks_crashed"],
      ["SELECT * FROM tasks WHERE file_id = ? AND state = 'running'", "tasks_by_file"],
    ] as const;
    for (const [statement, index] of cases) {
      const plan = on.database
        .prepare(`EXPLAIN QUERY PLAN ${statement}`)
        .all()
        .map((row) => String(row["detail"]));
      assert.match(plan.join("; "), new RegExp(`USING (COVERING )?INDEX ${index}\\b`), statement);
      assert.doesNotMatch(plan.join("; "), /TEMP B-TREE/, statement);
    }
  } finally {
    await on.close();
  }
});
