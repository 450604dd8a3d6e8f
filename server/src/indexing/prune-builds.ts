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
/** Pages of builds in one round of the sweep: 1 000 builds every 10 s, so that a million files cost no pause. */
const PAGES_A_ROUND = 5;

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

/** A bounded share of it each round, going round through all teams' builds; files deleted in the last hour are looked at again and again. */
export class BuildSweep {
  readonly #deps: PruneDeps;
  #team: TeamId | null = null;
  #after: BuildRef | null = null;
  #deletedAfter: DeletedRef | null = null;

  constructor(deps: PruneDeps) {
    this.#deps = deps;
  }

  async runOnce(): Promise<void> {
    await this.#removeDeleted();
    for (let page = 0; page < PAGES_A_ROUND; page++) {
      this.#team ??= (await this.#teams())[0] ?? null;
      if (this.#team === null) return;
      const { last } = await prunePage(this.#deps, this.#team, this.#after);
      this.#after = last;
      if (last === null && !(await this.#nextTeam())) return;
    }
  }

  /** False when the round through all teams is over: the next begins with the first. */
  async #nextTeam(): Promise<boolean> {
    const current = this.#team;
    this.#team = (await this.#teams()).find((team) => current !== null && team > current) ?? null;
    return this.#team !== null;
  }

  async #teams(): Promise<readonly TeamId[]> {
    return (await this.#deps.index.teams()).toSorted();
  }

  async #removeDeleted(): Promise<void> {
    const { catalogue, index } = this.#deps;
    const deleted = await catalogue.run(findRecentlyDeleted, { after: this.#deletedAfter, limit: PAGE });
    for (const { team, file } of deleted) if (await hasBuilds(index, team, file)) await index.removeFile(team, file);
    this.#deletedAfter = deleted.length < PAGE ? null : (deleted.at(-1) ?? null);
  }
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

async function prunePage(
  deps: PruneDeps,
  team: TeamId,
  after: BuildRef | null,
): Promise<{ readonly removed: number; readonly last: BuildRef | null }> {
  const page = await deps.index.builds(team, after, PAGE);
  const removed = await removeGarbage(deps, team, page);
  const last = page.at(-1);
  return { removed, last: last === undefined || page.length < PAGE ? null : { file: last.file, build: last.build } };
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
