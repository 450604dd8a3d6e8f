import assert from "node:assert/strict";
import type { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, test } from "node:test";
import fc from "fast-check";
import type { Kysely } from "kysely";
import { serialTx } from "../catalogue/catalogue.ts";
import type { Schema } from "../catalogue/schema.ts";
import { isRefusal } from "../errors.ts";
import { brandId, type TeamId } from "../ids.ts";
import { LIMITS } from "../limits.ts";
import { openTestCatalogue } from "../tasks/test-catalogue.ts";
import { type CreateInput, createSession } from "./create.store.ts";
import { endSessions } from "./session.store.ts";

const A = brandId("team", "team_a");
const B = brandId("team", "team_b");
const TTL = 3_600_000;

let database: DatabaseSync;
let db: Kysely<Schema>;
let close: () => unknown;
let made = 0;

beforeEach(async () => {
  const on = await openTestCatalogue();
  ({ database, db } = on);
  close = () => on.close();
  for (const team of [A, B])
    database.exec(`INSERT INTO teams (id, slug, name, created_at) VALUES ('${team}', '${team}', 't', 0)`);
});

afterEach(() => close());

function input(teamId: TeamId, more: Partial<CreateInput> = {}): CreateInput {
  made += 1;
  return {
    teamId,
    sessionId: brandId("sess", `sess_${made}`),
    filename: "f",
    title: "f",
    contentType: "text/plain",
    sizeBytes: 10,
    tags: "[]",
    metadata: "{}",
    buckets: [{ sent: "inbox", id: null, slug: "inbox" }],
    createMissingBuckets: true,
    newBucketIds: [brandId("bucket", `bucket_${made}`)],
    idempotency: null,
    ttlMs: TTL,
    bucketsPerTeam: 100,
    createsPerSecond: 5,
    diskLow: false,
    ...more,
  };
}

/** One operation as the engine runs it: a refusal is rolled back. */
async function create(now: number, of: CreateInput) {
  database.exec("BEGIN");
  const output = await createSession.run(serialTx(db, now), of);
  database.exec(isRefusal(output) ? "ROLLBACK" : "COMMIT");
  return output;
}

async function created(now: number, of: CreateInput) {
  const output = await create(now, of);
  if (isRefusal(output)) throw new Error(`refused: ${output.refused}`);
  return output;
}

async function refusal(now: number, of: CreateInput): Promise<string> {
  const output = await create(now, of);
  return isRefusal(output) ? output.refused : "created";
}

function count(table: string): unknown {
  return database.prepare(`SELECT count(*) AS n FROM ${table}`).get()?.["n"];
}

test("The rate limit is exact under any arrivals, also when the clock steps back (LIM-1, LIM-5)", async () => {
  // Those of even steps meet both edges of the window, which others hardly ever do.
  const step = fc.oneof(fc.constantFrom(-1000, 0, 200, 500, 1000), fc.integer({ min: -1500, max: 700 }));
  const arrival = fc.record({ step, team: fc.constantFrom(A, B) });
  await fc.assert(
    fc.asyncProperty(fc.array(arrival, { maxLength: 60 }), async (arrivals) => {
      database.exec("DELETE FROM create_admissions");
      database.exec("DELETE FROM upload_sessions");
      const admitted: { at: number; team: TeamId }[] = [];
      let now = 1_000_000;
      for (const { step, team } of arrivals) {
        now += step;
        const at = now;
        // The oracle: those of the second before now; a time after now counts as absent.
        const inWindow = admitted.filter((one) => one.team === team && one.at > at - 1000 && one.at <= at).length;
        const output = await create(at, input(team));
        if (inWindow >= 5) assert.ok(isRefusal(output) && output.refused === "rate_limited");
        else {
          assert.ok(!isRefusal(output));
          admitted.push({ at, team });
        }
        // LIM-2: what is left is told with every answer.
        assert.equal(output.remaining, Math.max(0, 5 - inWindow - (isRefusal(output) ? 0 : 1)));
      }
    }),
    { numRuns: 150 },
  );
});

test("A team's create forgets what its rate limit needs no more, and nothing of another team's (LIM-1)", async () => {
  for (const team of [A, B]) await created(0, input(team));
  const now = LIMITS.admissionRetentionMs + 1;
  await created(now, input(A));
  assert.deepEqual(
    database
      .prepare("SELECT team_id, at FROM create_admissions ORDER BY team_id")
      .all()
      .map((row) => [row["team_id"], row["at"]]),
    [
      [A, now],
      [B, 0],
    ],
  );
});

test("A refusal makes nothing: no bucket, no session, no counted create (CRE-3, LIM-1)", async () => {
  const unresolvable = input(A, {
    buckets: [
      { sent: "new", id: null, slug: "new" },
      { sent: "bucket_no", id: brandId("bucket", "bucket_no"), slug: null },
      { sent: "", id: null, slug: null },
    ],
    newBucketIds: [1, 2, 3].map((n) => brandId("bucket", `bucket_x${n}`)),
  });
  const output = await create(0, unresolvable);
  assert.ok(isRefusal(output));
  assert.equal(output.refused, "bucket_assignment_failed");
  assert.deepEqual(output.details, { unresolved: ["bucket_no", ""] });
  assert.equal(count("buckets"), 0);
  assert.equal(count("upload_sessions"), 0);
  assert.equal(count("create_admissions"), 0);
});

test("One bucket more than a team may have is refused with the limit; what is there above it stays and can be used (BUC-7)", async () => {
  const named = (...slugs: readonly string[]) => ({
    buckets: slugs.map((slug) => ({ sent: slug.toUpperCase(), id: null, slug })),
    newBucketIds: slugs.map((slug) => brandId("bucket", `bucket_${slug}`)),
    createsPerSecond: 100,
  });
  await created(0, input(A, { ...named("a", "b"), bucketsPerTeam: 3 }));
  const refused = await create(1, input(A, { ...named("a", "c", "d"), bucketsPerTeam: 3 }));
  assert.ok(isRefusal(refused));
  assert.equal(refused.refused, "bucket_assignment_failed");
  assert.deepEqual(refused.details, { limit: 3, unresolved: ["C", "D"] });
  assert.equal(count("buckets"), 2);
  await created(2, input(A, { ...named("a", "b", "c"), bucketsPerTeam: 3 }));
  await created(3, input(B, { ...named("d"), bucketsPerTeam: 1 }));
  // The operator lowers the limit.
  assert.equal(await refusal(4, input(A, { ...named("d"), bucketsPerTeam: 1 })), "bucket_assignment_failed");
  await created(5, input(A, { ...named("a", "c"), bucketsPerTeam: 1 }));
});

test("The union of the bucket forms is de-duplicated and at most 20; another team's ids and archived ones are unresolved", async () => {
  const first = await created(0, input(A));
  const [id] = first.session.bucketIds;
  assert.ok(id !== undefined);
  const same = input(A, {
    buckets: [
      { sent: id, id, slug: null },
      { sent: "inbox", id: null, slug: "inbox" },
    ],
  });
  assert.deepEqual((await created(1, same)).session.bucketIds, [id]);
  assert.equal(await refusal(2, input(B, { buckets: [{ sent: id, id, slug: null }] })), "bucket_assignment_failed");
  const many = Array.from({ length: 21 }, (_, n) => ({ sent: `s${n}`, id: null, slug: `s${n}` }));
  const newBucketIds = many.map((_, n) => brandId("bucket", `bucket_m${n}`));
  assert.equal(await refusal(3, input(A, { buckets: many, newBucketIds })), "invalid_request");
  assert.equal(count("buckets"), 1);
  database.exec("UPDATE buckets SET status = 'archived'");
  assert.equal(await refusal(4, input(A)), "bucket_assignment_failed");
});

test("A key replays its session with a fresh expiry and is not counted again (IDE-2, IDE-5, LIM-1)", async () => {
  const idempotency = { operation: "create", key: "job", fingerprint: "x" } as const;
  const first = await created(0, input(A, { idempotency }));
  const again = await created(1000, input(A, { idempotency }));
  assert.equal(again.replayed, true);
  assert.equal(again.session.id, first.session.id);
  assert.equal(again.session.expiresAt, 1000 + TTL);
  const kept = database.prepare("SELECT last_used_at FROM idempotency_keys").all();
  assert.deepEqual(
    kept.map((row) => row["last_used_at"]),
    [1000],
    "its seven days begin anew",
  );
  assert.equal(count("create_admissions"), 1);
  assert.equal((await created(1001, input(B, { idempotency }))).replayed, false); // IDE-1: keys are a team's own
});

test("A key with another body is 422 and names the way out, whatever state its session is in (IDE-3)", async () => {
  const first = await created(0, input(A, { idempotency: { operation: "create", key: "job", fingerprint: "x" } }));
  for (const state of ["open", "finalized"]) {
    if (state === "finalized")
      database.exec(`UPDATE upload_sessions SET state = 'finalized', received_bytes = size_bytes, digest_state = 'd',
        md5 = 'm', crc32c = 'c', received_at = 1, ended_at = 1, sha256 = 's', file_id = 'file_1', task_id = 'task_1'`);
    const output = await create(1, input(A, { idempotency: { operation: "create", key: "job", fingerprint: "y" } }));
    assert.ok(isRefusal(output), state);
    assert.equal(output.refused, "idempotency_key_reused");
    assert.deepEqual(output.details, { session_id: first.session.id });
    assert.match(output.message ?? "", new RegExp(`DELETE .*${first.session.id}`));
  }
});

test("A key whose session expired or was cancelled unfinalized starts afresh, whatever the body (IDE-8)", async () => {
  const first = await created(0, input(A, { idempotency: { operation: "create", key: "job", fingerprint: "x" } }));
  const late = await created(TTL, input(A, { idempotency: { operation: "create", key: "job", fingerprint: "y" } }));
  assert.notEqual(late.session.id, first.session.id);
  await endSessions(serialTx(db, TTL + 1), "cancel", [late.session.id]);
  const third = await created(
    TTL + 2,
    input(A, { idempotency: { operation: "create", key: "job", fingerprint: "z" } }),
  );
  assert.notEqual(third.session.id, late.session.id);
  assert.equal(
    (await created(TTL + 3, input(A, { idempotency: { operation: "create", key: "job", fingerprint: "z" } }))).replayed,
    true,
  );
});

test("Failures are not remembered: the key works once what was wrong is mended (IDE-7)", async () => {
  const idempotency = { operation: "create", key: "job", fingerprint: "x" } as const;
  assert.equal(await refusal(0, input(A, { idempotency, createMissingBuckets: false })), "bucket_assignment_failed");
  assert.equal(await refusal(0, input(A, { idempotency, diskLow: true })), "storage_full");
  assert.equal((await created(1, input(A, { idempotency }))).replayed, false);
});

test("A full disk refuses new sessions after buckets were checked, and replays still answer (order of checks)", async () => {
  const idempotency = { operation: "create", key: "job", fingerprint: "x" } as const;
  await created(0, input(A, { idempotency }));
  assert.equal((await created(1, input(A, { idempotency, diskLow: true }))).replayed, true);
  assert.equal(await refusal(2, input(A, { diskLow: true })), "storage_full");
  assert.equal(
    await refusal(
      2,
      input(A, { diskLow: true, createMissingBuckets: false, buckets: [{ sent: "no", id: null, slug: "no" }] }),
    ),
    "bucket_assignment_failed",
  );
});

test("A team with 25 000 open sessions is told so, and one that ends makes room", async () => {
  database.exec(`UPDATE teams SET open_sessions = 25000 WHERE id = '${A}'`);
  assert.equal(await refusal(0, input(A)), "overloaded");
  assert.equal(await refusal(0, input(B)), "created");
  database.exec(`UPDATE teams SET open_sessions = 24999 WHERE id = '${A}'`);
  const { session } = await created(1, input(A));
  assert.equal(await refusal(2, input(A)), "overloaded");
  await endSessions(serialTx(db, 3), "cancel", [session.id]);
  assert.equal(await refusal(4, input(A)), "created");
});
