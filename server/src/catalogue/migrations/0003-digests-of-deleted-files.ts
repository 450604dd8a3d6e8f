import type { Migration } from "../migration.ts";

/** A delete takes the digests out of the upload session too, since this version; here for what was deleted before. */
export const digestsOfDeletedFiles: Migration = {
  version: 3,
  name: "digests of deleted files",
  statements: () => [
    `UPDATE upload_sessions SET md5 = '', crc32c = '', sha256 = '', digest_state = NULL
     WHERE state = 'finalized' AND id IN (SELECT session_id FROM files WHERE state = 'deleted')`,
  ],
};
