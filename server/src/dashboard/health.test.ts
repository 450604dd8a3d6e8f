import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { createApiKey } from "../access/keys.ts";
import { createClock } from "../clock.ts";
import { openBlobs } from "../engines/blobs.ts";
import { openCatalogue } from "../engines/catalogue.ts";
import { Places } from "../fairness/places.ts";
import { Turns } from "../fairness/turns.ts";
import { deleteFile } from "../files/delete-file.store.ts";
import { openTestFiles } from "../files/test-files.ts";
import { createIdSource } from "../ids.ts";
import { Health } from "./health.ts";
import { teamQueue } from "./store.ts";

test("a look at a team's queue waits in the team's line, and more of them than its share are refused", {
  timeout: 60_000,
}, async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "wharf-health-"));
  t.after(() => rm(folder, { recursive: true }));
  const catalogue = await openCatalogue({ path: join(folder, "catalogue.db"), fatal: assert.ifError });
  t.after(() => catalogue.close());
  const { teamId, keyId } = await createApiKey(
    { catalogue, ids: createIdSource(createClock()), random: randomBytes },
    { team: "default", name: "first" },
  );
  const by = { teamId, keyId };
  const { signal: gone } = new AbortController();
  const walks = new Turns({ atOnce: 1, atOnceOfTeam: 1 });
  const lists = new Places({ name: "lists", total: 2 });
  const blobs = await openBlobs({ root: join(folder, "blobs") });
  const health = new Health({ catalogue, blobs, lists, walks, reserveBytes: null });

  const other = Promise.withResolvers<void>();
  const walking = walks.run(by, gone, () => other.promise);
  let isCounted = false;
  const first = health.queueOf(by, gone).then((queue) => {
    isCounted = true;
    return queue;
  });
  await assert.rejects(health.queueOf(by, gone), { code: "overloaded" });
  // Asked later and answered: the first would be, too, if it did not wait.
  await catalogue.run(teamQueue, { teamId });
  assert.equal(isCounted, false);
  other.resolve();
  await walking;
  assert.deepEqual(await first, { queued: 0, running: 0, removing: 0, countedTo: 10_000 });
  assert.equal(lists.taken, 0);
  assert.ok(teamQueue.walks, "key look-ups do not wait behind it");
});

test("documents that wait or are read are told from deleted files that are being removed", async (t) => {
  const f = await openTestFiles();
  t.after(() => f.close());
  const team = await f.newTeam();
  for (const state of ["queued", "queued", "queued", "indexing", "indexed", "failed"] as const)
    await f.newFile(team, { state });
  const { teamId } = team;
  for (const state of ["queued", "indexed"] as const) {
    const { fileId } = await f.newFile(team, { state });
    await f.t.catalogue.run(deleteFile, { teamId, fileId, removalTaskId: f.t.ids.next("task") });
  }
  await f.newFile(await f.newTeam(), { state: "queued" });
  const queue = await f.t.catalogue.run(teamQueue, { teamId });
  assert.deepEqual(queue, { queued: 3, running: 1, removing: 2, countedTo: 10_000 });
});
