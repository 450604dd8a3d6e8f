import type { Catalogue } from "../catalogue/catalogue.ts";
import type { FileId, TeamId } from "../ids.ts";
import type { Log } from "../log.ts";
import { type BuildRef, type SearchIndex, SearchIndexError } from "../search-index/search-index.ts";
import { type DeletedRef, findGarbage, findRecentlyDeleted } from "./store.ts";

/**
 * Garbage in the index: builds that no file shows and no attempt is writing (their attempt failed or lost its lease),
 * and what a stopped worker wrote for a file after its removal. Everything here is safe beside running tasks: each
 * build is named, and what is garbage once is garbage for ever.
 *
 * A team whose index cannot be read keeps its garbage, which nobody sees, until the index answers again or was made
 * anew (`wharf reindex`). It must hold up neither the other teams nor a start.
 */
export interface PruneDeps {
  readonly catalogue: Catalogue;
  readonly index: SearchIndex;
  readonly log: Log;
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

/**
 * A page of the files that were deleted within the last hour: what a stopped worker wrote for them after their removal.
 */
export async function removeDeletedPage(
  deps: PruneDeps,
  after: DeletedRef | null,
): Promise<{ readonly looked: number; readonly removed: number; readonly last: DeletedRef | null }> {
  const deleted = await deps.catalogue.run(findRecentlyDeleted, { after, limit: PAGE });
  let removed = 0;
  for (const [team, ofTeam] of Map.groupBy(deleted, (ref) => ref.team))
    removed += (await ifReadable(deps, team, () => removeLate(deps, ofTeam))) ?? 0;
  const last = deleted.length < PAGE ? null : (deleted.at(-1) ?? null);
  return { looked: deleted.length, removed, last };
}

async function removeLate({ index }: PruneDeps, deleted: readonly DeletedRef[]): Promise<number> {
  let removed = 0;
  for (const { team, file } of deleted) {
    if (!(await hasBuilds(index, team, file))) continue;
    await index.removeFile(team, file);
    removed += 1;
  }
  return removed;
}

/** Garbage of one file, at the end of its task. More than a page of its builds are the sweep's. */
export async function pruneFile(deps: PruneDeps, team: TeamId, file: FileId): Promise<void> {
  await ifReadable(deps, team, async () => {
    const page = await deps.index.builds(team, { file, build: "" }, PAGE);
    await removeGarbage(
      deps,
      team,
      page.filter((ref) => ref.file === file),
    );
  });
}

async function hasBuilds(index: SearchIndex, team: TeamId, file: FileId): Promise<boolean> {
  const [first] = await index.builds(team, { file, build: "" }, 1);
  return first?.file === file;
}

interface PrunedPage {
  readonly looked: number;
  readonly removed: number;
  readonly last: BuildRef | null;
}

/** A page of a team's builds after `after`; `last` null: it was the team's last, or its index cannot be read. */
export async function prunePage(deps: PruneDeps, team: TeamId, after: BuildRef | null): Promise<PrunedPage> {
  const pruned = await ifReadable(deps, team, () => pruneReadable(deps, team, after));
  return pruned ?? { looked: 0, removed: 0, last: null };
}

async function pruneReadable(deps: PruneDeps, team: TeamId, after: BuildRef | null): Promise<PrunedPage> {
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

/** Null: the team's index does not answer, or its file is damaged. */
async function ifReadable<T>({ log }: PruneDeps, team: TeamId, work: () => Promise<T>): Promise<T | null> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof SearchIndexError)) throw error;
    log.warn({ team, err: error }, "a team's search index keeps what is garbage in it");
    return null;
  }
}
