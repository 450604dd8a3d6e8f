import assert from "node:assert/strict";
import { test } from "node:test";
import { serialTx } from "../catalogue/catalogue.ts";
import { openTestCatalogue } from "../tasks/test-catalogue.ts";
import { bytesOwed, expireSessions } from "./sweep.store.ts";

test("What sessions owe, and which have expired, is read by the index of those that are not over", async (t) => {
  const on = await openTestCatalogue();
  t.after(() => on.close());
  const prepare = t.mock.method(on.database, "prepare");
  await bytesOwed.run(serialTx(on.db, 1), {});
  await expireSessions.run(serialTx(on.db, 1), { limit: 10, busy: [] });
  const asked = prepare.mock.calls.map((call) => String(call.arguments[0]));
  assert.equal(asked.length, 2);
  for (const statement of asked) {
    const plan = on.database.prepare(`EXPLAIN QUERY PLAN ${statement}`).all();
    assert.match(
      JSON.stringify(plan),
      / upload_sessions USING INDEX upload_sessions_(?:to_expire|open_by_team)/,
      statement,
    );
  }
});
