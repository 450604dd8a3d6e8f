import type {
  BatchId,
  BucketId,
  DashboardSessionId,
  FileId,
  KeyId,
  ResponseId,
  SessionId,
  TaskId,
  TeamId,
} from "../ids.ts";

/**
 * The tables as Kysely sees them. Times are epoch milliseconds, sizes bytes; JSON is text; ids are text. The columns'
 * meaning, indexes and CHECKs stand in `migrations/`.
 */
export interface Schema {
  teams: TeamsTable;
  api_keys: ApiKeysTable;
  buckets: BucketsTable;
  upload_sessions: UploadSessionsTable;
  idempotency_keys: IdempotencyKeysTable;
  create_admissions: CreateAdmissionsTable;
  files: FilesTable;
  file_tags: FileTagsTable;
  file_metadata: FileMetadataTable;
  file_buckets: FileBucketsTable;
  tasks: TasksTable;
  batches: BatchesTable;
  batch_items: BatchItemsTable;
  maintenance_positions: MaintenancePositionsTable;
  agent_profiles: AgentProfilesTable;
  responses: ResponsesTable;
  response_quotes: ResponseQuotesTable;
  response_totals: ResponseTotalsTable;
  dashboard_links: DashboardLinksTable;
  dashboard_sessions: DashboardSessionsTable;
  schema_migrations: SchemaMigrationsTable;
}

export interface TeamsTable {
  id: TeamId;
  slug: string;
  name: string;
  /** Sessions in `open` or `received`: the cap of limits.openSessionsPerTeam without a scan. */
  open_sessions: number;
  created_at: number;
}

export interface ApiKeysTable {
  id: KeyId;
  team_id: TeamId;
  name: string;
  /** SHA-256 of the key, hexadecimal. The key itself is nowhere. */
  hash: string;
  last4: string;
  /** JSON array of scopes. */
  scopes: string;
  created_at: number;
  expires_at: number | null;
  revoked_at: number | null;
}

export type BucketStatus = "active" | "archived";

export interface BucketsTable {
  id: BucketId;
  team_id: TeamId;
  slug: string;
  name: string;
  description: string | null;
  status: BucketStatus;
  /** Memberships by state, kept by buckets/membership.store.ts in the transaction that moves them. */
  pending_files: number;
  active_files: number;
  failed_files: number;
  /** Chunks of the active memberships. */
  active_chunks: number;
  created_at: number;
  updated_at: number;
  last_synced_at: number | null;
  last_error: string | null;
  /** Set: hidden, and being removed (files/remove-bucket.store.ts). It is `archived` then, and its slug is its id. */
  deleted_at: number | null;
}

export type SessionState = "open" | "received" | "finalized" | "expired" | "cancelled";

export interface UploadSessionsTable {
  id: SessionId;
  team_id: TeamId;
  state: SessionState;
  filename: string;
  title: string;
  content_type: string;
  size_bytes: number;
  tags: string;
  metadata: string;
  bucket_ids: string;
  /** +1 for each data request: a segment counts only for the writer whose epoch this still is. */
  writer_epoch: number;
  /** The honest offset: bytes [0, received_bytes) are fsynced and recorded. */
  received_bytes: number;
  /** JSON array of {epoch, bytes}: which segments hold [0, received_bytes), in order. */
  segments: string;
  /** State of crc32c and md5 at received_bytes, base64 JSON; null = compute again from the segments. */
  digest_state: string | null;
  /** Set when the session is `received`: base64, as in the object resource. */
  md5: string | null;
  crc32c: string | null;
  received_at: number | null;
  created_at: number;
  updated_at: number;
  expires_at: number;
  /** When it became finalized, expired or cancelled; retention counts from `updated_at`. */
  ended_at: number | null;
  sha256: string | null;
  file_id: FileId | null;
  task_id: TaskId | null;
}

export interface IdempotencyKeysTable {
  team_id: TeamId;
  operation: string;
  key: string;
  /** SHA-256 of the canonical body. */
  fingerprint: string;
  session_id: SessionId;
  created_at: number;
  last_used_at: number;
}

/** Counted creates, a row for each millisecond that had any: LIM-1's sliding window. */
export interface CreateAdmissionsTable {
  team_id: TeamId;
  at: number;
  creates: number;
}

export type FileState = "queued" | "indexing" | "indexed" | "failed" | "deleted";

export interface FilesTable {
  id: FileId;
  team_id: TeamId;
  state: FileState;
  title: string;
  filename: string;
  content_type: string;
  detected_content_type: string | null;
  size_bytes: number;
  sha256: string;
  tags: string;
  metadata: string;
  /** The version being prepared or shown; replacement makes the next one. */
  version: number;
  active_version: number | null;
  /** The build (search-index/build.ts) that search shows: null = none. */
  active_build: string | null;
  active_chunks: number;
  active_pages: number;
  /** Where the original and the active build's text are in the blob store; null once removed. */
  blob_key: string | null;
  text_key: string | null;
  /** JSON array of {code, message, pages}: what the active build's text does not show. */
  warnings: string;
  /** Which version of the extractor read the original last (extraction/extractor-version.ts). */
  extractor_version: number;
  session_id: SessionId;
  /** The latest indexing task. */
  task_id: TaskId;
  error_code: string | null;
  error_message: string | null;
  created_at: number;
  updated_at: number;
  indexed_at: number | null;
  deleted_at: number | null;
  /** Counts changes of title, tags and buckets. */
  labels: number;
  /** 1: the search index may hold other labels of the shown build than these (files/labels.store.ts). */
  labels_dirty: 0 | 1;
}

export interface FileTagsTable {
  team_id: TeamId;
  /** The tag in NFC (files/tag-key.ts); as it was sent it stands in `files.tags`. */
  tag: string;
  file_id: FileId;
}

/** One row for each scalar at the top of a file's metadata. */
export interface FileMetadataTable {
  team_id: TeamId;
  /** SHA-256 of key NUL JSON-text in NFC, hexadecimal: values may be long, index rows may not. */
  fingerprint: string;
  file_id: FileId;
}

export type MembershipStatus = "pending" | "active" | "failed";

export interface FileBucketsTable {
  team_id: TeamId;
  bucket_id: BucketId;
  file_id: FileId;
  status: MembershipStatus;
  /** The file's version that this membership shows. */
  version: number;
  created_at: number;
}

export type TaskType = "index" | "remove";
export type TaskState = "queued" | "running" | "succeeded" | "failed" | "cancelled";
export type TaskStage = "waiting" | "extracting" | "chunking" | "indexing" | "activating";
export type TaskLane = "fast" | "slow";
export type ProgressUnit = "pages" | "chunks";

export interface TasksTable {
  id: TaskId;
  team_id: TeamId;
  file_id: FileId;
  type: TaskType;
  state: TaskState;
  /** The version of the file that the task prepares. */
  version: number;
  stage: TaskStage;
  /** Counts claims: the fence. A write of an older attempt changes nothing. */
  attempt: number;
  /** What the file did: typed errors, limits, deaths of its child. */
  faults: number;
  /** Of those, deaths and time-outs of the child. */
  deaths: number;
  /** Consecutive troubles of the machine; they choose the back-off and never fail the task. */
  troubles: number;
  lease_losses: number;
  /** Consecutive claims that the server itself did not survive; 0 in a task that has ended. */
  crashes: number;
  lane: TaskLane;
  /** Order among the due tasks of a lane (tasks/fair-order.store.ts). */
  fair_at: number;
  /**
   * Backed off until then; null = due. Nobody scans past what is not due: the index for claims holds due tasks alone.
   */
  due_at: number | null;
  claimed_at: number | null;
  lease_until: number | null;
  progress_done: number;
  progress_total: number | null;
  progress_unit: ProgressUnit | null;
  error_code: string | null;
  error_message: string | null;
  created_at: number;
  updated_at: number;
  finished_at: number | null;
}

/** Several upload sessions that one request made. Its id follows from team and key (uploads/batch.ts). */
export interface BatchesTable {
  id: BatchId;
  team_id: TeamId;
  /** SHA-256 of the canonical body. */
  fingerprint: string;
  created_at: number;
  last_used_at: number;
}

/** Accepted (a session) or rejected (an error). */
export interface BatchItemsTable {
  batch_id: BatchId;
  client_file_id: string;
  /** Where it stood in the request, from 0. */
  place: number;
  session_id: SessionId | null;
  /** JSON of {code, message, retryable, details}. */
  error: string | null;
}

/** Where each chore of maintenance is: a row a chore. */
export interface MaintenancePositionsTable {
  chore: string;
  position: string;
  updated_at: number;
}

export interface AgentProfilesTable {
  team_id: TeamId;
  /** A slug. */
  profile_id: string;
  name: string;
  /** JSON array of bucket ids; empty = all active buckets. */
  bucket_ids: string;
  instructions: string;
  enabled: number;
  created_at: number;
  updated_at: number;
}

export interface ResponsesTable {
  id: ResponseId;
  team_id: TeamId;
  /** As the client named it, or ours. */
  conversation_id: string;
  previous_id: string | null;
  question: string;
  /** JSON of an Answer (agents/answer.ts). */
  answer: string;
  created_at: number;
  expires_at: number;
  /** Of question and answer, in UTF-8. */
  bytes: number;
}

export interface ResponseQuotesTable {
  file_id: FileId;
  response_id: ResponseId;
}

/** A link that signs one browser in. */
export interface DashboardLinksTable {
  /** SHA-256 of the secret in the link, hexadecimal. */
  hash: string;
  team_id: TeamId;
  /** JSON array of scopes that the session gets. */
  scopes: string;
  expires_at: number;
}

/** A browser that is signed in; gone when it is not any more. */
export interface DashboardSessionsTable {
  id: DashboardSessionId;
  team_id: TeamId;
  /** SHA-256 of the cookie's secret, hexadecimal. */
  hash: string;
  /** JSON array of scopes. */
  scopes: string;
  created_at: number;
  expires_at: number;
}

/** What a team's kept answers are together; no row: it never had one. */
export interface ResponseTotalsTable {
  team_id: TeamId;
  bytes: number;
}

export interface SchemaMigrationsTable {
  version: number;
  name: string;
  applied_at: number;
}
