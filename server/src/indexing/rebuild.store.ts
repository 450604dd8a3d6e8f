import { sql } from "kysely";
import { moveMemberships } from "../buckets/membership.store.ts";
import { walkOperation, writeOperation } from "../catalogue/catalogue.ts";
import { LOCKS } from "../catalogue/locks.ts";
import type { FileId, TeamId } from "../ids.ts";

/** What rebuild, audit and doctor ask of the catalogue: which builds the index has to hold. */

export interface TeamRef {
  readonly id: TeamId;
  readonly slug: string;
}

export const listTeams = walkOperation(
  "indexing.listTeams",
  async ({ db }, { slug }: { slug: string | null }): Promise<readonly TeamRef[]> => {
    let query = db.selectFrom("teams").select(["id", "slug"]).orderBy("id");
    if (slug !== null) query = query.where("slug", "=", slug);
    return query.execute();
  },
);

/** A file that search has to find: its active build and how many chunks that has. */
export interface ShownBuild {
  readonly team: TeamId;
  readonly file: FileId;
  readonly build: string;
  readonly chunks: number;
  readonly textKey: string | null;
  readonly createdAt: number;
}

/** A team's shown builds, oldest file first, in pages after `after` (index files_by_state). */
export const listShownOfTeam = walkOperation(
  "indexing.listShownOfTeam",
  async ({ db }, input: { team: TeamId; after: ShownBuild | null; limit: number }): Promise<readonly ShownBuild[]> => {
    let query = db
      .selectFrom("files")
      .select(COLUMNS)
      .where("team_id", "=", input.team)
      .where("state", "=", sql.lit("indexed"))
      .orderBy("created_at")
      .orderBy("id")
      .limit(input.limit);
    const { after } = input;
    if (after !== null)
      query = query
        .where("created_at", ">=", after.createdAt)
        .where((by) => by.or([by("created_at", ">", after.createdAt), by("id", ">", after.file)]));
    return (await query.execute()).flatMap(toShown);
  },
);

/**
 * Shown builds of all teams in the order of file ids. A page looks at `limit` files, so it may hold fewer builds;
 * `last` null: it was the end. Primary key.
 */
export const listShown = walkOperation(
  "indexing.listShown",
  async (
    { db },
    input: { after: FileId | null; limit: number },
  ): Promise<{ readonly shown: readonly ShownBuild[]; readonly last: FileId | null }> => {
    let query = db.selectFrom("files").select(COLUMNS).orderBy("id").limit(input.limit);
    if (input.after !== null) query = query.where("id", ">", input.after);
    const rows = await query.execute();
    return { shown: rows.flatMap(toShown), last: rows.length < input.limit ? null : (rows.at(-1)?.id ?? null) };
  },
);

/** Which of these builds are still the ones that search shows. */
export const stillShown = walkOperation(
  "indexing.stillShown",
  async ({ db }, { files }: { files: readonly FileId[] }): Promise<readonly ShownBuild[]> => {
    if (files.length === 0) return [];
    return (await db.selectFrom("files").select(COLUMNS).where("id", "in", files).execute()).flatMap(toShown);
  },
);

/**
 * After a rebuild that cut the text into another number of chunks than the build had (another version of
 * Wharf wrote it).
 */
export const correctChunks = writeOperation(
  "indexing.correctChunks",
  ({ file }: { file: FileId }) => [LOCKS.file(file)],
  async (tx, input: { file: FileId; build: string; chunks: number }): Promise<boolean> => {
    const file = await tx.db
      .selectFrom("files")
      .select(["active_chunks", "active_version"])
      .where("id", "=", input.file)
      .where("active_build", "=", input.build)
      .executeTakeFirst();
    if (file === undefined || file.active_version === null) return false;
    await tx.db.updateTable("files").set({ active_chunks: input.chunks }).where("id", "=", input.file).execute();
    const chunks = { before: file.active_chunks, after: input.chunks, version: file.active_version };
    await moveMemberships(tx, input.file, "active", chunks);
    return true;
  },
);

export const rebuildOperations = [listTeams, listShownOfTeam, listShown, stillShown, correctChunks];

const COLUMNS = ["id", "team_id", "active_build", "active_chunks", "text_key", "created_at"] as const;

function toShown(row: {
  readonly id: FileId;
  readonly team_id: TeamId;
  readonly active_build: string | null;
  readonly active_chunks: number;
  readonly text_key: string | null;
  readonly created_at: number;
}): readonly ShownBuild[] {
  const { id, team_id, active_build, active_chunks, text_key, created_at } = row;
  if (active_build === null) return [];
  return [
    {
      team: team_id,
      file: id,
      build: active_build,
      chunks: active_chunks,
      textKey: text_key,
      createdAt: created_at,
    },
  ];
}
