import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import { TOPICS } from "../../src/catalogue/catalogue.ts";
import { isRefusal } from "../../src/errors.ts";
import { activate } from "../../src/indexing/store.ts";
import { createSession } from "../../src/uploads/create.store.ts";
import { countingIds, plain } from "./outcome.ts";
import { judge, pairsOf } from "./pairs.ts";
import { RACES } from "./races.ts";
import { readsOf } from "./reads.ts";
import { RIVALS } from "./rivals.ts";
import { openSerial } from "./serial.ts";
import type { CatalogueUnderTest } from "./under-test.ts";
import { calling, World } from "./world.ts";

/** Both orders of each pair, minutes instead of seconds. */
const LONG = process.env["WHARF_TEST_LONG"] !== undefined;

/** What every catalogue must do, with the operations that the product runs on it. */
export function describeCatalogue(name: string, open: () => Promise<CatalogueUnderTest>, skip: string | false): void {
  describe(`catalogue on ${name}`, { skip }, () => {
    let on: CatalogueUnderTest;
    let serial: CatalogueUnderTest;
    before(async () => {
      [on, serial] = [await open(), await openSerial()];
    });
    after(() => Promise.all([on.close(), serial.close()]));
    beforeEach(() => on.empty());

    for (const race of RACES) test(race.name, () => race.run(on));

    for (const rivals of RIVALS)
      test(`${rivals.name}: whoever changes it at the same time, it comes to what one after the other comes to`, async () => {
        const wrong: string[] = [];
        for (const pair of await pairsOf(rivals, serial, LONG)) {
          const found = await judge(rivals, pair, on, serial);
          if (found !== null) wrong.push(found);
        }
        assert.deepEqual(wrong, []);
      });

    test("a refusal leaves no row, whatever it had written before", async () => {
      const world = await World.open(on, 0);
      const output = await on.catalogue.run(
        createSession,
        world.create({ idempotency: { operation: "create", key: "k", fingerprint: "f" } }),
      );
      assert.ok(isRefusal(output) && output.refused === "rate_limited");
      for (const table of ["buckets", "upload_sessions", "idempotency_keys", "create_admissions"] as const)
        assert.deepEqual(await on.db.selectFrom(table).selectAll().execute(), [], table);
    });

    test("what waited for a lock decides by a time after what it waited for", async () => {
      const world = await World.open(on);
      const create = () => calling(on.catalogue, createSession, world.create());
      const outputs = await on.together([[create()], [create()]], () => on.passMs(5000));
      const [first, second] = outputs.map((output) =>
        output.status === "fulfilled" && "session" in output.value ? output.value.session.createdAt : Number.NaN,
      );
      assert.ok(Number(second) - Number(first) >= 5000, `${second} is not 5 s after ${first}`);
    });

    test("when storage fails below a batch, each call is told so and nothing of it is kept; the next one is taken", async () => {
      const world = await World.open(on);
      const creates = Array.from({ length: 5 }, () => world.create());
      const outputs = await on.failing(creates.map((input) => calling(on.catalogue, createSession, input)));
      const codes = outputs.map((output) => (output.status === "rejected" ? output.reason.code : output.value));
      assert.deepEqual(new Set(codes), new Set(["storage_unavailable"]));
      assert.deepEqual(await on.db.selectFrom("upload_sessions").selectAll().execute(), []);
      const again = await Promise.all(creates.map((input) => on.catalogue.run(createSession, input)));
      assert.ok(again.every((output) => !isRefusal(output)));
    });

    test("every reading operation answers what it answers on the serial catalogue, also to empty lists", async () => {
      await serial.empty();
      const [is, mayBe] = [await answers(on), await answers(serial)];
      for (const [name, answer] of Object.entries(is)) assert.equal(answer, mayBe[name], name);
    });

    test("who waits for a topic is woken when what it waits for can be read, and not before", async () => {
      const world = await World.open(on);
      const claim = await world.claimed();
      const seen: Promise<string>[] = [];
      const stateNow = async () =>
        (await on.db.selectFrom("files").select("state").where("id", "=", claim.fileId).executeTakeFirstOrThrow())
          .state;
      const stop = on.catalogue.listen(TOPICS.file(claim.fileId), () => void seen.push(stateNow()));
      await on.together([[calling(on.catalogue, activate, world.activation(claim))]]);
      stop();
      assert.deepEqual(await Promise.all(seen), ["indexed"]);
    });
  });
}

/** What each reading operation says, on the same rows. */
async function answers(catalogue: CatalogueUnderTest): Promise<Readonly<Record<string, string>>> {
  const reads = await readsOf({ ...catalogue, ids: countingIds() });
  const said: Record<string, string> = {};
  for (const [name, calls] of Object.entries(reads)) {
    const outputs: unknown[] = [];
    for (const call of calls) outputs.push(await call());
    said[name] = plain(outputs);
  }
  return said;
}
