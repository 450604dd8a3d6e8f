import type { TeamId } from "../ids.ts";
import { openDatabase } from "../sqlite/open-database.ts";
import { quickCheck } from "../sqlite/quick-check.ts";
import { indexedTeams, indexPath } from "./fts5-files.ts";
import { refuseOtherFormat } from "./fts5-schema.ts";

export interface IndexInspection {
  readonly team: TeamId;
  /** Empty = sound, and of this version's format. */
  readonly damage: readonly string[];
}

/** Looks at each team's file through a reading connection of its own; beside a running server too. */
export function inspectIndexes(dir: string): readonly IndexInspection[] {
  return indexedTeams(dir).map((team) => ({ team, damage: damageOf(indexPath(dir, team)) }));
}

function damageOf(path: string): readonly string[] {
  try {
    const database = openDatabase(path, { readOnly: true });
    try {
      refuseOtherFormat(database);
      return quickCheck(database);
    } finally {
      database.close();
    }
  } catch (error) {
    return [error instanceof Error ? error.message : String(error)];
  }
}
