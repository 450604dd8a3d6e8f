import { parseId, type TeamId } from "../ids.ts";
import { type PruneDeps, prunePage, removeDeletedPage } from "../indexing/prune-builds.ts";
import type { DeletedRef } from "../indexing/store.ts";
import { LIMITS } from "../limits.ts";
import type { BuildRef } from "../search-index/search-index.ts";
import type { Batch, Chore } from "./chore.ts";
import { readPosition } from "./position.ts";

/** Builds in the index that no file shows and no attempt writes: a page of one team's a batch, team after team. */
export class BuildSweep implements Chore {
  readonly name = "prune_builds";
  readonly everyMs: number = LIMITS.compareIndexEveryMs;
  readonly share: number = LIMITS.compareIndexShare;
  readonly #deps: PruneDeps;

  constructor(deps: PruneDeps) {
    this.#deps = deps;
  }

  async runOnce(position: string | null): Promise<Batch> {
    const at = parsePosition(position);
    const teams = (await this.#deps.index.teams()).toSorted();
    const team = teams.find((team) => at === null || team >= at.team);
    if (team === undefined) return { next: null, ended: true, looked: 0, mended: 0 };
    const page = await prunePage(this.#deps, team, at?.team === team ? at.after : null);
    const place = page.last === null ? placeOf(teams[teams.indexOf(team) + 1]) : { team, after: page.last };
    const next = place === null ? null : JSON.stringify(place);
    return { next, ended: next === null, looked: page.looked, mended: page.removed };
  }
}

/**
 * What a stopped worker wrote for a file after its removal: files that were deleted within the last hour are looked
 * at again and again. All of them each round, found by an index of the catalogue, so that a restart loses no place.
 */
export class DeletedFileSweep implements Chore {
  readonly name = "prune_deleted_files";
  readonly everyMs: number = LIMITS.sweepEveryMs;
  readonly share: number = LIMITS.sweepShare;
  readonly #deps: PruneDeps;
  #after: DeletedRef | null = null;

  constructor(deps: PruneDeps) {
    this.#deps = deps;
  }

  async runOnce(): Promise<Batch> {
    const { last, looked, removed } = await removeDeletedPage(this.#deps, this.#after);
    this.#after = last;
    return { next: null, ended: last === null, looked, mended: removed };
  }
}

interface Place {
  readonly team: TeamId;
  readonly after: BuildRef | null;
}

function placeOf(team: TeamId | undefined): Place | null {
  return team === undefined ? null : { team, after: null };
}

/** null, the beginning, also for what another version may have written. */
function parsePosition(text: string | null): Place | null {
  const place = readPosition(text);
  if (place === null || !("team" in place) || !("after" in place)) return null;
  const team = parseId("team", String(place.team));
  return team === null ? null : { team, after: parseRef(place.after) };
}

function parseRef(ref: unknown): BuildRef | null {
  if (typeof ref !== "object" || ref === null || !("file" in ref) || !("build" in ref)) return null;
  const file = parseId("file", String(ref.file));
  return file === null ? null : { file, build: String(ref.build) };
}
