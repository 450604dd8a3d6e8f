import type { Catalogue } from "../catalogue/catalogue.ts";
import type { FileId, TeamId } from "../ids.ts";
import type { BuildRef, SearchIndex } from "../search-index/search-index.ts";
import { type DeletedRef, findGarbage, findRecentlyDeleted } from "./store.ts";

/**
 * Garbage in the index: builds that no file shows and no attempt is writing (their attempt failed or lost its lease), and what a
 * stopped worker wrote for a file after its removal. Everything here is safe beside running tasks: each build is named, and what is
 * garbage once is garbage for ever.
 */
export interface PruneDeps {
  readonly catalogue: Catalogue;
  readonly index: SearchIndex;
}

/** Builds, or deleted files, that one step looks at. */
const PAGE = 200;

/** All of it at once: for doctor and tests. Resolves to the number of builds removed. */
export async function pruneBuilds(deps: PruneDeps, signal?: AbortSignal): Promise<number> {
  let removed = 0;
  for (const team of await deps.index.teams()) {
    for (let after: BuildRef | null = null, more = true; more; ) {
      signal?.throwIfAborted();
      const page = await prunePage(deps, team, after);
      removed += page.removed;
      after = page.last;
      more = page.last !== null;
    }
  }
  return removed;
}

/** A page of the files that were deleted within the last hour: what a stopped worker wrote for them after their removal. */
export async function removeDeletedPage(
  { catalogue, index }: PruneDeps,
  after: DeletedRef | null,
): Promise<{ readonly looked: number; readonly removed: number; readonly last: DeletedRef | null }> {
  const deleted = await catalogue.run(findRecentlyDeleted, { after, limit: PAGE });
  let removed = 0;
  for (const { team, file } of deleted) {
    if (!(await hasBuilds(index, team, file))) continue;
    await index.removeFile(team, file);
    removed += 1;
  }
  const last = deleted.length < PAGE ? null : (deleted.at(-1) ?? null);
  return { looked: deleted.length, removed, last };
}

/** The same for one file, at the end of its task. More than a page of its builds are the sweep's. */
export async function pruneFile(deps: PruneDeps, team: TeamId, file: FileId): Promise<void> {
  const page = await deps.index.builds(team, { file, build: "" }, PAGE);
  await removeGarbage(
    deps,
    team,
    page.filter((ref) => ref.file === file),
  );
}

async function hasBuilds(index: SearchIndex, team: TeamId, file: FileId): Promise<boolean> {
  const [first] = await index.builds(team, { file, build: "" }, 1);
  return first?.file === file;
}

/** A page of a team's builds after `after`; `last` null: it was the team's last. */
export async function prunePage(
  deps: PruneDeps,
  team: TeamId,
  after: BuildRef | null,
): Promise<{ readonly looked: number; readonly removed: number; readonly last: BuildRef | null }> {
  const page = await deps.index.builds(team, after, PAGE);
  const removed = await removeGarbage(deps, team, page);
  const last = page.at(-1);
  return {
    looked: page.length,
    removed,
    last: last === undefined || page.length < PAGE ? null : { file: last.file, build: last.build },
  };
}

async function removeGarbage(
  { catalogue, index }: PruneDeps,
  team: TeamId,
  page: readonly BuildRef[],
): Promise<number> {
  if (page.length === 0) return 0;
  const builds = page.map(({ file, build }) => ({ file, build }));
  const garbage = await catalogue.run(findGarbage, { builds });
  for (const ref of garbage) await index.removeBuild(team, ref);
  return garbage.length;
}
