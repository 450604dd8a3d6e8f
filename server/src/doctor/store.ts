import { sql } from "kysely";
import { type Tx, walkOperation, writeOperation } from "../catalogue/catalogue.ts";
import { NO_LOCKS } from "../catalogue/locks.ts";
import type { BucketId, TeamId } from "../ids.ts";

/** Counters that the catalogue keeps beside its rows: compared with the rows, and set to what the rows say. */

/** Buckets of one read: each costs a walk over its memberships. */
const PAGE = 20;

/** Of the next buckets after `after`, those whose counters differ from their memberships. `last` null: it was the end. */
export const wrongBuckets = walkOperation("doctor.wrongBuckets", async (tx, { after }: { after: BucketId | null }) => {
  let query = tx.db.selectFrom("buckets").selectAll().orderBy("id").limit(PAGE);
  if (after !== null) query = query.where("id", ">", after);
  const page = await query.execute();
  const wrong: BucketId[] = [];
  for (const bucket of page) {
    const real = await countBucket(tx, bucket.id);
    const right =
      real.pending_files === bucket.pending_files &&
      real.active_files === bucket.active_files &&
      real.failed_files === bucket.failed_files &&
      real.active_chunks === bucket.active_chunks;
    if (!right) wrong.push(bucket.id);
  }
  return { wrong, last: page.length < PAGE ? null : (page.at(-1)?.id ?? null) };
});

/** Teams whose count of live sessions differs from the sessions (partial index upload_sessions_to_expire). */
export const wrongTeams = walkOperation("doctor.wrongTeams", async (tx, _input: object): Promise<readonly TeamId[]> => {
  const teams = await tx.db.selectFrom("teams").select(["id", "open_sessions"]).execute();
  const live = await liveSessions(tx);
  return teams.filter((team) => (live.get(team.id) ?? 0) !== team.open_sessions).map((team) => team.id);
});

export const recount = writeOperation(
  "doctor.recount",
  NO_LOCKS,
  async (tx, { buckets, teams }: { buckets: readonly BucketId[]; teams: readonly TeamId[] }): Promise<number> => {
    // Each row is written before its own rows are counted: whoever moves its counter then waits for this transaction, or is waited for.
    for (const id of buckets.toSorted()) {
      await tx.db
        .updateTable("buckets")
        .set(({ ref }) => ({ active_chunks: ref("active_chunks") }))
        .where("id", "=", id)
        .execute();
      await tx.db
        .updateTable("buckets")
        .set(await countBucket(tx, id))
        .where("id", "=", id)
        .execute();
    }
    for (const id of teams.toSorted())
      await tx.db
        .updateTable("teams")
        .set(({ ref }) => ({ open_sessions: ref("open_sessions") }))
        .where("id", "=", id)
        .execute();
    const live = teams.length === 0 ? new Map() : await liveSessions(tx);
    for (const id of teams)
      await tx.db
        .updateTable("teams")
        .set({ open_sessions: live.get(id) ?? 0 })
        .where("id", "=", id)
        .execute();
    return buckets.length + teams.length;
  },
);

export const doctorOperations = [wrongBuckets, wrongTeams, recount];

async function countBucket({ db }: Tx, bucket: BucketId) {
  const rows = await db
    .selectFrom("file_buckets")
    .innerJoin("files", "files.id", "file_buckets.file_id")
    .select(["file_buckets.status as status"])
    .select(({ fn }) => [fn.countAll<number>().as("files"), fn.sum<number>("files.active_chunks").as("chunks")])
    .where("file_buckets.bucket_id", "=", bucket)
    .groupBy("file_buckets.status")
    .execute();
  const of = (status: string) => rows.find((row) => row.status === status);
  return {
    pending_files: of("pending")?.files ?? 0,
    active_files: of("active")?.files ?? 0,
    failed_files: of("failed")?.files ?? 0,
    active_chunks: of("active")?.chunks ?? 0,
  };
}

async function liveSessions({ db }: Tx): Promise<ReadonlyMap<TeamId, number>> {
  const rows = await db
    .selectFrom("upload_sessions")
    .select("team_id")
    .select(({ fn }) => fn.countAll<number>().as("sessions"))
    // Literals, so that the partial index serves it.
    .where("state", "in", [sql.lit("open" as const), sql.lit("received" as const)])
    .groupBy("team_id")
    .execute();
  return new Map(rows.map((row) => [row.team_id, row.sessions]));
}
