import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import { TOPICS } from "../../src/catalogue/catalogue.ts";
import { isRefusal } from "../../src/errors.ts";
import { activate } from "../../src/indexing/store.ts";
import { createSession } from "../../src/uploads/create.store.ts";
import { RACES } from "./races.ts";
import type { CatalogueUnderTest } from "./under-test.ts";
import { calling, World } from "./world.ts";

/** What every catalogue must do, with the operations that the product runs on it. */
export function describeCatalogue(name: string, open: () => Promise<CatalogueUnderTest>, skip: string | false): void {
  describe(`catalogue on ${name}`, { skip }, () => {
    let on: CatalogueUnderTest;
    before(async () => {
      on = await open();
    });
    after(() => on.close());
    beforeEach(() => on.empty());

    for (const race of RACES) test(race.name, () => race.run(on));

    test("a refusal leaves no row, whatever it had written before", async () => {
      const world = await World.open(on, 0);
      const output = await on.catalogue.run(
        createSession,
        world.create({ idempotency: { key: "k", fingerprint: "f" } }),
      );
      assert.ok(isRefusal(output) && output.refused === "rate_limited");
      for (const table of ["buckets", "upload_sessions", "idempotency_keys", "create_admissions"] as const)
        assert.deepEqual(await on.db.selectFrom(table).selectAll().execute(), [], table);
    });

    test("who waits for a topic is woken when what it waits for can be read, and not before", async () => {
      const world = await World.open(on);
      const claim = await world.claimed();
      const seen: Promise<string>[] = [];
      const stateNow = async () =>
        (await on.db.selectFrom("files").select("state").where("id", "=", claim.fileId).executeTakeFirstOrThrow())
          .state;
      const stop = on.catalogue.listen(TOPICS.file(claim.fileId), () => void seen.push(stateNow()));
      await on.together([calling(on.catalogue, activate, world.activation(claim))]);
      stop();
      assert.deepEqual(await Promise.all(seen), ["indexed"]);
    });
  });
}
