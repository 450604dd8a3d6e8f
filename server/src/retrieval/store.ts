import { sql } from "kysely";
import type { NamedBucket } from "../buckets/named.ts";
import { resolveActive } from "../buckets/resolve.store.ts";
import { readOperation, type Tx, walkOperation } from "../catalogue/catalogue.ts";
import { type Bind, type ListOf, prepared, preparedForList } from "../catalogue/prepared.ts";
import { type Refusal, refuse } from "../errors.ts";
import { tagKey } from "../files/tag-key.ts";
import type { BucketId, FileId, TeamId } from "../ids.ts";
import { LIMITS } from "../limits.ts";
import type { BuildRef } from "../search-index/search-index.ts";

/** Where a search looks. */
export interface Scope {
  /** null = all the team's active buckets. */
  readonly bucketIds: readonly BucketId[] | null;
  readonly searched: Searched;
}

/** Sums of the buckets' counters: a file in two of them counts in both. */
export interface Searched {
  readonly buckets: number;
  readonly files: number;
  readonly chunks: number;
}

export interface NamedScope {
  readonly teamId: TeamId;
  /** At least one. */
  readonly buckets: readonly NamedBucket[];
}

export const findScope = readOperation("retrieval.scope", async (tx, wanted: NamedScope): Promise<Scope | Refusal> => {
  const bucketIds = await resolve(tx, wanted);
  if ("refused" in bucketIds) return bucketIds;
  const searched = { buckets: 0, files: 0, chunks: 0 };
  for (const id of bucketIds) {
    for (const { active_files, active_chunks } of await activeBucket(tx, { teamId: wanted.teamId, id })) {
      searched.buckets += 1;
      searched.files += active_files;
      searched.chunks += active_chunks;
    }
  }
  return { bucketIds, searched };
});

/** Every search that names a bucket waits for it. */
const activeBucket = prepared((db, $: Bind<{ teamId: TeamId; id: BucketId }>) =>
  db
    .selectFrom("buckets")
    .select(["active_files", "active_chunks"])
    .where("id", "=", $("id"))
    .where("team_id", "=", $("teamId"))
    .where("status", "=", "active"),
);

export interface CountedBuckets extends Searched {
  /** Where to go on; null when these were all. */
  readonly next: string | null;
}

/** The counters of at most limits.rowsPerRead of the team's active buckets, by slug. */
export const countBuckets = walkOperation(
  "retrieval.countBuckets",
  async (
    tx,
    { teamId, after }: { readonly teamId: TeamId; readonly after: string | null },
  ): Promise<CountedBuckets> => {
    // Every slug is behind the empty one.
    const [sums] = await countersBehind(tx, { teamId, after: after ?? "" });
    const { last = null, buckets = 0, files = 0, chunks = 0 } = sums ?? {};
    return { buckets, files, chunks, next: buckets < LIMITS.rowsPerRead ? null : last };
  },
);

/** Every search that names no bucket waits for it. */
const countersBehind = prepared((db, $: Bind<{ teamId: TeamId; after: string }>) =>
  db
    .selectFrom(
      db
        .selectFrom("buckets")
        .select(["slug", "active_files", "active_chunks"])
        .where("team_id", "=", $("teamId"))
        .where("status", "=", "active")
        .where("slug", ">", $("after"))
        .orderBy("slug")
        .limit(LIMITS.rowsPerRead)
        .as("some"),
    )
    .select(({ fn }) => [
      fn.countAll<number>().as("buckets"),
      sql<number>`coalesce(sum(active_files), 0)`.as("files"),
      sql<number>`coalesce(sum(active_chunks), 0)`.as("chunks"),
      fn.max<string | null>("slug").as("last"),
    ]),
);

/** An unknown or archived bucket refuses the whole search, so that a typing error finds nothing silently. */
async function resolve(tx: Tx, { teamId, buckets }: NamedScope): Promise<readonly BucketId[] | Refusal> {
  const found = await resolveActive(tx, teamId, buckets);
  if ("unresolved" in found)
    return refuse("bucket_assignment_failed", {
      message:
        "Some buckets do not exist or are archived; details.unresolved lists them. Correct them and search again.",
      details: { unresolved: [...found.unresolved] },
    });
  const resolved = found.ids;
  if (resolved.length > LIMITS.buckets)
    return refuse("invalid_request", {
      message: `A search names at most ${LIMITS.buckets} buckets; name fewer, or none for all of them.`,
      details: { field: "bucket_ids", max: LIMITS.buckets },
    });
  return resolved;
}

interface PairsWanted {
  readonly teamId: TeamId;
  /**
   * Fingerprints of metadata pairs that a file must have, all of them (files/metadata-fingerprint.ts). At least one.
   */
  readonly metadata: readonly string[];
}

/**
 * The pair that fewest files have, as far as limits.rowsPerRead can tell: beyond that a pair is common, and how common
 * no longer matters.
 */
export const rarestPair = walkOperation(
  "retrieval.rarestPair",
  async ({ db }, { teamId, metadata }: PairsWanted): Promise<{ readonly rarest: string }> => {
    const upTo = Math.ceil(LIMITS.rowsPerRead / metadata.length);
    let rarest = { fingerprint: metadata[0] ?? "", count: Number.POSITIVE_INFINITY };
    for (const fingerprint of metadata) {
      const { count } = await db
        .selectFrom(holdersOf(db, teamId, fingerprint).limit(upTo).as("some"))
        .select(({ fn }) => fn.countAll<number>().as("count"))
        .executeTakeFirstOrThrow();
      if (count < rarest.count) rarest = { fingerprint, count };
    }
    return { rarest: rarest.fingerprint };
  },
);

export interface MetadataPage {
  readonly files: readonly FileId[];
  /** Where to go on; null at the end. */
  readonly next: FileId | null;
}

/**
 * A stretch of the files with the rarest pair, in the order of ids: those of them that have every pair. Primary key of
 * file_metadata.
 */
export const walkMetadata = walkOperation(
  "retrieval.walkMetadata",
  async (
    { db },
    { teamId, metadata, rarest, after }: PairsWanted & { readonly rarest: string; readonly after: FileId | null },
  ): Promise<MetadataPage> => {
    const steps = Math.ceil(LIMITS.rowsPerRead / metadata.length);
    const holders = holdersOf(db, teamId, rarest).orderBy("file_id");
    const walked = after === null ? holders : holders.where("file_id", ">", after);
    const others = metadata.filter((fingerprint) => fingerprint !== rarest);
    const rows = await db
      .selectFrom(walked.limit(steps).as("walked"))
      .select("walked.file_id")
      .where(({ and, exists, selectFrom }) =>
        and(
          others.map((fingerprint) =>
            exists(
              selectFrom("file_metadata as other")
                .select("other.file_id")
                .where("other.team_id", "=", teamId)
                .where("other.fingerprint", "=", fingerprint)
                .whereRef("other.file_id", "=", "walked.file_id"),
            ),
          ),
        ),
      )
      // One more than a search may have refuses it.
      .limit(LIMITS.metadataFilterFiles + 1)
      .execute();
    const end = await walked
      .limit(1)
      .offset(steps - 1)
      .executeTakeFirst();
    return { files: rows.map((row) => row.file_id), next: end?.file_id ?? null };
  },
);

function holdersOf(db: Tx["db"], teamId: TeamId, fingerprint: string) {
  return db
    .selectFrom("file_metadata")
    .select("file_id")
    .where("team_id", "=", teamId)
    .where("fingerprint", "=", fingerprint);
}

export interface VisibleWanted {
  readonly teamId: TeamId;
  /** null = all the team's active buckets. */
  readonly bucketIds: readonly BucketId[] | null;
  /** All of them must be the file's. */
  readonly tags: readonly string[];
  /** At most limits.buildsPerRead. */
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
 * Which of the builds are shown now: the file's active one, of this team, active in a searched bucket, with every tag.
 * This and nothing else decides what a search returns, in one snapshot, so that a file appears and disappears
 * everywhere in the same instant (POL-2).
 */
export const findVisible = readOperation(
  "retrieval.visible",
  async (tx, wanted: VisibleWanted): Promise<readonly VisibleFile[]> => {
    const builds = new Set(wanted.builds.map((ref) => ref.build));
    const ids = [...new Set(wanted.builds.map((ref) => ref.file))];
    const files = (await activeFiles(tx, wanted, ids)).filter((file) => builds.has(file.build));
    const buckets = await activeBuckets(
      tx,
      wanted,
      files.map((file) => file.file),
    );
    return files.flatMap((file) => {
      const of = buckets.get(file.file);
      return of === undefined ? [] : [{ ...file, buckets: of }];
    });
  },
);

async function activeFiles(tx: Tx, { teamId, tags }: VisibleWanted, ids: readonly FileId[]) {
  if (ids.length === 0) return [];
  const rows =
    tags.length === 0
      ? await indexedFiles(tx, { teamId }, ids)
      : await indexed(tx.db)
          .where("id", "in", ids)
          .where("team_id", "=", teamId)
          .where(({ and, exists, selectFrom }) =>
            and(
              tags.map((tag) =>
                exists(
                  selectFrom("file_tags")
                    .select("file_tags.file_id")
                    .where("file_tags.team_id", "=", teamId)
                    .where("file_tags.tag", "=", tagKey(tag))
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

/** Every search reads them. By the primary key. */
const indexedFiles = preparedForList((db, $: Bind<{ teamId: TeamId }>, ids: ListOf<FileId>) =>
  indexed(db).where("id", "in", ids).where("team_id", "=", $("teamId")),
);

function indexed(db: Tx["db"]) {
  return db
    .selectFrom("files")
    .select(["id", "active_build", "active_version", "title", "filename", "tags", "metadata"])
    .where("state", "=", "indexed");
}

/** A file is in few buckets, so all that it is in are read, and those that are not searched left out here. */
async function activeBuckets(tx: Tx, { teamId, bucketIds }: VisibleWanted, ids: readonly FileId[]) {
  const searched = bucketIds === null ? null : new Set(bucketIds);
  const rows = await activeMemberships(tx, { teamId }, ids);
  const grouped = Map.groupBy(
    rows.filter(({ id }) => searched === null || searched.has(id)),
    (row) => row.file_id,
  );
  return new Map([...grouped].map(([file, of]) => [file, of.map(({ id, slug }) => ({ id, slug }))]));
}

/** Every search reads them. By the primary key of file_buckets. */
const activeMemberships = preparedForList((db, $: Bind<{ teamId: TeamId }>, ids: ListOf<FileId>) =>
  db
    .selectFrom("file_buckets")
    .innerJoin("buckets", "buckets.id", "file_buckets.bucket_id")
    .select(["file_buckets.file_id", "buckets.id", "buckets.slug"])
    .where("file_buckets.file_id", "in", ids)
    .where("file_buckets.team_id", "=", $("teamId"))
    .where("file_buckets.status", "=", "active")
    .where("buckets.status", "=", "active")
    .orderBy("buckets.slug"),
);

export const retrievalOperations = [findScope, countBuckets, rarestPair, walkMetadata, findVisible];
