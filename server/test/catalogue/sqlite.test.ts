import assert from "node:assert/strict";
import { test } from "node:test";
import { OPERATIONS } from "../../src/operations.ts";
import { openTestCatalogue } from "../../src/tasks/test-catalogue.ts";
import { describeCatalogue } from "./conformance.ts";
import { readsOf } from "./reads.ts";
import { RIVALS } from "./rivals.ts";
import { emptyTables, openSerial, tablesOf } from "./serial.ts";
import type { CatalogueUnderTest } from "./under-test.ts";

describeCatalogue("SQLite", openSqlite, false);

async function openSqlite(): Promise<CatalogueUnderTest> {
  const on = await openTestCatalogue();
  return {
    catalogue: on.catalogue,
    db: on.db,
    ids: on.ids,
    tables: tablesOf(on.database),
    now: on.now,
    passMs: on.passMs,
    holdClock() {},
    async together([first = [], ...others], then) {
      const ahead = await Promise.allSettled(first.map((call) => call()));
      await then?.();
      return [...ahead, ...(await Promise.allSettled(others.flat().map((call) => call())))];
    },
    async failing(calls) {
      // Somebody else writes for longer than the owner thread waits (5 s): it cannot begin a transaction, as on a disk
      // that does not answer.
      on.database.exec("BEGIN IMMEDIATE");
      const settled = await Promise.allSettled(calls.map((call) => call()));
      on.database.exec("COMMIT");
      return settled;
    },
    async empty() {
      emptyTables(on.database);
    },
    close: () => on.close(),
  };
}

test("the suite runs every operation that is registered", async () => {
  const serial = await openSerial();
  const ran = new Set<string>();
  const on: CatalogueUnderTest = {
    ...serial,
    catalogue: {
      ...serial.catalogue,
      run(operation, input) {
        ran.add(operation.name);
        return serial.catalogue.run(operation, input);
      },
    },
  };
  for (const rivals of RIVALS) {
    await on.empty();
    for (const make of Object.values(await rivals.prepare(on))) await make()();
  }
  await on.empty();
  for (const call of Object.values(await readsOf(on)).flat()) await call();
  assert.deepEqual(
    [...OPERATIONS.keys()].filter((name) => !ran.has(name)),
    [],
  );
  await serial.close();
});
