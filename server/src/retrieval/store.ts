import { sql } from "kysely";
import type { NamedBucket } from "../buckets/named.ts";
import { readOperation, type Tx } from "../catalogue/catalogue.ts";
import { type Refusal, refuse } from "../errors.ts";
import type { BucketId, FileId, TeamId } from "../ids.ts";
import { LIMITS } from "../limits.ts";
import type { BuildRef } from "../search-index/search-index.ts";

export interface ScopeWanted {
  readonly teamId: TeamId;
  /** Empty = all the team's active buckets. */
  readonly buckets: readonly NamedBucket[];
  /** Fingerprints of metadata pairs that a file must have, all of them (files/metadata-fingerprint.ts). */
  readonly metadata: readonly string[];
}

/** Where a search looks. */
export interface Scope {
  /** null = all the team's active buckets. */
  readonly bucketIds: readonly BucketId[] | null;
  /** The files with the wanted metadata; null when none was wanted. */
  readonly files: readonly FileId[] | null;
  /** Sums of the buckets' counters: a file in two of them counts in both. */
  readonly searched: { readonly buckets: number; readonly files: number; readonly chunks: number };
}

/** Resolves the names and the metadata filter, in one snapshot. */
export const findScope = readOperation("retrieval.scope", async (tx, wanted: ScopeWanted): Promise<Scope | Refusal> => {
  const ids = wanted.buckets.length === 0 ? null : await resolve(tx, wanted);
  if (ids !== null && "refused" in ids) return ids;
  const files = await filesWithMetadata(tx, wanted);
  if (files !== null && "refused" in files) return files;
  return { bucketIds: ids, files, searched: await sumCounters(tx, wanted.teamId, ids) };
});

/** Ids are tried before slugs; an unknown or archived bucket refuses the whole search, so that a typing error finds nothing silently. */
async function resolve({ db }: Tx, { teamId, buckets }: ScopeWanted): Promise<readonly BucketId[] | Refusal> {
  const ids = buckets.flatMap((bucket) => bucket.id ?? []);
  const slugs = buckets.flatMap((bucket) => bucket.slug ?? []);
  const known = await db
    .selectFrom("buckets")
    .select(["id", "slug"])
    .where("team_id", "=", teamId)
    .where("status", "=", "active")
    .where(({ eb, or }) => or([eb("id", "in", ids), eb("slug", "in", slugs)]))
    .execute();
  const byId = new Map(known.map((bucket) => [bucket.id, bucket.id]));
  const bySlug = new Map(known.map((bucket) => [bucket.slug, bucket.id]));
  const found = buckets.map(({ sent, id, slug }) => ({
    sent,
    id: (id === null ? undefined : byId.get(id)) ?? (slug === null ? undefined : bySlug.get(slug)),
  }));
  const unresolved = new Set(found.filter((bucket) => bucket.id === undefined).map((bucket) => bucket.sent));
  if (unresolved.size > 0)
    return refuse("bucket_assignment_failed", {
      message:
        "Some buckets do not exist or are archived; details.unresolved lists them. Correct them and search again.",
      details: { unresolved: [...unresolved] },
    });
  const resolved = [...new Set(found.flatMap((bucket) => bucket.id ?? []))];
  if (resolved.length > LIMITS.buckets)
    return refuse("invalid_request", {
      message: `A search names at most ${LIMITS.buckets} buckets; name fewer, or none for all of them.`,
      details: { field: "bucket_ids", max: LIMITS.buckets },
    });
  return resolved;
}

/**
 * Files that have every pair, by the primary key of file_metadata. It walks the rarest pair, which is counted first, as far as the
 * limit goes. Contract §9: more than 1 000 are refused, since they would be as many hints.
 */
async function filesWithMetadata(
  { db }: Tx,
  { teamId, metadata }: ScopeWanted,
): Promise<readonly FileId[] | null | Refusal> {
  if (metadata.length === 0) return null;
  const holders = (fingerprint: string) =>
    db
      .selectFrom("file_metadata")
      .select("file_id")
      .where("team_id", "=", teamId)
      .where("fingerprint", "=", fingerprint);
  let rarest = { fingerprint: metadata[0] ?? "", count: Number.POSITIVE_INFINITY };
  for (const fingerprint of metadata) {
    const { count } = await db
      .selectFrom(holders(fingerprint).limit(MAX_COUNTED).as("some"))
      .select(({ fn }) => fn.countAll<number>().as("count"))
      .executeTakeFirstOrThrow();
    if (count < rarest.count) rarest = { fingerprint, count };
  }
  const others = metadata.filter((fingerprint) => fingerprint !== rarest.fingerprint);
  const rows = await holders(rarest.fingerprint)
    .where(({ and, exists, selectFrom }) =>
      and(
        others.map((fingerprint) =>
          exists(
            selectFrom("file_metadata as other")
              .select("other.file_id")
              .where("other.team_id", "=", teamId)
              .where("other.fingerprint", "=", fingerprint)
              .whereRef("other.file_id", "=", "file_metadata.file_id"),
          ),
        ),
      ),
    )
    .limit(LIMITS.metadataFilterFiles + 1)
    .execute();
  if (rows.length > LIMITS.metadataFilterFiles)
    return refuse("invalid_request", {
      message: `filters.metadata matches more than ${LIMITS.metadataFilterFiles} files; add another pair, or filter by tag or bucket.`,
      details: { field: "filters.metadata", max_files: LIMITS.metadataFilterFiles },
    });
  return rows.map((row) => row.file_id);
}

/** Beyond this a pair is common, and how common no longer matters. */
const MAX_COUNTED = 5000;

async function sumCounters({ db }: Tx, teamId: TeamId, ids: readonly BucketId[] | null): Promise<Scope["searched"]> {
  const buckets = db.selectFrom("buckets").where("team_id", "=", teamId).where("status", "=", "active");
  return (ids === null ? buckets : buckets.where("id", "in", ids))
    .select(({ fn }) => [
      fn.countAll<number>().as("buckets"),
      sql<number>`coalesce(sum(active_files), 0)`.as("files"),
      sql<number>`coalesce(sum(active_chunks), 0)`.as("chunks"),
    ])
    .executeTakeFirstOrThrow();
}

export interface VisibleWanted {
  readonly teamId: TeamId;
  /** null = all the team's active buckets. */
  readonly bucketIds: readonly BucketId[] | null;
  /** All of them must be the file's. */
  readonly tags: readonly string[];
  readonly builds: readonly BuildRef[];
}

/** A file that the search may show, and how it is cited. */
export interface VisibleFile extends BuildRef {
  readonly version: number;
  readonly title: string;
  readonly filename: string;
  /** JSON text of an array. */
  readonly tags: string;
  /** JSON text of an object. */
  readonly metadata: string;
  /** Those of the searched buckets that it is active in, by slug. */
  readonly buckets: readonly { readonly id: BucketId; readonly slug: string }[];
}

/**
 * Which of the builds are shown now: the file's active one, of this team, active in a searched bucket, with every tag. This and
 * nothing else decides what a search returns, in one snapshot, so that a file appears and disappears everywhere in the same instant (POL-2).
 */
export const findVisible = readOperation(
  "retrieval.visible",
  async (tx, wanted: VisibleWanted): Promise<readonly VisibleFile[]> => {
    const builds = new Set(wanted.builds.map((ref) => ref.build));
    const ids = [...new Set(wanted.builds.map((ref) => ref.file))];
    const visible: VisibleFile[] = [];
    for (let from = 0; from < ids.length; from += IDS_PER_STATEMENT) {
      const some = ids.slice(from, from + IDS_PER_STATEMENT);
      const files = (await activeFiles(tx, wanted, some)).filter((file) => builds.has(file.build));
      const buckets = await activeBuckets(
        tx,
        wanted,
        files.map((file) => file.file),
      );
      for (const file of files) {
        const of = buckets.get(file.file);
        if (of !== undefined) visible.push({ ...file, buckets: of });
      }
    }
    return visible;
  },
);

/** SQLite binds at most 32 766 values a statement, PostgreSQL 65 535; and few lengths of lists keep the prepared statements few. */
const IDS_PER_STATEMENT = 500;

async function activeFiles({ db }: Tx, { teamId, tags }: VisibleWanted, ids: readonly FileId[]) {
  const rows = await db
    .selectFrom("files")
    .select(["id", "active_build", "active_version", "title", "filename", "tags", "metadata"])
    .where("id", "in", ids)
    .where("team_id", "=", teamId)
    .where("state", "=", "indexed")
    .where(({ and, exists, selectFrom }) =>
      and(
        tags.map((tag) =>
          exists(
            selectFrom("file_tags")
              .select("file_tags.file_id")
              .where("file_tags.team_id", "=", teamId)
              .where("file_tags.tag", "=", tag)
              .whereRef("file_tags.file_id", "=", "files.id"),
          ),
        ),
      ),
    )
    .execute();
  return rows.flatMap(({ id, active_build, active_version, ...file }) =>
    active_build === null || active_version === null
      ? []
      : [{ ...file, file: id, build: active_build, version: active_version }],
  );
}

/** By the primary key of file_buckets. */
async function activeBuckets({ db }: Tx, { teamId, bucketIds }: VisibleWanted, ids: readonly FileId[]) {
  if (ids.length === 0) return new Map<FileId, VisibleFile["buckets"]>();
  const memberships = db
    .selectFrom("file_buckets")
    .innerJoin("buckets", "buckets.id", "file_buckets.bucket_id")
    .select(["file_buckets.file_id", "buckets.id", "buckets.slug"])
    .where("file_buckets.file_id", "in", ids)
    .where("file_buckets.team_id", "=", teamId)
    .where("file_buckets.status", "=", "active")
    .where("buckets.status", "=", "active")
    .orderBy("buckets.slug");
  const rows = await (bucketIds === null ? memberships : memberships.where("buckets.id", "in", bucketIds)).execute();
  const grouped = Map.groupBy(rows, (row) => row.file_id);
  return new Map([...grouped].map(([file, of]) => [file, of.map(({ id, slug }) => ({ id, slug }))]));
}

export const retrievalOperations = [findScope, findVisible];
