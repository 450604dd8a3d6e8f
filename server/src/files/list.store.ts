import type { ExpressionBuilder, Kysely } from "kysely";
import { readOperation, type Tx } from "../catalogue/catalogue.ts";
import type { FileState, FilesTable, Schema } from "../catalogue/schema.ts";
import { assertNever } from "../errors.ts";
import type { BucketId, TeamId } from "../ids.ts";
import { LIMITS } from "../limits.ts";
import { FILE_STATES } from "./file.ts";
import type { ListFilter, ListPosition, ListRequest } from "./list.ts";
import { type FileView, viewsOf } from "./view.store.ts";

export interface FilePage {
  readonly files: readonly FileView[];
  /** Where the next page begins; null at the end. */
  readonly next: ListPosition | null;
}

/**
 * One page of the team's files, newest first (created_at, then id). Two plans, chosen by counting at most limits.listSortRows entries of
 * each filter's index. With a small set, its files are read and sorted (5 ms for 1 900). Otherwise files are walked newest first and each is
 * looked up in the filters' indexes, which is quick just because many match (0.1 ms). One plan for both took 77 ms to find 100 old
 * files among 300 000, and would block every other read meanwhile.
 */
export const listFiles = readOperation(
  "files.list",
  async (tx, input: ListRequest & { readonly teamId: TeamId }): Promise<FilePage> => {
    const sets = await setsOf(tx, input.teamId, input.filter);
    if (sets === null) return { files: [], next: null };
    const rows = await pageOf(tx, input, sets);
    const files = await viewsOf(tx, rows.slice(0, input.limit));
    const last = files.at(-1);
    return {
      files,
      next: rows.length > input.limit && last !== undefined ? { createdAt: last.createdAt, id: last.id } : null,
    };
  },
);

/** A set of files that a filter names, as rows of one index. */
type FileSet =
  | { readonly of: "file_buckets"; readonly bucketId: BucketId }
  | { readonly of: "file_tags"; readonly tag: string }
  | { readonly of: "file_metadata"; readonly fingerprint: string };

/** Null: a bucket that the team does not have, so an empty list. */
async function setsOf({ db }: Tx, teamId: TeamId, filter: ListFilter): Promise<readonly FileSet[] | null> {
  const sets: FileSet[] = [
    ...filter.tags.map((tag) => ({ of: "file_tags" as const, tag })),
    ...filter.metadata.map((fingerprint) => ({ of: "file_metadata" as const, fingerprint })),
  ];
  if (filter.bucket === null) return sets;
  const { id, slug } = filter.bucket;
  const named = await db
    .selectFrom("buckets")
    .select("id")
    .where("team_id", "=", teamId)
    .where(({ or, eb }) =>
      or([...(id === null ? [] : [eb("id", "=", id)]), ...(slug === null ? [] : [eb("slug", "=", slug)])]),
    )
    .execute();
  // An exact id is tried first, as in create.
  const bucket = named.find((row) => row.id === id) ?? named[0];
  return bucket === undefined ? null : [{ of: "file_buckets", bucketId: bucket.id }, ...sets];
}

type PageRequest = ListRequest & { readonly teamId: TeamId };

/** One row more than the page holds, when there is one. */
async function pageOf(tx: Tx, request: PageRequest, sets: readonly FileSet[]): Promise<readonly FilesTable[]> {
  const { status } = request.filter;
  const states = status === null ? FILE_STATES.filter((state) => state !== "deleted") : [status];
  const smallest = await smallestOf(tx, request.teamId, sets);
  if (smallest !== null) return select(tx, request, states, sets, smallest);
  // State by state: a walk over all of them would step over every tombstone of the last 30 days (index files_by_state).
  const rows: FilesTable[] = [];
  for (const state of states) rows.push(...(await select(tx, request, [state], sets, null)));
  return rows.sort(newestFirst).slice(0, request.limit + 1);
}

function newestFirst(a: FilesTable, b: FilesTable): number {
  return b.created_at - a.created_at || (a.id < b.id ? 1 : -1);
}

function select(
  { db }: Tx,
  { teamId, filter, limit, after }: PageRequest,
  states: readonly FileState[],
  sets: readonly FileSet[],
  smallest: FileSet | null,
): Promise<FilesTable[]> {
  const files = db.selectFrom("files").selectAll("files").where("files.state", "in", states);
  let query =
    smallest === null
      ? files.where("files.team_id", "=", teamId)
      : files.$if(true, (every) =>
          every.innerJoin(membersOf(db, teamId, smallest, LIMITS.listSortRows), (join) =>
            // The team comes from the set's rows: a constant would lead SQLite to walk the team's files instead.
            join.onRef("members.file_id", "=", "files.id").onRef("members.team_id", "=", "files.team_id"),
          ),
        );
  for (const set of sets) if (set !== smallest) query = query.where((eb) => isIn(eb, set));
  if (filter.createdAfter !== null) query = query.where("files.created_at", ">", filter.createdAfter);
  if (after !== null)
    query = query.where(({ or, and, eb }) =>
      or([
        eb("files.created_at", "<", after.createdAt),
        and([eb("files.created_at", "=", after.createdAt), eb("files.id", "<", after.id)]),
      ]),
    );
  return query
    .orderBy("files.created_at", "desc")
    .orderBy("files.id", "desc")
    .limit(limit + 1)
    .execute();
}

/** The smallest of the sets, when it can be read whole; null = none is small. */
async function smallestOf({ db }: Tx, teamId: TeamId, sets: readonly FileSet[]): Promise<FileSet | null> {
  let smallest: { readonly set: FileSet; readonly count: number } | null = null;
  for (const set of sets) {
    const { count } = await db
      .selectFrom(membersOf(db, teamId, set, LIMITS.listSortRows + 1))
      .select(({ fn }) => fn.countAll<number>().as("count"))
      .executeTakeFirstOrThrow();
    if (count <= LIMITS.listSortRows && (smallest === null || count < smallest.count)) smallest = { set, count };
  }
  return smallest?.set ?? null;
}

/** At most `limit` rows of the set, from its own index. */
function membersOf(db: Kysely<Schema>, teamId: TeamId, set: FileSet, limit: number) {
  switch (set.of) {
    case "file_buckets":
      return db
        .selectFrom("file_buckets")
        .select(["team_id", "file_id"])
        .where("team_id", "=", teamId)
        .where("bucket_id", "=", set.bucketId)
        .limit(limit)
        .as("members");
    case "file_tags":
      return db
        .selectFrom("file_tags")
        .select(["team_id", "file_id"])
        .where("team_id", "=", teamId)
        .where("tag", "=", set.tag)
        .limit(limit)
        .as("members");
    case "file_metadata":
      return db
        .selectFrom("file_metadata")
        .select(["team_id", "file_id"])
        .where("team_id", "=", teamId)
        .where("fingerprint", "=", set.fingerprint)
        .limit(limit)
        .as("members");
    default:
      return assertNever(set);
  }
}

/** One look into the set's index for a file at hand. */
function isIn(eb: ExpressionBuilder<Schema, "files">, set: FileSet) {
  switch (set.of) {
    case "file_buckets":
      return eb.exists(
        eb
          .selectFrom("file_buckets")
          .select("file_buckets.file_id")
          .whereRef("file_buckets.file_id", "=", "files.id")
          .where("file_buckets.bucket_id", "=", set.bucketId),
      );
    case "file_tags":
      return eb.exists(
        eb
          .selectFrom("file_tags")
          .select("file_tags.file_id")
          .whereRef("file_tags.team_id", "=", "files.team_id")
          .whereRef("file_tags.file_id", "=", "files.id")
          .where("file_tags.tag", "=", set.tag),
      );
    case "file_metadata":
      return eb.exists(
        eb
          .selectFrom("file_metadata")
          .select("file_metadata.file_id")
          .whereRef("file_metadata.team_id", "=", "files.team_id")
          .whereRef("file_metadata.file_id", "=", "files.id")
          .where("file_metadata.fingerprint", "=", set.fingerprint),
      );
    default:
      return assertNever(set);
  }
}
