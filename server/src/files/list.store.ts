import { type ExpressionBuilder, type Kysely, sql } from "kysely";
import { findNamed } from "../buckets/resolve.store.ts";
import { type Tx, walkOperation } from "../catalogue/catalogue.ts";
import type { FileState, FilesTable, Schema } from "../catalogue/schema.ts";
import { assertNever } from "../errors.ts";
import type { BucketId, FileId, TeamId } from "../ids.ts";
import { LIMITS } from "../limits.ts";
import { FILE_STATES } from "./file.ts";
import type { ListFilter, ListOrder, ListPosition, ListRequest } from "./list.ts";
import { type FileView, viewsOf } from "./view.store.ts";

export interface FilePage {
  readonly files: readonly FileView[];
  /**
   * Where the next page begins; null at the end. A page before the end may be short, or empty, when a filter
   * matches rarely.
   */
  readonly next: ListPosition | null;
}

/**
 * One page of the team's files, newest first or oldest first (created_at, then id), or as much of it as one read may
 * look at (limits.rowsPerRead). Two plans, chosen by counting some entries of each filter's index. With a small set,
 * its files are read and sorted (5 ms for 1 900). Otherwise files are walked newest first and each is looked up in the
 * filters' indexes, which is quick just because many match (0.3 ms). One plan for both took 77 ms to find 100 old files
 * among 300 000, and a walk without an end took 4 s when nothing matched.
 */
export const listFiles = walkOperation("files.list", async (tx, input: PageRequest): Promise<FilePage> => {
  const { rows, next } = await rowsOf(tx, input);
  const views = await viewsOf(tx, rows);
  // Those that a bucket's delete has hidden are no tombstones yet.
  const isWanted = ({ state }: FileView) => state !== "deleted" || input.filter.status === "deleted";
  return { files: views.filter(isWanted), next };
});

/** The rows of such a page; `only`: of these files alone, all at once. */
export async function rowsOf(tx: Tx, input: PageRequest, only: readonly FileId[] | null = null): Promise<RowPage> {
  const sets = await setsOf(tx, input.teamId, input.filter);
  if (sets === null) return { rows: [], next: null };
  return only === null ? pageOf(tx, input, sets) : namedOf(tx, input, sets, only);
}

async function namedOf(
  { db }: Tx,
  { teamId, filter, limit }: PageRequest,
  sets: readonly FileSet[],
  only: readonly FileId[],
): Promise<RowPage> {
  let query = db
    .selectFrom("files")
    .selectAll("files")
    .where("files.id", "in", only)
    .where("files.team_id", "=", teamId)
    .where("files.state", "in", statesOf(filter))
    .where((eb) => within(eb, filter, null))
    .where(named(filter));
  for (const set of sets) query = query.where((eb) => isIn(eb, teamId, set));
  const rows = await query.limit(limit).execute();
  return { rows, next: null };
}

function statesOf({ status }: ListFilter): readonly FileState[] {
  return status === null ? FILE_STATES.filter((state) => state !== "deleted") : [status];
}

export type PageRequest = ListRequest & { readonly teamId: TeamId };

/** A set of files that a filter names, as rows of one index. */
type FileSet =
  | { readonly of: "file_buckets"; readonly bucketId: BucketId }
  | { readonly of: "file_tags"; readonly tag: string }
  | { readonly of: "file_metadata"; readonly fingerprint: string };

/** Null: a bucket that the team does not have, so an empty list. */
async function setsOf(tx: Tx, teamId: TeamId, filter: ListFilter): Promise<readonly FileSet[] | null> {
  const sets: FileSet[] = [
    ...filter.tags.map((tag) => ({ of: "file_tags" as const, tag })),
    ...filter.metadata.map((fingerprint) => ({ of: "file_metadata" as const, fingerprint })),
  ];
  if (filter.bucket === null) return sets;
  const bucket = await findNamed(tx, teamId, filter.bucket);
  return bucket === undefined ? null : [{ of: "file_buckets", bucketId: bucket.id }, ...sets];
}

export interface RowPage {
  readonly rows: readonly FilesTable[];
  readonly next: ListPosition | null;
}

async function pageOf(tx: Tx, request: PageRequest, sets: readonly FileSet[]): Promise<RowPage> {
  const states = statesOf(request.filter);
  const smallest = await smallestOf(tx, request.teamId, sets);
  return smallest === null ? walk(tx, request, states, sets) : sort(tx, request, states, sets, smallest);
}

/** Of one row more than the page holds, when there is one. */
function cut(rows: readonly FilesTable[], limit: number): RowPage {
  const page = rows.slice(0, limit);
  const last = page.at(-1);
  return { rows: page, next: rows.length > limit && last !== undefined ? positionOf(last) : null };
}

function positionOf({ created_at: createdAt, id }: Pick<FilesTable, "created_at" | "id">): ListPosition {
  return { createdAt, id };
}

async function sort(
  { db }: Tx,
  { teamId, filter, limit, after }: PageRequest,
  states: readonly FileState[],
  sets: readonly FileSet[],
  smallest: FileSet,
): Promise<RowPage> {
  let query = db
    .selectFrom("files")
    .selectAll("files")
    .innerJoin(membersOf(db, teamId, smallest, LIMITS.listSortRows), (join) =>
      // The team comes from the set's rows: a constant would lead SQLite to walk the team's files instead.
      join.onRef("members.file_id", "=", "files.id").onRef("members.team_id", "=", "files.team_id"),
    )
    .where("files.state", "in", states)
    .where((eb) => within(eb, filter, after))
    .where(named(filter));
  for (const set of sets) if (set !== smallest) query = query.where((eb) => isIn(eb, teamId, set));
  const rows = await query
    .orderBy("files.created_at", DIRECTION[filter.order])
    .orderBy("files.id", DIRECTION[filter.order])
    .limit(limit + 1)
    .execute();
  return cut(rows, limit);
}

/**
 * Stretch by stretch, each four times as long, until the page is full, the files end, or this read has
 * looked at enough.
 */
async function walk(
  tx: Tx,
  request: PageRequest,
  states: readonly FileState[],
  sets: readonly FileSet[],
): Promise<RowPage> {
  const { limit } = request;
  const rows: FilesTable[] = [];
  let after = request.after;
  let left = Math.ceil(LIMITS.rowsPerRead / Math.max(sets.length, 1));
  for (let steps = FIRST_STRETCH * (limit + 1); left > 0; left -= steps, steps *= 4) {
    const stretch = stretchOf(tx, { ...request, after }, states);
    rows.push(...(await passing(tx, request, stretch.limit(Math.min(steps, left)), sets, limit + 1 - rows.length)));
    if (rows.length > limit) return cut(rows, limit);
    const end = await stretch
      .limit(1)
      .offset(Math.min(steps, left) - 1)
      .executeTakeFirst();
    if (end === undefined) return { rows, next: null };
    after = positionOf(end);
  }
  return { rows, next: after };
}

/** In pages, of files that are looked at first. */
const FIRST_STRETCH = 2;

/**
 * The team's files from a position on, as rows of the index files_by_state alone. State by state, merged: a walk over
 * all of them would step over every tombstone of the last 30 days.
 */
function stretchOf({ db }: Tx, { teamId, filter, after }: PageRequest, states: readonly FileState[]) {
  const ofState = (state: FileState) =>
    db
      .selectFrom("files")
      .select(["files.id", "files.created_at"])
      .where("files.team_id", "=", teamId)
      .where("files.state", "=", state)
      .where((eb) => within(eb, filter, after));
  const [first, ...others] = states.map(ofState);
  if (first === undefined) throw new Error("a list is of some state");
  return others
    .reduce((all, one) => all.unionAll(one), first)
    .orderBy("created_at", DIRECTION[filter.order])
    .orderBy("id", DIRECTION[filter.order]);
}

const DIRECTION: Readonly<Record<ListOrder, "asc" | "desc">> = { newest: "desc", oldest: "asc" };

function passing(
  { db }: Tx,
  { teamId, filter }: PageRequest,
  stretch: ReturnType<typeof stretchOf>,
  sets: readonly FileSet[],
  limit: number,
): Promise<FilesTable[]> {
  let query = db
    .selectFrom(stretch.as("walked"))
    // Every column of a row is read for what passes alone.
    .innerJoin("files", "files.id", "walked.id")
    .selectAll("files")
    .where(named(filter));
  for (const set of sets) query = query.where((eb) => isIn(eb, teamId, set));
  const direction = DIRECTION[filter.order];
  return query.orderBy("files.created_at", direction).orderBy("files.id", direction).limit(limit).execute();
}

/**
 * Whether the name or the title holds what was asked for; a row's own text, so no index serves it: files are walked.
 */
function named({ name }: ListFilter) {
  if (name === null) return sql<boolean>`1 = 1`;
  const pattern = `%${name.replaceAll(/[\\%_]/g, "\\$&")}%`;
  // lower() on both sides: SQLite's knows ASCII alone, and may not be asked to compare what another has lowered.
  const holds = (column: "filename" | "title") =>
    sql<boolean>`lower(${sql.ref(`files.${column}`)}) like lower(${pattern}) escape '\\'`;
  return sql<boolean>`(${holds("filename")} or ${holds("title")})`;
}

/** Within the times of the filter, and beyond the position. */
function within(
  { and, or, eb }: ExpressionBuilder<Schema, "files">,
  { createdAfter, createdBefore, order }: ListFilter,
  after: ListPosition | null,
) {
  const [beyond, beyondOrAt] = order === "newest" ? (["<", "<="] as const) : ([">", ">="] as const);
  return and([
    ...(createdAfter === null ? [] : [eb("files.created_at", ">", createdAfter)]),
    ...(createdBefore === null ? [] : [eb("files.created_at", "<", createdBefore)]),
    ...(after === null
      ? []
      : [
          // Beside the comparison of both: it alone bounds the walk of the index.
          eb("files.created_at", beyondOrAt, after.createdAt),
          or([eb("files.created_at", beyond, after.createdAt), eb("files.id", beyond, after.id)]),
        ]),
  ]);
}

/** The smallest of the sets, when it can be read whole; null = none is small. */
async function smallestOf({ db }: Tx, teamId: TeamId, sets: readonly FileSet[]): Promise<FileSet | null> {
  const small = Math.min(LIMITS.listSortRows, Math.floor(LIMITS.rowsPerRead / sets.length));
  let smallest: { readonly set: FileSet; readonly count: number } | null = null;
  for (const set of sets) {
    const { count } = await db
      .selectFrom(membersOf(db, teamId, set, small + 1))
      .select(({ fn }) => fn.countAll<number>().as("count"))
      .executeTakeFirstOrThrow();
    if (count <= small && (smallest === null || count < smallest.count)) smallest = { set, count };
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
function isIn(eb: ExpressionBuilder<Schema, "files">, teamId: TeamId, set: FileSet) {
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
          .where("file_tags.team_id", "=", teamId)
          .whereRef("file_tags.file_id", "=", "files.id")
          .where("file_tags.tag", "=", set.tag),
      );
    case "file_metadata":
      return eb.exists(
        eb
          .selectFrom("file_metadata")
          .select("file_metadata.file_id")
          .where("file_metadata.team_id", "=", teamId)
          .whereRef("file_metadata.file_id", "=", "files.id")
          .where("file_metadata.fingerprint", "=", set.fingerprint),
      );
    default:
      return assertNever(set);
  }
}
