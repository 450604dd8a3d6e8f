import type { Migration } from "../migration.ts";

/**
 * - Buckets that were deleted: hidden from that instant, removed with their memberships in bounded batches. Such a row
 *   is `archived`, so that no search needs to know of it, and its slug is its id, which no request can name.
 * - Labels of a file (title, tags, buckets): `labels` counts their changes, `labels_dirty` says that the search index
 *   may know others.
 * - Batches of uploads: which session each of a client's names has, or why it has none.
 * - Lists of tasks and of sessions, newest first: ids grow with time. What is rare has an index of its own, so that a
 *   list of it reads nothing else.
 */
export const bucketsAndBatches: Migration = {
  version: 9,
  name: "buckets and batches",
  statements: ({ integer, strict }) => [
    `ALTER TABLE buckets ADD COLUMN deleted_at ${integer}`,
    `CREATE INDEX buckets_deleted ON buckets (deleted_at) WHERE deleted_at IS NOT NULL`,

    `ALTER TABLE files ADD COLUMN labels ${integer} NOT NULL DEFAULT 0 CHECK (labels >= 0)`,
    `ALTER TABLE files ADD COLUMN labels_dirty ${integer} NOT NULL DEFAULT 0 CHECK (labels_dirty IN (0, 1))`,
    `CREATE INDEX files_to_label ON files (id) WHERE labels_dirty = 1`,

    `CREATE TABLE batches (
      id text PRIMARY KEY NOT NULL,
      team_id text NOT NULL REFERENCES teams (id),
      fingerprint text NOT NULL CHECK (length(fingerprint) = 64),
      created_at ${integer} NOT NULL,
      last_used_at ${integer} NOT NULL
    )${strict}`,
    `CREATE INDEX batches_to_forget ON batches (last_used_at)`,
    `CREATE TABLE batch_items (
      batch_id text NOT NULL REFERENCES batches (id),
      client_file_id text NOT NULL CHECK (length(client_file_id) BETWEEN 1 AND 128),
      place ${integer} NOT NULL CHECK (place >= 0),
      session_id text,
      error text,
      PRIMARY KEY (batch_id, client_file_id),
      CHECK ((session_id IS NULL) <> (error IS NULL))
    )${strict}`,
    `CREATE INDEX batch_items_by_session ON batch_items (session_id) WHERE session_id IS NOT NULL`,

    `CREATE INDEX tasks_by_team ON tasks (team_id, id)`,
    `CREATE INDEX tasks_open_by_team ON tasks (team_id, id) WHERE state IN ('queued', 'running')`,
    `CREATE INDEX tasks_unsuccessful_by_team ON tasks (team_id, id) WHERE state IN ('failed', 'cancelled')`,
    `CREATE INDEX upload_sessions_by_team ON upload_sessions (team_id, id)`,
    `CREATE INDEX upload_sessions_open_by_team ON upload_sessions (team_id, id) WHERE state IN ('open', 'received')`,
    `CREATE INDEX upload_sessions_given_up_by_team ON upload_sessions (team_id, id) WHERE state IN ('expired', 'cancelled')`,
  ],
};
