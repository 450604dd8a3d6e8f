import { type Expression, sql } from "kysely";

/**
 * A counter beside its rows, moved by `by`, and never below 0. One that is wrong is doctor's to find (`doctor/store.ts`);
 * it must not keep a file from its next state, a batch of sessions from expiring, or a deleted file's words in an answer.
 */
export function movedCounter(column: string, by: Expression<number> | number) {
  const moved = sql<number>`${sql.ref(column)} + ${by}`;
  return sql<number>`CASE WHEN ${moved} < 0 THEN 0 ELSE ${moved} END`;
}
