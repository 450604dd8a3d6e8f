import type { Migration } from "../migration.ts";

/**
 * What the text that search shows does not show of its file (contract §11 `warnings`). Goes with the file's text, and
 * at its delete.
 */
export const fileWarnings: Migration = {
  version: 2,
  name: "file warnings",
  statements: () => [
    `ALTER TABLE files ADD COLUMN warnings text NOT NULL DEFAULT '[]' CHECK (warnings = '[]' OR state = 'indexed')`,
  ],
};
