import type { Migration } from "../migration.ts";

/**
 * How often in a row the server ended while it held a task (tasks/task.ts). Goes with the task's row. Hardly any row
 * has one, so that the index is all but empty, and asking it at each claim costs nothing.
 */
export const taskCrashes: Migration = {
  version: 6,
  name: "task crashes",
  statements: ({ integer }) => [
    `ALTER TABLE tasks ADD COLUMN crashes ${integer} NOT NULL DEFAULT 0
     CHECK (crashes = 0 OR (crashes > 0 AND type = 'index' AND state IN ('queued', 'running')))`,
    `CREATE INDEX tasks_crashed ON tasks (crashes) WHERE crashes > 0`,
  ],
};
