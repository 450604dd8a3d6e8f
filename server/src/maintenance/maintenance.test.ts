import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { deleteBucket } from "../buckets/change.store.ts";
import { LIMITS } from "../limits.ts";
import { MetricsRecorder } from "../metrics/recorder.ts";
import { openTestCatalogue, type TestCatalogue } from "../tasks/test-catalogue.ts";
import type { Batch, Chore } from "./chore.ts";
import { DeletedBuckets } from "./deleted-buckets.ts";
import { Maintenance } from "./maintenance.ts";
import { keepPosition, readPositions } from "./position.store.ts";
import { SteadyClock } from "./steady-clock.ts";
import { sweeps } from "./sweep.ts";
import { runRound } from "./test-rounds.ts";

let on: TestCatalogue;
before(async () => {
  on = await openTestCatalogue();
});
after(() => on.close());

const BATCHES = 5;

/**
 * A chore of five batches; `at` says which positions it was asked for, and `seen` when it was asked for the n-th
 * time.
 */
function steps(
  name: string,
  more: { readonly everyMs?: number; readonly fails?: (at: string | null) => boolean } = {},
) {
  const at: (string | null)[] = [];
  const waiting = new Map<number, () => void>();
  const chore: Chore = {
    name,
    everyMs: more.everyMs ?? 3_600_000,
    share: 1,
    async runOnce(position): Promise<Batch> {
      at.push(position);
      waiting.get(at.length)?.();
      if (more.fails?.(position) === true) throw new Error("an outage");
      const done = Number(position ?? 0) + 1;
      const ended = done === BATCHES;
      return { next: ended ? null : String(done), ended, looked: 10, mended: 1 };
    },
  };
  const seen = (times: number) =>
    at.length >= times ? Promise.resolve() : new Promise<void>((resolve) => waiting.set(times, resolve));
  return { chore, at, seen };
}

function maintain(chores: readonly Chore[], metrics = new MetricsRecorder()) {
  const warned: object[] = [];
  const log = { debug() {}, info() {}, warn: (fields: object) => void warned.push(fields), error() {}, fatal() {} };
  return { maintenance: new Maintenance({ chores, catalogue: on.catalogue, log, metrics }), metrics, warned };
}

async function kept(): Promise<readonly (readonly [string, string])[]> {
  return (await on.catalogue.run(readPositions, {})).map(({ chore, position }) => [chore, position]);
}

test("a restart goes on where the last one was, and a whole round follows at once", async () => {
  await on.catalogue.run(keepPosition, { chore: "one", position: "3" });
  const one = steps("one");
  const { maintenance, metrics } = maintain([one.chore]);
  maintenance.start();
  const counted = /^wharf_maintenance_rounds_total\{chore="one"\} 1$/m;
  while (!counted.test(metrics.expose([]))) await new Promise((resolve) => setImmediate(resolve));
  await maintenance.stop();
  assert.deepEqual(one.at, ["3", "4", null, "1", "2", "3", "4"]);
  assert.deepEqual(await kept(), []);
  const text = metrics.expose(maintenance.gauges());
  assert.match(text, /^wharf_maintenance_looked_total\{chore="one"\} 70$/m);
  assert.match(text, /^wharf_maintenance_mended_total\{chore="one"\} 7$/m);
  assert.match(text, /^wharf_maintenance_round_age_seconds\{chore="one"\} [\d.]+$/m);
});

test("a stop in the middle of a round keeps the position", async () => {
  const stopped = steps("stopped", { fails: (at) => at === "2" });
  const { maintenance } = maintain([stopped.chore]);
  maintenance.start();
  await stopped.seen(3);
  await maintenance.stop();
  assert.deepEqual(await kept(), [["stopped", "2"]]);
});

test("a chore that fails is tried again at its place, says so, and keeps no other one waiting", async () => {
  let outages = 2;
  const failing = steps("failing", { everyMs: 1, fails: (at) => at === "1" && outages-- > 0 });
  const other = steps("other");
  const { maintenance, metrics, warned } = maintain([failing.chore, other.chore]);
  maintenance.start();
  await Promise.all([failing.seen(2 + BATCHES), other.seen(BATCHES)]);
  await maintenance.stop();
  assert.deepEqual(failing.at.slice(0, 5), [null, "1", "1", "1", "2"]);
  assert.equal(warned.length, 2);
  assert.match(metrics.expose([]), /^wharf_maintenance_failures_total\{chore="failing"\} 2$/m);
});

test("the position of a chore that this version does not have is forgotten", async () => {
  await on.catalogue.run(keepPosition, { chore: "of_another_version", position: "9" });
  const { maintenance } = maintain([steps("one").chore]);
  maintenance.start();
  await maintenance.stop();
  assert.ok(!(await kept()).some(([chore]) => chore === "of_another_version"));
});

test("deleted buckets that only wait for their rows to go hold up none that has files", async () => {
  const team = await on.newTeam();
  for (let i = 0; i < 21; i++) await on.newBucket(team);
  await on.db
    .updateTable("buckets")
    .set((by) => ({ deleted_at: on.now(), status: "archived", slug: by.ref("id") }))
    .where("team_id", "=", team)
    .execute();
  on.passMs(1);
  const bucketId = await on.newBucket(team);
  const { fileId } = await on.newFile({ team, bucket: bucketId });
  await on.catalogue.run(deleteBucket, { teamId: team, bucketId, force: true });
  await runRound(new DeletedBuckets(on));
  assert.equal((await on.file(fileId)).state, "deleted");
  const rows = await on.db.selectFrom("buckets").select("id").where("team_id", "=", team).execute();
  assert.equal(rows.length, 22, "what was under way a moment ago may still name them");
});

test("after a jump of the clock nothing expires or is forgotten for ten minutes", async () => {
  const team = await on.newTeam();
  let elapsed = 0;
  const warned: object[] = [];
  const log = { debug() {}, info() {}, warn: (fields: object) => void warned.push(fields), error() {}, fatal() {} };
  const steady = new SteadyClock({ clock: on, log, elapsed: () => performance.now() + elapsed });
  const arrivals = { busy: () => [], discard: async () => {} };
  const chore = sweeps({ catalogue: on.catalogue, arrivals, steady }).find(({ name }) => name === "forget_sign_ins");
  assert.ok(chore !== undefined);
  const link = { hash: "a".repeat(64), team_id: team, scopes: "[]", expires_at: on.now() + 3_600_000 };
  await on.db.insertInto("dashboard_links").values(link).execute();
  const pass = (ms: number) => {
    on.passMs(ms);
    elapsed += ms;
  };
  const links = async () => (await on.db.selectFrom("dashboard_links").select("hash").execute()).length;
  pass(60_000);
  on.passMs(7_200_000);
  await runRound(chore);
  pass(LIMITS.clockHoldMs / 2);
  await runRound(chore);
  assert.equal(await links(), 1);
  on.passMs(-7_200_000);
  await runRound(chore);
  pass(LIMITS.clockHoldMs);
  await runRound(chore);
  assert.equal(await links(), 1, "its hour is not over");
  pass(3_600_000);
  await runRound(chore);
  assert.equal(await links(), 0);
  assert.deepEqual(
    warned.map((fields) => Math.round(Reflect.get(fields, "jumped_ms") / 1000)),
    [7_200, -7_200],
  );
});

test("a chore that stays where it is writes nothing", async () => {
  const still = steps("still", { everyMs: 1 });
  const { runOnce } = still.chore;
  let writes = 0;
  const catalogue: typeof on.catalogue = {
    run: (operation, input) => {
      if (operation.name === keepPosition.name) writes += 1;
      return on.catalogue.run(operation, input);
    },
    listen: (...call) => on.catalogue.listen(...call),
    close: () => on.catalogue.close(),
  };
  const log = { debug() {}, info() {}, warn() {}, error() {}, fatal() {} };
  const chore: Chore = {
    ...still.chore,
    runOnce: async (...call) => ({ ...(await runOnce(...call)), next: null, ended: true }),
  };
  const maintenance = new Maintenance({ chores: [chore], catalogue, log, metrics: new MetricsRecorder() });
  maintenance.start();
  await still.seen(20);
  await maintenance.stop();
  assert.equal(writes, 0);
});
