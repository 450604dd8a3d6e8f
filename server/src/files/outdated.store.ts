import { walkOperation } from "../catalogue/catalogue.ts";
import { EXTRACTOR_VERSION } from "../extraction/extractor-version.ts";
import type { FileId, TeamId } from "../ids.ts";
import type { FileRef } from "./view.store.ts";

/**
 * Files that an older version of the extractor read last, indexed or failed, in the order of their ids; those whose
 * indexing was cancelled wait for somebody to ask. A page looks at `limit` files, so it may hold fewer. `last` null: it
 * was the end. Primary key.
 */
export const listOutdated = walkOperation(
  "files.listOutdated",
  async (
    { db },
    { team, after, limit }: { team: TeamId | null; after: FileId | null; limit: number },
  ): Promise<{ readonly outdated: readonly FileRef[]; readonly last: FileId | null }> => {
    let query = db
      .selectFrom("files")
      .select(["id", "team_id", "state", "error_code", "extractor_version"])
      .orderBy("id")
      .limit(limit);
    if (after !== null) query = query.where("id", ">", after);
    const rows = await query.execute();
    const outdated = rows.filter(
      ({ team_id, state, error_code, extractor_version }) =>
        (team === null || team_id === team) &&
        extractor_version < EXTRACTOR_VERSION &&
        (state === "indexed" || (state === "failed" && error_code !== "cancelled")),
    );
    return {
      outdated: outdated.map(({ id, team_id }) => ({ teamId: team_id, fileId: id })),
      last: rows.length < limit ? null : (rows.at(-1)?.id ?? null),
    };
  },
);
