import type { Migration } from "../migration.ts";

/**
 * Which version of the extractor (extraction/extractor-version.ts) read a file's original last, whether that gave a
 * text or a reason why not; of files that nobody has read yet it says nothing. Goes with the file's row.
 */
export const extractorVersion: Migration = {
  version: 4,
  name: "extractor version",
  statements: ({ integer }) => [
    `ALTER TABLE files ADD COLUMN extractor_version ${integer} NOT NULL DEFAULT 1 CHECK (extractor_version >= 1)`,
  ],
};
