/**
 * The routes that take the dashboard's session cookie in place of a key (contract ALL-2): those that its own page
 * calls, and no others. Each still asks for its scope, and a session has those that its link was made with: all but
 * `admin`, unless its maker said otherwise. What administers (profiles of agents, keys) and what other programs call
 * (bulk deletes) needs a key.
 *
 * | scope of a session | what the page does with it |
 * |---|---|
 * | `files:write` | upload, cancel, retry, delete, make and archive buckets |
 * | `files:read` | list and show files, their text and their bytes |
 * | `search` | search and ask |
 *
 * As they are registered: method, space, pattern. What is missing here answers the cookie like no credential at all:
 * 401.
 */
export const COOKIE_ROUTES: ReadonlySet<string> = new Set([
  "GET /dashboard/session",
  "DELETE /dashboard/session",
  "GET /dashboard/health",

  "POST /v1/knowledge/files/upload-session",
  "GET /v1/knowledge/files/upload-sessions",
  "DELETE /v1/knowledge/files/upload-session/:session_id",
  "POST /v1/knowledge/files/upload-session/:session_id/finalize",

  // A folder goes by batches: alone, each of its files would be one of the team's five creates a second.
  "POST /v1/knowledge/files::batch/upload-session",
  "POST /v1/knowledge/files::batch/upload-session/:batch_id/finalize",
  "GET /v1/knowledge/batches/:batch_id",

  "GET /v1/knowledge/files",
  "GET /v1/knowledge/files/:file_id",
  "DELETE /v1/knowledge/files/:file_id",
  "GET /v1/knowledge/files/:file_id/content",
  "GET /v1/knowledge/files/:file_id/text",
  "POST /v1/knowledge/files/:file_id/reindex",

  "POST /v1/knowledge/tasks/:task_id/cancel",
  "POST /v1/knowledge/tasks/:task_id/retry",

  "GET /v1/knowledge/buckets",
  "POST /v1/knowledge/buckets",
  "PATCH /v1/knowledge/buckets/:bucket_id",

  "POST /v1/knowledge/search",
  "POST /v1/responses",
]);
