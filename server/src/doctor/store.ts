import { sql } from "kysely";
import { type Tx, walkOperation, writeOperation } from "../catalogue/catalogue.ts";
import { NO_LOCKS } from "../catalogue/locks.ts";
import type { BucketId, TeamId } from "../ids.ts";

/** Counters that the catalogue keeps beside its rows: compared with the rows, and set to what the rows say. */

/** Buckets of one read: each costs a walk over its memberships. */
const PAGE = 20;

/**
 * Of the next buckets after `after`, those whose counters differ from their memberships. `last` null: it was the end.
 */
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

/**
 * Teams whose count of live sessions, or sum of kept answers, differs from the rows (upload_sessions_to_expire,
 * responses_of_team).
 */
export const wrongTeams = walkOperation("doctor.wrongTeams", async (tx, _input: object): Promise<readonly TeamId[]> => {
  const teams = await tx.db.selectFrom("teams").select(["id", "open_sessions"]).execute();
  const live = await liveSessions(tx);
  const [kept, total] = [await keptBytes(tx), await totalBytes(tx)];
  const isRight = ({ id, open_sessions }: (typeof teams)[number]) =>
    (live.get(id) ?? 0) === open_sessions && (kept.get(id) ?? 0) === (total.get(id) ?? 0);
  return teams.filter((team) => !isRight(team)).map((team) => team.id);
});

export const recount = writeOperation(
  "doctor.recount",
  NO_LOCKS,
  async (tx, { buckets, teams }: { buckets: readonly BucketId[]; teams: readonly TeamId[] }): Promise<number> => {
    // Each row is written before its own rows are counted: whoever moves its counter then waits for this transaction,
    // or is waited for.
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
    for (const id of teams.toSorted()) await recountKept(tx, id);
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

/** The row is written before its answers are counted, as above. */
async function recountKept({ db }: Tx, id: TeamId): Promise<void> {
  await db
    .insertInto("response_totals")
    .values({ team_id: id, bytes: 0 })
    .onConflict((conflict) =>
      conflict.column("team_id").doUpdateSet(({ ref }) => ({ bytes: ref("response_totals.bytes") })),
    )
    .execute();
  const { bytes } = await db
    .selectFrom("responses")
    .select(({ fn }) => fn.coalesce(fn.sum<number>("bytes"), sql.lit(0)).as("bytes"))
    .where("team_id", "=", id)
    .executeTakeFirstOrThrow();
  await db.updateTable("response_totals").set({ bytes }).where("team_id", "=", id).execute();
}

async function keptBytes({ db }: Tx): Promise<ReadonlyMap<TeamId, number>> {
  const rows = await db
    .selectFrom("responses")
    .select("team_id")
    .select(({ fn }) => fn.sum<number>("bytes").as("bytes"))
    .groupBy("team_id")
    .execute();
  return new Map(rows.map(({ team_id, bytes }) => [team_id, Number(bytes)]));
}

async function totalBytes({ db }: Tx): Promise<ReadonlyMap<TeamId, number>> {
  const rows = await db.selectFrom("response_totals").selectAll().execute();
  return new Map(rows.map(({ team_id, bytes }) => [team_id, bytes]));
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
