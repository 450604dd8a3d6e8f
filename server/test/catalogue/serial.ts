import { DatabaseSync } from "node:sqlite";
import type { Catalogue, Operation } from "../../src/catalogue/catalogue.ts";
import { GroupCommit } from "../../src/catalogue/group-commit.ts";
import { migrate, SQLITE } from "../../src/catalogue/migrate.ts";
import type { Schema } from "../../src/catalogue/schema.ts";
import { createClock, createClockOffset, shiftClock } from "../../src/clock.ts";
import { createIdSource } from "../../src/ids.ts";
import { OPERATIONS } from "../../src/operations.ts";
import { kyselyOver } from "../../src/sqlite/kysely-sqlite.ts";
import type { Call, CatalogueUnderTest } from "./under-test.ts";

/**
 * The catalogue's own writer on a database in memory, one operation after another: what every parallel run must look
 * like.
 */
export async function openSerial(): Promise<CatalogueUnderTest> {
  const database = new DatabaseSync(":memory:");
  const db = kyselyOver<Schema>(database);
  await migrate(db, SQLITE, 0, (name, run) => database.function(name, (text) => run(String(text))));
  const offset = createClockOffset();
  const clock = createClock(offset);
  const commits = new GroupCommit(database, (name) => OPERATIONS.get(name), clock);
  const catalogue: Catalogue = {
    async run<I, O>(operation: Operation<I, O>, input: I): Promise<O> {
      const [answer] = await commits.run([{ id: 1, method: operation.name, input }]);
      if (answer === undefined || "failure" in answer) throw new Error(answer?.failure.message ?? "no answer");
      return answer.output as O;
    },
    listen: () => () => {},
    async close() {
      database.close();
    },
  };
  return {
    catalogue,
    db,
    ids: createIdSource(clock),
    tables: tablesOf(database),
    now: () => clock.now(),
    passMs: (ms) => shiftClock(offset, ms),
    holdClock() {},
    async together<T>(waves: readonly (readonly Call<T>[])[]) {
      const settled: PromiseSettledResult<T>[] = [];
      for (const call of waves.flat()) settled.push(...(await Promise.allSettled([call()])));
      return settled;
    },
    failing: () => Promise.reject(new Error("memory does not fail")),
    async empty() {
      emptyTables(database);
    },
    close: () => catalogue.close(),
  };
}

/** All tables but the migrations' own. */
export function tablesOf(database: DatabaseSync): readonly string[] {
  const named = database.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name").all();
  return named.map((row) => String(row["name"])).filter((name) => name !== "schema_migrations");
}

export function emptyTables(database: DatabaseSync): void {
  database.exec("PRAGMA foreign_keys = OFF");
  for (const table of tablesOf(database)) database.exec(`DELETE FROM ${table}`);
  database.exec("PRAGMA foreign_keys = ON");
}
