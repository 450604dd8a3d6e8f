import type { Migration } from "../migration.ts";

/**
 * How far each chore of maintenance has come, so that a restart goes on there. A row a chore, overwritten by the next
 * position and removed with the chore; losing one costs a part of a round. It names no team: what it holds are our
 * own ids and names.
 */
export const maintenancePositions: Migration = {
  version: 7,
  name: "maintenance positions",
  statements: ({ integer, strict }) => [
    `CREATE TABLE maintenance_positions (
      chore text PRIMARY KEY NOT NULL CHECK (length(chore) BETWEEN 1 AND 100),
      position text NOT NULL,
      updated_at ${integer} NOT NULL
    )${strict}`,
  ],
};
