import { readOperation, writeOperation } from "../catalogue/catalogue.ts";
import { NO_LOCKS } from "../catalogue/locks.ts";

/** Where each chore is: a row a chore, overwritten, and gone with the chore. */

export interface KeptPosition {
  readonly chore: string;
  readonly position: string;
}

export const readPositions = readOperation(
  "maintenance.readPositions",
  async ({ db }, _input: object): Promise<readonly KeptPosition[]> =>
    db.selectFrom("maintenance_positions").select(["chore", "position"]).execute(),
);

/** null: at the beginning, which needs no row. */
export const keepPosition = writeOperation(
  "maintenance.keepPosition",
  // One chore has one loop.
  NO_LOCKS,
  async ({ db, now }, { chore, position }: { chore: string; position: string | null }): Promise<null> => {
    if (position === null) await db.deleteFrom("maintenance_positions").where("chore", "=", chore).execute();
    else
      await db
        .insertInto("maintenance_positions")
        .values({ chore, position, updated_at: now })
        .onConflict((row) => row.column("chore").doUpdateSet({ position, updated_at: now }))
        .execute();
    return null;
  },
);

/** Of chores that this version does not have. */
export const forgetOtherPositions = writeOperation(
  "maintenance.forgetOtherPositions",
  NO_LOCKS,
  async ({ db }, { chores }: { chores: readonly string[] }): Promise<null> => {
    let others = db.deleteFrom("maintenance_positions");
    if (chores.length > 0) others = others.where("chore", "not in", chores);
    await others.execute();
    return null;
  },
);

export const maintenanceOperations = [readPositions, keepPosition, forgetOtherPositions];
