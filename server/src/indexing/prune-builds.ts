import type { Catalogue } from "../catalogue/catalogue.ts";
import { brandId, type FileId, type TeamId } from "../ids.ts";
import type { BuildRef, SearchIndex } from "../search-index/search-index.ts";
import { findGarbage } from "./store.ts";

export interface PruneDeps {
  readonly catalogue: Catalogue;
  readonly index: SearchIndex;
}

/** Builds looked at in one read of the catalogue. */
const PAGE = 200;

/**
 * Removes from every team's index the builds that nobody will show: of attempts that failed or lost their lease, and of files that
 * were deleted while a stopped worker still wrote (which no removal task can wait for). Reconcile at start, sweeper and doctor call it.
 * Resolves to the number of builds removed. Safe beside running tasks: it names each build, and none is ever garbage and wanted again.
 */
export async function pruneBuilds(deps: PruneDeps, signal?: AbortSignal): Promise<number> {
  let removed = 0;
  for (const team of await deps.index.teams()) {
    for (let after: BuildRef | null = null; ; ) {
      signal?.throwIfAborted();
      const page: readonly BuildRef[] = await deps.index.builds(team, after, PAGE);
      removed += await removeGarbage(deps, team, page);
      const last = page.at(-1);
      if (last === undefined || page.length < PAGE) break;
      after = { file: last.file, build: last.build };
    }
  }
  return removed;
}

/** The same for one file, at the end of its task. Looks at one page of builds; more are the sweeper's. */
export async function pruneFile(deps: PruneDeps, team: TeamId, file: FileId): Promise<void> {
  const page = await deps.index.builds(team, { file, build: "" }, PAGE);
  await removeGarbage(
    deps,
    team,
    page.filter((ref) => ref.file === file),
  );
}

async function removeGarbage(deps: PruneDeps, team: TeamId, page: readonly BuildRef[]): Promise<number> {
  const builds = page.map(({ file, build }) => ({ file: brandId("file", file), build }));
  if (builds.length === 0) return 0;
  const garbage = await deps.catalogue.run(findGarbage, { builds });
  for (const ref of garbage) await deps.index.removeBuild(team, ref);
  return garbage.length;
}
