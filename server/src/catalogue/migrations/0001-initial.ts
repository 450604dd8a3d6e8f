import type { Migration } from "../migration.ts";

/**
 * The first schema. Ids are text, times epoch milliseconds, sizes bytes, JSON is text. Every lifecycle has its CHECK
 * here; the transitions stand in the capability's table (uploads/session.ts, files/file.ts, tasks/task.ts).
 */
export const initial: Migration = {
  version: 1,
  name: "initial",
  statements: ({ integer, strict }) => [
    `CREATE TABLE teams (
      id text PRIMARY KEY NOT NULL,
      slug text NOT NULL UNIQUE,
      name text NOT NULL,
      open_sessions ${integer} NOT NULL DEFAULT 0 CHECK (open_sessions >= 0),
      created_at ${integer} NOT NULL
    )${strict}`,

    `CREATE TABLE api_keys (
      id text PRIMARY KEY NOT NULL,
      team_id text NOT NULL REFERENCES teams (id),
      name text NOT NULL,
      hash text NOT NULL UNIQUE CHECK (length(hash) = 64),
      last4 text NOT NULL,
      scopes text NOT NULL,
      created_at ${integer} NOT NULL,
      expires_at ${integer},
      revoked_at ${integer}
    )${strict}`,
    `CREATE INDEX api_keys_by_team ON api_keys (team_id, created_at)`,

    `CREATE TABLE buckets (
      id text PRIMARY KEY NOT NULL,
      team_id text NOT NULL REFERENCES teams (id),
      slug text NOT NULL CHECK (length(slug) BETWEEN 1 AND 63),
      name text NOT NULL,
      description text,
      status text NOT NULL CHECK (status IN ('active', 'archived')),
      pending_files ${integer} NOT NULL DEFAULT 0 CHECK (pending_files >= 0),
      active_files ${integer} NOT NULL DEFAULT 0 CHECK (active_files >= 0),
      failed_files ${integer} NOT NULL DEFAULT 0 CHECK (failed_files >= 0),
      active_chunks ${integer} NOT NULL DEFAULT 0 CHECK (active_chunks >= 0),
      created_at ${integer} NOT NULL,
      updated_at ${integer} NOT NULL,
      last_synced_at ${integer},
      last_error text,
      UNIQUE (team_id, slug)
    )${strict}`,

    `CREATE TABLE upload_sessions (
      id text PRIMARY KEY NOT NULL,
      team_id text NOT NULL REFERENCES teams (id),
      state text NOT NULL CHECK (state IN ('open', 'received', 'finalized', 'expired', 'cancelled')),
      filename text NOT NULL,
      title text NOT NULL,
      content_type text NOT NULL,
      size_bytes ${integer} NOT NULL CHECK (size_bytes >= 1),
      tags text NOT NULL,
      metadata text NOT NULL,
      bucket_ids text NOT NULL,
      writer_epoch ${integer} NOT NULL DEFAULT 0 CHECK (writer_epoch >= 0),
      received_bytes ${integer} NOT NULL DEFAULT 0 CHECK (received_bytes BETWEEN 0 AND size_bytes),
      segments text NOT NULL DEFAULT '[]',
      digest_state text,
      md5 text,
      crc32c text,
      received_at ${integer},
      created_at ${integer} NOT NULL,
      updated_at ${integer} NOT NULL,
      expires_at ${integer} NOT NULL,
      ended_at ${integer},
      sha256 text,
      file_id text,
      task_id text,
      CHECK (state NOT IN ('received', 'finalized') OR (received_bytes = size_bytes AND md5 IS NOT NULL AND crc32c IS NOT NULL)),
      CHECK ((state = 'finalized') = (file_id IS NOT NULL)),
      CHECK ((file_id IS NULL) = (task_id IS NULL) AND (file_id IS NULL) = (sha256 IS NULL)),
      CHECK ((state IN ('open', 'received')) = (ended_at IS NULL))
    )${strict}`,
    `CREATE INDEX upload_sessions_to_expire ON upload_sessions (expires_at) WHERE state IN ('open', 'received')`,
    `CREATE INDEX upload_sessions_to_forget ON upload_sessions (updated_at) WHERE ended_at IS NOT NULL`,

    `CREATE TABLE idempotency_keys (
      team_id text NOT NULL,
      operation text NOT NULL,
      key text NOT NULL,
      fingerprint text NOT NULL,
      session_id text NOT NULL,
      created_at ${integer} NOT NULL,
      last_used_at ${integer} NOT NULL,
      PRIMARY KEY (team_id, operation, key)
    )${strict}`,
    `CREATE INDEX idempotency_keys_by_session ON idempotency_keys (session_id)`,
    `CREATE INDEX idempotency_keys_to_forget ON idempotency_keys (last_used_at)`,

    `CREATE TABLE create_admissions (
      team_id text NOT NULL,
      at ${integer} NOT NULL,
      creates ${integer} NOT NULL CHECK (creates >= 1),
      PRIMARY KEY (team_id, at)
    )${strict}`,

    `CREATE TABLE files (
      id text PRIMARY KEY NOT NULL,
      team_id text NOT NULL REFERENCES teams (id),
      state text NOT NULL CHECK (state IN ('queued', 'indexing', 'indexed', 'failed', 'deleted')),
      title text NOT NULL,
      filename text NOT NULL,
      content_type text NOT NULL,
      detected_content_type text,
      size_bytes ${integer} NOT NULL CHECK (size_bytes >= 1),
      sha256 text NOT NULL CHECK (length(sha256) IN (0, 64)),
      tags text NOT NULL,
      metadata text NOT NULL,
      version ${integer} NOT NULL CHECK (version >= 1),
      active_version ${integer} CHECK (active_version <= version),
      active_build text,
      active_chunks ${integer} NOT NULL DEFAULT 0,
      active_pages ${integer} NOT NULL DEFAULT 0,
      blob_key text,
      text_key text,
      session_id text NOT NULL UNIQUE,
      task_id text NOT NULL,
      error_code text,
      error_message text,
      created_at ${integer} NOT NULL,
      updated_at ${integer} NOT NULL,
      indexed_at ${integer},
      deleted_at ${integer},
      CHECK ((state = 'indexed') = (active_build IS NOT NULL)),
      CHECK ((active_build IS NULL) = (active_version IS NULL)),
      CHECK (state <> 'failed' OR error_code IS NOT NULL),
      CHECK ((state = 'deleted') = (deleted_at IS NOT NULL)),
      CHECK (state <> 'deleted' OR (filename = '' AND title = '' AND tags = '[]' AND metadata = '{}'))
    )${strict}`,
    `CREATE INDEX files_newest ON files (team_id, created_at, id)`,
    `CREATE INDEX files_by_state ON files (team_id, state, created_at, id)`,
    `CREATE INDEX files_tombstones ON files (deleted_at) WHERE state = 'deleted'`,

    `CREATE TABLE file_tags (
      team_id text NOT NULL,
      tag text NOT NULL,
      file_id text NOT NULL REFERENCES files (id),
      PRIMARY KEY (team_id, tag, file_id)
    )${strict}`,
    `CREATE INDEX file_tags_by_file ON file_tags (file_id)`,

    `CREATE TABLE file_metadata (
      team_id text NOT NULL,
      fingerprint text NOT NULL CHECK (length(fingerprint) = 64),
      file_id text NOT NULL REFERENCES files (id),
      PRIMARY KEY (team_id, fingerprint, file_id)
    )${strict}`,
    `CREATE INDEX file_metadata_by_file ON file_metadata (file_id)`,

    `CREATE TABLE file_buckets (
      team_id text NOT NULL,
      bucket_id text NOT NULL REFERENCES buckets (id),
      file_id text NOT NULL REFERENCES files (id),
      status text NOT NULL CHECK (status IN ('pending', 'active', 'failed')),
      version ${integer} NOT NULL CHECK (version >= 1),
      created_at ${integer} NOT NULL,
      PRIMARY KEY (file_id, bucket_id)
    )${strict}`,
    `CREATE INDEX file_buckets_by_bucket ON file_buckets (bucket_id, file_id)`,

    `CREATE TABLE tasks (
      id text PRIMARY KEY NOT NULL,
      team_id text NOT NULL REFERENCES teams (id),
      file_id text NOT NULL,
      type text NOT NULL CHECK (type IN ('index', 'remove')),
      state text NOT NULL CHECK (state IN ('queued', 'running', 'succeeded', 'failed', 'cancelled')),
      version ${integer} NOT NULL CHECK (version >= 1),
      stage text NOT NULL CHECK (stage IN ('waiting', 'extracting', 'chunking', 'indexing', 'activating')),
      attempt ${integer} NOT NULL DEFAULT 0 CHECK (attempt >= 0),
      faults ${integer} NOT NULL DEFAULT 0 CHECK (faults >= 0),
      deaths ${integer} NOT NULL DEFAULT 0 CHECK (deaths BETWEEN 0 AND faults),
      troubles ${integer} NOT NULL DEFAULT 0 CHECK (troubles >= 0),
      lease_losses ${integer} NOT NULL DEFAULT 0 CHECK (lease_losses >= 0),
      lane text NOT NULL CHECK (lane IN ('fast', 'slow')),
      fair_at ${integer} NOT NULL,
      due_at ${integer},
      claimed_at ${integer},
      lease_until ${integer},
      progress_done ${integer} NOT NULL DEFAULT 0,
      progress_total ${integer},
      progress_unit text CHECK (progress_unit IN ('pages', 'chunks')),
      error_code text,
      error_message text,
      created_at ${integer} NOT NULL,
      updated_at ${integer} NOT NULL,
      finished_at ${integer},
      CHECK ((state = 'running') = (lease_until IS NOT NULL)),
      CHECK ((state = 'running') = (claimed_at IS NOT NULL)),
      CHECK ((state IN ('succeeded', 'failed', 'cancelled')) = (finished_at IS NOT NULL)),
      CHECK (state <> 'failed' OR error_code IS NOT NULL),
      CHECK (due_at IS NULL OR state = 'queued'),
      CHECK (type <> 'remove' OR (state NOT IN ('failed', 'cancelled') AND faults = 0))
    )${strict}`,
    `CREATE INDEX tasks_to_claim ON tasks (lane, fair_at, id) WHERE state = 'queued' AND due_at IS NULL`,
    `CREATE INDEX tasks_to_claim_by_team ON tasks (team_id, lane, fair_at, id) WHERE state = 'queued' AND due_at IS NULL`,
    `CREATE INDEX tasks_backed_off ON tasks (due_at) WHERE state = 'queued' AND due_at IS NOT NULL`,
    `CREATE INDEX tasks_leased ON tasks (lease_until) WHERE state = 'running'`,
    `CREATE INDEX tasks_by_file ON tasks (file_id)`,
  ],
};
