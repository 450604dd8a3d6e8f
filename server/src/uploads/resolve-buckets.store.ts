import { looksLikeBucketId } from "../buckets/bucket.ts";
import type { NamedBucket } from "../buckets/named.ts";
import type { Tx } from "../catalogue/catalogue.ts";
import { type Bind, prepared } from "../catalogue/prepared.ts";
import { type Refusal, refuse } from "../errors.ts";
import type { BucketId, TeamId } from "../ids.ts";
import { LIMITS } from "../limits.ts";

/** A team's bucket by its id: none when it is another team's. */
export const bucketById = prepared((db, $: Bind<{ teamId: TeamId; id: BucketId }>) =>
  db.selectFrom("buckets").select(["id", "status"]).where("id", "=", $("id")).where("team_id", "=", $("teamId")),
);

const bucketBySlug = prepared((db, $: Bind<{ teamId: TeamId; slug: string }>) =>
  db.selectFrom("buckets").select(["id", "status"]).where("team_id", "=", $("teamId")).where("slug", "=", $("slug")),
);

/** A text that could be either is an id first. */
async function namedBucket(tx: Tx, teamId: TeamId, { id, slug }: NamedBucket) {
  const [ofId] = id === null ? [] : await bucketById(tx, { teamId, id });
  if (ofId !== undefined) return ofId;
  const [ofSlug] = slug === null ? [] : await bucketBySlug(tx, { teamId, slug });
  return ofSlug;
}

/**
 * CRE-1 … CRE-4: the union of what was named, de-duplicated; missing slugs made on request; when one cannot be resolved, nothing is
 * made at all (the caller refuses, and the engine rolls back). Two creates of one slug meet in UNIQUE (team_id, slug).
 */
export async function resolveBuckets(
  tx: Tx,
  input: {
    readonly teamId: TeamId;
    readonly buckets: readonly NamedBucket[];
    readonly createMissingBuckets: boolean;
    readonly newBucketIds: readonly BucketId[];
    readonly bucketsPerTeam: number;
  },
): Promise<{ readonly ids: readonly BucketId[] } | Refusal> {
  const { db, now } = tx;
  const ids = new Set<BucketId>();
  const missing = new Map<string, BucketId>();
  const unresolved = new Set<string>();
  for (const [index, wish] of input.buckets.entries()) {
    const found = await namedBucket(tx, input.teamId, wish);
    const newId = input.newBucketIds[index];
    if (found?.status === "active") ids.add(found.id);
    else if (found !== undefined || !input.createMissingBuckets || wish.slug === null || newId === undefined)
      unresolved.add(wish.sent);
    else if (!missing.has(wish.slug)) missing.set(wish.slug, newId);
  }
  if (unresolved.size > 0)
    return refuse("bucket_assignment_failed", {
      ...howToMend(
        input.buckets.filter(({ sent }) => unresolved.has(sent)),
        input.createMissingBuckets,
      ),
      details: { unresolved: [...unresolved] },
    });
  if (ids.size + missing.size > LIMITS.buckets)
    return refuse("invalid_request", {
      message: `A file can be in at most ${LIMITS.buckets} buckets; name fewer.`,
      details: { field: "bucket_ids", max: LIMITS.buckets },
    });
  if (missing.size > 0 && !(await hasRoom(tx, input, missing.size)))
    return refuse("bucket_assignment_failed", {
      message: `A team may have ${input.bucketsPerTeam} buckets, archived ones too, and yours has no room for ${missing.size} more. Use buckets that exist.`,
      details: {
        limit: input.bucketsPerTeam,
        unresolved: input.buckets.filter(({ slug }) => slug !== null && missing.has(slug)).map(({ sent }) => sent),
      },
    });
  for (const [slug, id] of missing) {
    await db
      .insertInto("buckets")
      .values({
        id,
        team_id: input.teamId,
        slug,
        name: slug,
        description: null,
        status: "active",
        pending_files: 0,
        active_files: 0,
        failed_files: 0,
        active_chunks: 0,
        created_at: now,
        updated_at: now,
        last_synced_at: null,
        last_error: null,
      })
      .onConflict((conflict) => conflict.columns(["team_id", "slug"]).doNothing())
      .execute();
  }
  if (missing.size > 0) {
    const made = await db
      .selectFrom("buckets")
      .select("id")
      .where("team_id", "=", input.teamId)
      .where("slug", "in", [...missing.keys()])
      .execute();
    for (const bucket of made) ids.add(bucket.id);
  }
  return { ids: [...ids] };
}

/** What the caller has to change; the catalogue's own sentence when there is nothing more exact. */
function howToMend(unresolved: readonly NamedBucket[], createMissingBuckets: boolean): { message?: string } {
  const impossible = unresolved.find(({ id, slug }) => id === null && slug === null);
  if (impossible !== undefined && !looksLikeBucketId(impossible.sent))
    return {
      message: `${JSON.stringify(impossible.sent.slice(0, LIMITS.slugChars))} can be no bucket's slug: it must have 1 to ${LIMITS.slugChars} of a-z, 0-9 and -, and begin with a letter or a digit. Choose another slug.`,
    };
  if (createMissingBuckets)
    return {
      message:
        "Some buckets are archived, or are named by ids that do not exist; details.unresolved lists them. Name others: what is archived is not used, and ids are never created.",
    };
  return {};
}

/** §6. What is there above the limit stays. */
async function hasRoom(
  tx: Tx,
  { teamId, bucketsPerTeam }: { readonly teamId: TeamId; readonly bucketsPerTeam: number },
  more: number,
): Promise<boolean> {
  if (more > bucketsPerTeam) return false;
  // Nearly every team has none at that place, and the walk to it ends at once.
  const [inTheWay] = await bucketAt(tx, { teamId, place: bucketsPerTeam - more });
  return inTheWay === undefined;
}

const bucketAt = prepared((db, $: Bind<{ teamId: TeamId; place: number }>) =>
  db.selectFrom("buckets").select("id").where("team_id", "=", $("teamId")).orderBy("slug").limit(1).offset($("place")),
);
