import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { describeCatalogue } from "./conformance.ts";
import { openPostgres } from "./postgres.ts";
import { lacksPostgres, type PostgresCluster, startPostgres } from "./postgres-cluster.ts";
import { RACES } from "./races.ts";
import type { CatalogueUnderTest } from "./under-test.ts";

const skip = lacksPostgres() ?? false;
let cluster: PostgresCluster;

before(async () => {
  if (skip === false) cluster = await startPostgres();
});
after(() => cluster?.close());

describeCatalogue("PostgreSQL", () => openPostgres(cluster), skip);

describe("the naive engine, which locks nothing, is seen to fail", { skip }, () => {
  let on: CatalogueUnderTest;
  before(async () => {
    on = await openPostgres(cluster, true);
  });
  after(() => on.close());

  for (const { name, naive, run } of RACES)
    if (naive !== null)
      test(name, async () => {
        await on.empty();
        await assert.rejects(run(on), naive);
      });
});
