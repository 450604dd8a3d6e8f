import { sql } from "kysely";
import { brandId, type IdSource } from "../../src/ids.ts";
import type { CatalogueUnderTest } from "./under-test.ts";

/**
 * What two runs have in common when they came to the same: answers and rows, without times. Both had their ids from
 * `countingIds`.
 */
export type Outcome = string;

/** The same ids in each run, and in the order in which they were given. */
export function countingIds(): IdSource {
  let given = 0;
  return {
    next(prefix) {
      given += 1;
      return brandId(prefix, `${prefix}_${String(given).padStart(26, "0")}`);
    },
  };
}

/** How many rows that are depends on the milliseconds. */
const ADMISSIONS = "create_admissions";

export async function outcomeOf(
  on: CatalogueUnderTest,
  answers: readonly PromiseSettledResult<unknown>[],
): Promise<Outcome> {
  const said = answers.map((answer) =>
    answer.status === "fulfilled" ? answer.value : { rejected: String(answer.reason) },
  );
  const rows: Record<string, readonly string[]> = {};
  for (const table of on.tables) {
    if (table === ADMISSIONS) continue;
    const found = await sql<object>`SELECT * FROM ${sql.table(table)}`.execute(on.db);
    rows[table] = found.rows.map(plain).sort();
  }
  return JSON.stringify({ said: JSON.parse(plain(said)), rows }, null, 1);
}

/** Smallest number that can only be a time, in ms. */
const TIMES = 1e11;

/** Members that depend on how long something took. */
const TAKES_TIME: readonly string[] = ["remaining", "oldestDueMs"];

/** As JSON, with members in one order. */
export function plain(value: unknown): string {
  return JSON.stringify(value, (key, member: unknown) => {
    if (TAKES_TIME.includes(key)) return undefined;
    if (typeof member === "number" && member > TIMES) return "time";
    if (typeof member !== "object" || member === null || Array.isArray(member)) return member;
    return Object.fromEntries(Object.entries(member).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
}
