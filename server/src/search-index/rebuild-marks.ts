import { closeSync, openSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { parseId, type TeamId } from "../ids.ts";
import { syncDirectory } from "./fts5-files.ts";

/**
 * How far a rebuild of the whole index came, as empty files beside the index files, so that a rebuild that is killed at
 * any point is known for what it is and goes on where it was:
 *
 *     <team>.discard    planned: the team's index is still the old one
 *     <team>.rebuild    thrown away, and being written anew
 *
 * A team without a mark is done, or was never to be rebuilt.
 */
export type RebuildMark = "discard" | "rebuild";

export function rebuildMarks(dir: string): ReadonlyMap<TeamId, RebuildMark> {
  const marks = new Map<TeamId, RebuildMark>();
  for (const name of readdirSync(dir)) {
    const [, id = "", mark] = /^(\w+)\.(discard|rebuild)$/.exec(name) ?? [];
    const team = parseId("team", id);
    if (team !== null) marks.set(team, mark === "discard" ? "discard" : "rebuild");
  }
  return marks;
}

export function planRebuild(dir: string, teams: readonly TeamId[]): void {
  for (const team of teams) closeSync(openSync(join(dir, `${team}.discard`), "a", 0o600));
  syncDirectory(dir);
}

/** After the team's index was thrown away. */
export function markDiscarded(dir: string, team: TeamId): void {
  renameSync(join(dir, `${team}.discard`), join(dir, `${team}.rebuild`));
  syncDirectory(dir);
}

export function markRebuilt(dir: string, team: TeamId): void {
  rmSync(join(dir, `${team}.rebuild`), { force: true });
  syncDirectory(dir);
}
