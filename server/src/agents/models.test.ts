import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Turns } from "../fairness/turns.ts";
import { openTestCatalogue, type TestCatalogue } from "../tasks/test-catalogue.ts";
import { listModels } from "./models.ts";
import { createProfile } from "./profiles.store.ts";

let on: TestCatalogue;
before(async () => {
  on = await openTestCatalogue();
});
after(() => on.close());

test("what all models list of a team's buckets is bounded, and each says whether it has more (AGT-1)", async () => {
  const teamId = await on.newTeam();
  const buckets = [await on.newBucket(teamId), await on.newBucket(teamId), await on.newBucket(teamId)];
  const make = (profileId: string, bucketIds: readonly string[]) =>
    on.catalogue.run(createProfile, { teamId, profileId, name: "a", bucketIds, instructions: "", enabled: true });
  await make("every", []);
  await make("last", buckets.slice(-1));
  await make("more", []);
  const deps = { catalogue: on.catalogue, walks: new Turns({ atOnce: 1, atOnceOfTeam: 1 }) };
  const shown = async (most?: number) =>
    (await listModels(deps, { teamId, keyId: null }, new AbortController().signal, most)).map((model) => [
      model.profile?.profileId ?? null,
      model.buckets.length,
      model.truncated,
      model.missing.length,
    ]);
  assert.deepEqual(await shown(), [
    [null, 3, false, 0],
    ["every", 3, false, 0],
    ["last", 1, false, 0],
    ["more", 3, false, 0],
  ]);
  assert.deepEqual(await shown(4), [
    [null, 3, false, 0],
    ["every", 1, true, 0],
    ["last", 1, false, 0],
    ["more", 0, true, 0],
  ]);
  assert.deepEqual((await shown(2)).slice(0, 3), [
    [null, 2, true, 0],
    ["every", 0, true, 0],
    ["last", 1, false, 0],
  ]);
});
