import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { sql } from "kysely";
import { readOperation, writeOperation } from "../../src/catalogue/catalogue.ts";
import { LOCKS, NO_LOCKS } from "../../src/catalogue/locks.ts";
import { findFile } from "../../src/files/store.ts";
import { claimTask } from "../../src/files/task-events.store.ts";
import { findScope } from "../../src/retrieval/store.ts";
import { recordTrouble } from "../../src/tasks/attempt.store.ts";
import { createSession } from "../../src/uploads/create.store.ts";
import { finalizeSession } from "../../src/uploads/finalize.store.ts";
import { recordProgress, takeWriter } from "../../src/uploads/session.store.ts";
import { describeCatalogue } from "./conformance.ts";
import { judge } from "./pairs.ts";
import { openPostgres, type PostgresUnderTest } from "./postgres.ts";
import { lacksPostgres, type PostgresCluster, startPostgres } from "./postgres-cluster.ts";
import { RACES } from "./races.ts";
import { RIVALS } from "./rivals.ts";
import { openSerial } from "./serial.ts";
import type { CatalogueUnderTest } from "./under-test.ts";
import { attempt, calling, World } from "./world.ts";

const skip = lacksPostgres() ?? false;
let cluster: PostgresCluster;

before(async () => {
  if (skip === false) cluster = await startPostgres();
});
after(() => cluster?.close());

describeCatalogue("PostgreSQL", () => openPostgres(cluster), skip);

describe("the naive engine, which locks nothing, is seen to fail", { skip }, () => {
  let on: CatalogueUnderTest;
  let serial: CatalogueUnderTest;
  before(async () => {
    [on, serial] = [await openPostgres(cluster, true), await openSerial()];
  });
  after(() => Promise.all([on.close(), serial.close()]));

  for (const { name, naive, run } of RACES)
    if (naive !== null)
      test(name, async () => {
        await on.empty();
        await assert.rejects(run(on), naive);
      });

  for (const rivals of RIVALS)
    for (const pair of rivals.naive)
      test(`${rivals.name}: ${pair}`, async () =>
        assert.notEqual(await judge(rivals, pair, on, serial), null, "it came to what one after the other comes to"));
});

describe("the engine on PostgreSQL", { skip }, () => {
  let on: PostgresUnderTest;
  before(async () => {
    on = await openPostgres(cluster);
  });
  after(() => on.close());

  const note = (slug: string) => ({ id: on.ids.next("team"), slug, name: slug, open_sessions: 0, created_at: 0 });
  const slugs = async () => (await on.db.selectFrom("teams").select("slug").execute()).map((row) => row.slug);

  for (const code of ["40001", "40P01"])
    test(`an operation that another transaction was in the way of (${code}) runs again, and is answered once`, async () => {
      await on.empty();
      let runs = 0;
      const operation = writeOperation("test.inTheWay", NO_LOCKS, async ({ db }, row: ReturnType<typeof note>) => {
        runs += 1;
        await db.insertInto("teams").values(row).execute();
        if (runs < 3) await sql.raw(`DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '${code}'; END $$`).execute(db);
        return runs;
      });
      assert.equal(await on.catalogue.run(operation, note("once")), 3);
      assert.deepEqual(await slugs(), ["once"]);
    });

  test("locks that are taken against the order are a defect of the operation, and nothing of it is kept", async () => {
    await on.empty();
    const operation = writeOperation("test.against", NO_LOCKS, async (tx, row: ReturnType<typeof note>) => {
      await tx.db.insertInto("teams").values(row).execute();
      await tx.lock(LOCKS.line(row.id, "fast"));
      await tx.lock(LOCKS.creates(row.id));
    });
    await assert.rejects(on.catalogue.run(operation, note("none")), /creates is taken after line/);
    assert.deepEqual(await slugs(), []);
  });

  test("while a finalize commits, uploads, claims and searches of its team go on, and all of another team", async () => {
    await on.empty();
    const { beside, catalogue } = on;
    const world = await World.open(on);
    const { teamId } = world;
    const other = await World.open(on, 1000, "other");
    const claim = await world.claimed();
    await world.file();
    const upload = await world.written(false);
    const ready = world.finalize(await world.written(true));
    const bucket = { sent: "inbox", id: null, slug: "inbox" };
    const [finalized] = await on.together([[calling(catalogue, finalizeSession, ready)]], async () => {
      assert.equal((await beside.run(takeWriter, { id: upload }))?.taken, true);
      assert.equal((await beside.run(recordProgress, world.record(upload, 10, 2)))?.state, "received");
      assert.equal((await beside.run(recordTrouble, { ...attempt(claim), trouble: "index" })).held, true);
      assert.notEqual(await beside.run(claimTask, { lanes: ["fast"] }), null);
      assert.ok("searched" in (await beside.run(findScope, { teamId, buckets: [bucket] })));
      assert.equal(await beside.run(findFile, { teamId, fileId: ready.fileId }), null);
      assert.ok("session" in (await beside.run(createSession, other.create())));
    });
    assert.equal(finalized?.status, "fulfilled");
  });

  test("a read that writes is refused by the database", async () => {
    const operation = readOperation("test.write", async ({ db }, row: ReturnType<typeof note>) => {
      await db.insertInto("teams").values(row).execute();
    });
    await assert.rejects(on.catalogue.run(operation, note("none")), /read-only transaction/);
  });
});
