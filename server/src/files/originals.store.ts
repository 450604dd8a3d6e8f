import { type Tx, walkOperation } from "../catalogue/catalogue.ts";
import type { FileId, TeamId } from "../ids.ts";

/** What has to be on the disk for a file that is not deleted. */
export interface Original {
  readonly file: FileId;
  readonly team: TeamId;
  readonly key: string;
  readonly sizeBytes: number;
  readonly sha256: string;
  readonly textKey: string | null;
}

/**
 * In the order of file ids; a page looks at `limit` files, so it may hold fewer. `last` null: it was the end.
 * Primary key.
 */
export const listOriginals = walkOperation(
  "files.listOriginals",
  async (
    { db },
    { after, limit }: { after: FileId | null; limit: number },
  ): Promise<{ readonly originals: readonly Original[]; readonly last: FileId | null }> => {
    let query = originalRows(db).orderBy("id").limit(limit);
    if (after !== null) query = query.where("id", ">", after);
    const rows = await query.execute();
    return { originals: rows.flatMap(toOriginal), last: rows.length < limit ? null : (rows.at(-1)?.id ?? null) };
  },
);

/** The same for these files: what was deleted meanwhile is not in the answer. */
export const findOriginals = walkOperation(
  "files.findOriginals",
  async ({ db }, { files }: { files: readonly FileId[] }): Promise<readonly Original[]> =>
    files.length === 0 ? [] : (await originalRows(db).where("id", "in", files).execute()).flatMap(toOriginal),
);

export const originalOperations = [listOriginals, findOriginals];

function originalRows(db: Tx["db"]) {
  return db.selectFrom("files").select(["id", "team_id", "state", "blob_key", "size_bytes", "sha256", "text_key"]);
}

function toOriginal(row: Awaited<ReturnType<ReturnType<typeof originalRows>["executeTakeFirstOrThrow"]>>): Original[] {
  const { id, team_id, state, blob_key, size_bytes, sha256, text_key } = row;
  if (state === "deleted" || blob_key === null) return [];
  return [{ file: id, team: team_id, key: blob_key, sizeBytes: size_bytes, sha256, textKey: text_key }];
}
