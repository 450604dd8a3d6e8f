import assert from "node:assert/strict";
import { sql } from "kysely";
import { wrongBuckets, wrongTeams } from "../../src/doctor/store.ts";
import { deleteFile } from "../../src/files/delete-file.store.ts";
import { claimTask, recordFault } from "../../src/files/task-events.store.ts";
import { activate } from "../../src/indexing/store.ts";
import { LIMITS } from "../../src/limits.ts";
import { createSession } from "../../src/uploads/create.store.ts";
import { finalizeSession } from "../../src/uploads/finalize.store.ts";
import type { Call, CatalogueUnderTest } from "./under-test.ts";
import { attempt, CORRUPT, calling, World } from "./world.ts";

/**
 * What many callers at once must not break. `naive`: how it goes wrong on an engine that runs the operations in
 * parallel and locks nothing; null where a constraint of the database, one statement, or one order of rows is enough.
 */
export interface Race {
  readonly name: string;
  readonly naive: RegExp | null;
  run(on: CatalogueUnderTest): Promise<void>;
}

export const RACES: readonly Race[] = [
  {
    name: "30 creates at once at a limit of 5: never six within a second (LIM-1)",
    naive: /six sessions within a second/,
    async run(on) {
      const world = await World.open(on, 5);
      // The naive engine needs so long for 30 on a busy machine that no six of them are within a second.
      on.holdClock();
      await all(
        on,
        times(30, () => calling(on.catalogue, createSession, world.create())),
      );
      // Where the clock goes on, a slow machine may take more than a second for all of them.
      const made = await on.db.selectFrom("upload_sessions").select("created_at").orderBy("created_at").execute();
      assert.ok(made.length >= 5);
      for (const [i, { created_at: sixth }] of made.entries()) {
        const first = made[i - 5]?.created_at ?? Number.NEGATIVE_INFINITY;
        assert.ok(sixth - first >= LIMITS.rateWindowMs, "six sessions within a second");
      }
      await assertCounted(on);
    },
  },
  {
    name: "16 creates with one idempotency key: one session, which all of them get (IDE-2)",
    naive: /16 sessions/,
    async run(on) {
      const world = await World.open(on);
      const idempotency = { operation: "create", key: "again", fingerprint: "f" } as const;
      const outputs = await all(
        on,
        times(16, () => calling(on.catalogue, createSession, world.create({ idempotency }))),
      );
      const ids = new Set(outputs.map((output) => ("session" in output ? output.session.id : output.refused)));
      assert.equal(ids.size, 1, `${ids.size} sessions were made`);
      assert.equal(await count(on, "upload_sessions"), 1);
      await assertCounted(on);
    },
  },
  {
    name: "12 creates of new buckets where three more may be: three buckets (§6)",
    naive: /12 buckets/,
    async run(on) {
      const world = await World.open(on);
      const wish = (n: number) => ({ buckets: [{ sent: `b${n}`, id: null, slug: `b${n}` }], bucketsPerTeam: 3 });
      await all(
        on,
        times(12, (n) => calling(on.catalogue, createSession, world.create(wish(n)))),
      );
      const buckets = await count(on, "buckets");
      assert.equal(buckets, 3, `${buckets} buckets were made`);
    },
  },
  {
    name: "20 claims of 20 due tasks: each gets one of its own",
    naive: /ended before it could be claimed/,
    async run(on) {
      const world = await World.open(on);
      for (let i = 0; i < 20; i++) await world.file();
      const claims = await all(
        on,
        times(20, () => calling(on.catalogue, claimTask, { lanes: ["fast"] })),
      );
      const none = claims.filter((claim) => claim === null).length;
      assert.equal(none, 0, `${none} of 20 claims were told that nothing is due`);
      assert.equal(new Set(claims.map((claim) => claim?.taskId)).size, 20);
    },
  },
  {
    name: "20 activations, each beside its file's delete: every call is answered, and every file is gone",
    // Both settle the task before they move its file (files/move-file.store.ts): whoever comes second sees what the
    // first did.
    naive: null,
    async run(on) {
      const world = await World.open(on);
      const held = [];
      for (let i = 0; i < 20; i++) held.push(await world.claimed());
      const removals = held.map(({ fileId }) => ({ teamId: world.teamId, fileId, removalTaskId: on.ids.next("task") }));
      await all<unknown>(
        on,
        held.map((claim) => calling(on.catalogue, activate, world.activation(claim))),
        removals.map((removal) => calling(on.catalogue, deleteFile, removal)),
      );
      const files = await on.db.selectFrom("files").select("state").execute();
      assert.deepEqual(new Set(files.map((file) => file.state)), new Set(["deleted"]));
      assert.equal(await count(on, "file_buckets"), 0);
      await assertCounted(on);
    },
  },
  {
    name: "20 activations, each beside a fault of the same attempt: indexed without an error, or failed",
    naive: /indexed with corrupt_file/,
    async run(on) {
      const world = await World.open(on);
      const held = [];
      for (let i = 0; i < 20; i++) held.push(await world.claimed());
      await all<unknown>(
        on,
        held.map((claim) => calling(on.catalogue, activate, world.activation(claim))),
        held.map((claim) => calling(on.catalogue, recordFault, { ...attempt(claim), fault: CORRUPT })),
      );
      for (const { state, error_code } of await on.db.selectFrom("files").select(["state", "error_code"]).execute())
        assert.equal(state === "indexed", error_code === null, `a file is ${state} with ${error_code}`);
      await assertCounted(on);
    },
  },
  {
    name: "12 finalizes of one team: each file has a place of its own in the team's line, so that others take turns with it",
    naive: /12 tasks share \d+ places/,
    async run(on) {
      const world = await World.open(on);
      const ready = [];
      for (let i = 0; i < 12; i++) ready.push(world.finalize(await world.written(true)));
      await all(
        on,
        ready.map((input) => calling(on.catalogue, finalizeSession, input)),
      );
      const tasks = await on.db.selectFrom("tasks").select("fair_at").execute();
      const places = new Set(tasks.map((task) => task.fair_at)).size;
      assert.equal(places, 12, `${tasks.length} tasks share ${places} places`);
      await assertCounted(on);
    },
  },
  {
    name: "8 creates of one new bucket: one bucket, which holds all their files",
    naive: null,
    async run(on) {
      const world = await World.open(on);
      const ids = await all(
        on,
        times(8, () => calling(on.catalogue, createSession, world.create())),
      );
      const named = ids.map((output) => ("session" in output ? output.session.bucketIds : output.refused));
      assert.equal(new Set(named.map(String)).size, 1);
      assert.equal(await count(on, "buckets"), 1);
    },
  },
];

/** Wave after wave (under-test.ts). Fails when one of the calls was not answered. */
async function all<T>(on: CatalogueUnderTest, ...waves: readonly (readonly Call<T>[])[]): Promise<readonly T[]> {
  const outcomes = await on.together(waves);
  return outcomes.map((outcome) => {
    if (outcome.status === "rejected") throw outcome.reason;
    return outcome.value;
  });
}

function times<T>(count: number, make: (n: number) => T): readonly T[] {
  return Array.from({ length: count }, (_, n) => make(n));
}

/** The counters that the transactions keep are what their rows say. */
async function assertCounted({ catalogue }: CatalogueUnderTest): Promise<void> {
  assert.deepEqual(await catalogue.run(wrongTeams, {}), []);
  assert.deepEqual(await catalogue.run(wrongBuckets, { after: null }), { wrong: [], last: null });
}

async function count(on: CatalogueUnderTest, table: "upload_sessions" | "buckets" | "file_buckets"): Promise<number> {
  const { rows } = await sql<{ count: number }>`SELECT count(*) AS count FROM ${sql.table(table)}`.execute(on.db);
  return rows[0]?.count ?? 0;
}
