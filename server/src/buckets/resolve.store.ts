import type { Tx } from "../catalogue/catalogue.ts";
import { type Bind, prepared } from "../catalogue/prepared.ts";
import type { BucketStatus } from "../catalogue/schema.ts";
import { type Refusal, refuse } from "../errors.ts";
import { type BucketId, hasIdForm, type TeamId } from "../ids.ts";
import { LIMITS } from "../limits.ts";
import { looksLikeBucketId } from "./bucket.ts";
import { type NamedBucket, TOO_MANY_BUCKETS } from "./named.ts";

/**
 * Which bucket a request means: every name of one, in a create, a list, a search or a change of a file, is looked up
 * here. What is deleted is found by no name.
 */
export async function findNamed(tx: Tx, teamId: TeamId, { id, slug }: NamedBucket): Promise<FoundBucket | undefined> {
  // A text that could be either is an id first.
  const ofId = id === null ? undefined : await findBucket(tx, teamId, id);
  if (ofId !== undefined || slug === null) return ofId;
  const [ofSlug] = await bucketBySlug(tx, { teamId, slug });
  return ofSlug;
}

/** A team's bucket by its id: none when it is another team's. */
export async function findBucket(tx: Tx, teamId: TeamId, id: BucketId): Promise<FoundBucket | undefined> {
  const [found] = await bucketById(tx, { teamId, id });
  return found;
}

export interface FoundBucket {
  readonly id: BucketId;
  readonly status: BucketStatus;
}

const bucketById = prepared((db, $: Bind<{ teamId: TeamId; id: BucketId }>) =>
  db
    .selectFrom("buckets")
    .select(["id", "status"])
    .where("id", "=", $("id"))
    .where("team_id", "=", $("teamId"))
    .where("deleted_at", "is", null),
);

const bucketBySlug = prepared((db, $: Bind<{ teamId: TeamId; slug: string }>) =>
  db
    .selectFrom("buckets")
    .select(["id", "status"])
    .where("team_id", "=", $("teamId"))
    .where("slug", "=", $("slug"))
    .where("deleted_at", "is", null),
);

/**
 * The active buckets of all names, each once, in their order; or the names, as they were sent, of which some is none.
 */
export async function resolveActive(
  tx: Tx,
  teamId: TeamId,
  names: readonly NamedBucket[],
): Promise<{ readonly ids: readonly BucketId[] } | { readonly unresolved: readonly string[] }> {
  const ids = new Set<BucketId>();
  const unresolved = new Set<string>();
  for (const name of names) {
    const found = await findNamed(tx, teamId, name);
    if (found?.status === "active") ids.add(found.id);
    else unresolved.add(name.sent);
  }
  return unresolved.size > 0 ? { unresolved: [...unresolved] } : { ids: [...ids] };
}

/**
 * CRE-1 … CRE-4: the union of what was named, de-duplicated; missing slugs made on request; when one cannot be
 * resolved, nothing is made at all (the caller refuses, and the engine rolls back). Two creates of one slug meet in
 * UNIQUE (team_id, slug).
 */
export async function resolveBuckets(
  tx: Tx,
  input: BucketWishes,
): Promise<{ readonly ids: readonly BucketId[] } | Refusal> {
  const judged = await judgeBuckets(tx, input);
  if ("refused" in judged) return judged;
  const ids = new Set(judged.ids);
  for (const [slug, id] of judged.missing)
    ids.add(await makeBucket(tx, { id, teamId: input.teamId, slug, name: slug, description: null }));
  return { ids: [...ids] };
}

/** The same without making any: `missing` are the slugs to make, with their ids. */
export async function judgeBuckets(
  tx: Tx,
  input: BucketWishes,
): Promise<{ readonly ids: readonly BucketId[]; readonly missing: ReadonlyMap<string, BucketId> } | Refusal> {
  const ids = new Set<BucketId>();
  const missing = new Map<string, BucketId>();
  const unresolved = new Set<string>();
  for (const [index, wish] of input.buckets.entries()) {
    const found = await findNamed(tx, input.teamId, wish);
    const newId = input.newBucketIds[index];
    if (found?.status === "active") ids.add(found.id);
    else if (found !== undefined || !input.createMissingBuckets || newId === undefined || !mayBeMade(wish))
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
      message: TOO_MANY_BUCKETS,
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
  return { ids: [...ids], missing };
}

/**
 * "Slugs (never ids)" (contract §2): as a slug, an id would become a bucket that is called like another. One that was
 * made so by an earlier version is still found.
 */
function mayBeMade(wish: NamedBucket): wish is NamedBucket & { readonly slug: string } {
  return wish.slug !== null && !hasIdForm("bucket", wish.sent);
}

export interface BucketWishes {
  readonly teamId: TeamId;
  readonly buckets: readonly NamedBucket[];
  readonly createMissingBuckets: boolean;
  /** One for each wish: those of the buckets that are made. */
  readonly newBucketIds: readonly BucketId[];
  readonly bucketsPerTeam: number;
}

/** The id of the team's bucket of that slug: this one, or one that another create has just made. */
async function makeBucket({ db, now }: Tx, { teamId, ...bucket }: NewBucket): Promise<BucketId> {
  await db
    .insertInto("buckets")
    .values({ ...EMPTY_BUCKET, ...bucket, team_id: teamId, created_at: now, updated_at: now })
    .onConflict((conflict) => conflict.columns(["team_id", "slug"]).doNothing())
    .execute();
  const { id } = await db
    .selectFrom("buckets")
    .select("id")
    .where("team_id", "=", teamId)
    .where("slug", "=", bucket.slug)
    .executeTakeFirstOrThrow();
  return id;
}

export interface NewBucket {
  readonly id: BucketId;
  readonly teamId: TeamId;
  readonly slug: string;
  readonly name: string;
  readonly description: string | null;
}

const EMPTY_BUCKET = {
  status: "active",
  pending_files: 0,
  active_files: 0,
  failed_files: 0,
  active_chunks: 0,
  last_synced_at: null,
  last_error: null,
  deleted_at: null,
} as const;

/**
 * POST: `conflict` when the slug is taken, by an archived bucket too. Whoever calls it holds the team's `creates` lock.
 */
export async function makeNewBucket(
  tx: Tx,
  bucket: NewBucket,
  bucketsPerTeam: number,
): Promise<{ readonly id: BucketId } | Refusal> {
  const [taken] = await bucketBySlug(tx, bucket);
  if (taken !== undefined)
    return refuse("conflict", {
      message: `There is a bucket ${bucket.slug} already${taken.status === "archived" ? ", which is archived: PATCH its status to active" : ""}. Use it, or choose another slug.`,
      details: { field: "slug", bucket_id: taken.id },
    });
  if (!(await hasRoom(tx, { teamId: bucket.teamId, bucketsPerTeam }, 1)))
    return refuse("bucket_assignment_failed", {
      message: `A team may have ${bucketsPerTeam} buckets, archived ones too, and yours has as many. Delete one first.`,
      details: { limit: bucketsPerTeam },
    });
  return { id: await makeBucket(tx, bucket) };
}

/** What the caller has to change; the catalogue's own sentence when there is nothing more exact. */
function howToMend(unresolved: readonly NamedBucket[], createMissingBuckets: boolean): { message?: string } {
  const impossible = unresolved.find(({ id, slug, onlyId }) => id === null && slug === null && onlyId !== true);
  if (impossible !== undefined && !looksLikeBucketId(impossible.sent))
    return {
      message: `${JSON.stringify(impossible.sent.slice(0, LIMITS.slugChars))} can be no bucket's slug: it must have 1 to ${LIMITS.slugChars} of a-z, 0-9 and -, and begin with a letter or a digit. Choose another slug.`,
    };
  if (unresolved.some(({ sent, slug }) => slug !== null && hasIdForm("bucket", sent)))
    return {
      message:
        'A bucket\'s id stands among slugs; details.unresolved lists it. Name it in bucket_ids: slugs are names, such as "legal".',
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
  db
    .selectFrom("buckets")
    .select("id")
    .where("team_id", "=", $("teamId"))
    .where("deleted_at", "is", null)
    .orderBy("slug")
    .limit(1)
    .offset($("place")),
);
