import { openTestCatalogue } from "../../src/tasks/test-catalogue.ts";
import { describeCatalogue } from "./conformance.ts";
import type { CatalogueUnderTest } from "./under-test.ts";

describeCatalogue("SQLite", openSqlite, false);

async function openSqlite(): Promise<CatalogueUnderTest> {
  const on = await openTestCatalogue();
  return {
    catalogue: on.catalogue,
    db: on.db,
    ids: on.ids,
    now: on.now,
    passMs: on.passMs,
    together: (...waves) => Promise.allSettled(waves.flat().map((call) => call())),
    async empty() {
      on.database.exec("PRAGMA foreign_keys = OFF");
      const tables = on.database.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").all();
      for (const { name } of tables) if (name !== "schema_migrations") on.database.exec(`DELETE FROM ${String(name)}`);
      on.database.exec("PRAGMA foreign_keys = ON");
    },
    close: () => on.close(),
  };
}
