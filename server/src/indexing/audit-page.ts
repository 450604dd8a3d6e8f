import type { Catalogue } from "../catalogue/catalogue.ts";
import type { FileId, TeamId } from "../ids.ts";
import { type SearchIndex, SearchIndexError } from "../search-index/search-index.ts";
import { listShown, type ShownBuild, stillShown } from "./rebuild.store.ts";

/**
 * Compares what the catalogue says is found with what the index holds. Doctor and the running server call
 * this one code.
 */

export interface AuditPage {
  /** Builds that search should show and the index does not hold, or not whole. */
  readonly missing: readonly ShownBuild[];
  /** Teams whose index cannot be read: nothing is known of their builds. */
  readonly unreadable: readonly TeamId[];
  readonly looked: number;
  /** Where the next page begins; null: this was the last. */
  readonly last: FileId | null;
}

/** Files of one page. */
const PAGE = 500;

/** Safe beside writers: a build that a newer one replaces meanwhile is not reported. */
export async function auditPage(
  { catalogue, index }: { readonly catalogue: Catalogue; readonly index: SearchIndex },
  after: FileId | null,
): Promise<AuditPage> {
  const { shown, last } = await catalogue.run(listShown, { after, limit: PAGE });
  const missing: ShownBuild[] = [];
  const unreadable: TeamId[] = [];
  for (const [team, ofTeam] of Map.groupBy(shown, (build) => build.team)) {
    try {
      const held = await chunksHeld(index, team, ofTeam);
      missing.push(...ofTeam.filter(({ file, build, chunks }) => held.get(`${file} ${build}`) !== chunks));
    } catch (error) {
      if (!(error instanceof SearchIndexError)) throw error;
      unreadable.push(team);
    }
  }
  const now = await catalogue.run(stillShown, { files: missing.map((build) => build.file) });
  const current = new Map(now.map((build) => [build.file, build]));
  const sure = missing.filter(({ file, build }) => current.get(file)?.build === build);
  return { missing: sure, unreadable, looked: shown.length, last };
}

/** Chunks of each build in the range of the given files, which are in the order of their ids, as the index is. */
async function chunksHeld(
  index: SearchIndex,
  team: TeamId,
  files: readonly ShownBuild[],
): Promise<ReadonlyMap<string, number>> {
  const held = new Map<string, number>();
  const end = files.at(-1)?.file ?? "";
  let after = files[0] === undefined ? null : { file: files[0].file, build: "" };
  while (after !== null) {
    const page: Awaited<ReturnType<SearchIndex["builds"]>> = await index.builds(team, after, PAGE);
    for (const { file, build, chunks } of page) held.set(`${file} ${build}`, chunks);
    const last = page.at(-1);
    after = last === undefined || page.length < PAGE || last.file > end ? null : { file: last.file, build: last.build };
  }
  return held;
}
