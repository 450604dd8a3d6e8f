import { parentPort, workerData } from "node:worker_threads";
import { SQLITE } from "../../server/src/catalogue/migrate.ts";
import { initial } from "../../server/src/catalogue/migrations/0001-initial.ts";
import { openDatabase } from "../../server/src/sqlite/open-database.ts";
import { truncateLog, WAL_CHECKPOINT_BYTES, walBytes } from "../../server/src/sqlite/wal-checkpoint.ts";
import type { FloorCall, FloorOperation } from "./catalogue.ts";

/**
 * The floor's owner thread: Wharf's tables and indexes, the rows that Wharf writes, one commit for all that waits;
 * plain prepared statements and no reads.
 */
function main(path: string): void {
  const database = openDatabase(path);
  for (const statement of initial.statements(SQLITE)) database.exec(statement);
  database.exec("CREATE TABLE floor_chunks (file text NOT NULL, text text NOT NULL)");
  database.exec("INSERT INTO teams VALUES ('team', 'default', 'default', 0, 0)");
  database.exec(
    "INSERT INTO buckets (id, team_id, slug, name, status, created_at, updated_at) VALUES ('bucket', 'team', 'bench', 'bench', 'active', 0, 0)",
  );
  const statements = new Map(
    Object.entries(STATEMENTS).map(([name, texts]) => [name, texts.map((text) => database.prepare(text))]),
  );
  let waiting: FloorCall[] = [];

  const commit = () => {
    const batch = waiting;
    waiting = [];
    const now = Date.now();
    database.exec("BEGIN IMMEDIATE");
    for (const { operation, input } of batch)
      for (const [index, statement] of (statements.get(operation) ?? []).entries())
        statement.run(
          Object.fromEntries(
            PARAMETERS[operation][index]?.map((name) => [name, { ...input, now }[name] ?? null]) ?? [],
          ),
        );
    database.exec("COMMIT");
    parentPort?.postMessage(batch.map((call) => call.id));
    if (walBytes(path) > WAL_CHECKPOINT_BYTES) truncateLog(database);
  };

  parentPort?.on("message", (calls: readonly FloorCall[]) => {
    // The first of a turn of the event loop commits for all of it.
    if (waiting.length === 0) setImmediate(commit);
    waiting.push(...calls);
  });
  parentPort?.postMessage([]);
}

const STATEMENTS: Readonly<Record<FloorOperation, readonly string[]>> = {
  create: [
    `INSERT INTO upload_sessions (id, team_id, state, filename, title, content_type, size_bytes, tags, metadata, bucket_ids, created_at, updated_at, expires_at)
     VALUES ($id, 'team', 'open', 'note.txt', 'note.txt', 'text/plain', $size, '[]', '{}', '["bucket"]', $now, $now, $now + 3600000)`,
    "UPDATE teams SET open_sessions = open_sessions + 1 WHERE id = 'team'",
    "INSERT INTO create_admissions VALUES ('team', $now, 1) ON CONFLICT (team_id, at) DO UPDATE SET creates = creates + 1",
  ],
  take: ["UPDATE upload_sessions SET writer_epoch = writer_epoch + 1, updated_at = $now WHERE id = $id"],
  record: [
    `UPDATE upload_sessions SET state = 'received', received_bytes = size_bytes, segments = '[{"epoch":1,"bytes":10000}]', digest_state = $md5 || $crc32c,
     md5 = $md5, crc32c = $crc32c, received_at = $now, updated_at = $now, expires_at = $now + 86400000 WHERE id = $id AND writer_epoch = 1`,
  ],
  finalize: [
    "UPDATE upload_sessions SET state = 'finalized', ended_at = $now, updated_at = $now, sha256 = $sha256, file_id = $file, task_id = $task WHERE id = $id",
    "UPDATE teams SET open_sessions = open_sessions - 1 WHERE id = 'team'",
    `INSERT INTO files (id, team_id, state, title, filename, content_type, size_bytes, sha256, tags, metadata, version, blob_key, session_id, task_id, created_at, updated_at)
     VALUES ($file, 'team', 'queued', 'note.txt', 'note.txt', 'text/plain', 10000, $sha256, '[]', '{}', 1, $id, $id, $task, $now, $now)`,
    "INSERT INTO file_buckets VALUES ('team', 'bucket', $file, 'pending', 1, $now)",
    "UPDATE buckets SET pending_files = pending_files + 1, updated_at = $now WHERE id = 'bucket'",
    `INSERT INTO tasks (id, team_id, file_id, type, state, version, stage, lane, fair_at, created_at, updated_at)
     VALUES ($task, 'team', $file, 'index', 'queued', 1, 'waiting', 'fast', $now, $now, $now)`,
  ],
  claim: [
    "UPDATE tasks SET state = 'running', attempt = 1, claimed_at = $now, lease_until = $now + 10000, updated_at = $now WHERE id = $task",
    "UPDATE files SET state = 'indexing', updated_at = $now WHERE id = $file",
  ],
  chunks: ["INSERT INTO floor_chunks VALUES ($file, $text)"],
  activate: [
    "UPDATE tasks SET state = 'succeeded', claimed_at = NULL, lease_until = NULL, finished_at = $now, updated_at = $now WHERE id = $task",
    `UPDATE files SET state = 'indexed', active_version = 1, active_build = $task, active_chunks = 9, active_pages = 1, text_key = $file, indexed_at = $now,
     updated_at = $now WHERE id = $file`,
    "UPDATE file_buckets SET status = 'active' WHERE file_id = $file",
    "UPDATE buckets SET pending_files = pending_files - 1, active_files = active_files + 1, active_chunks = active_chunks + 9 WHERE id = 'bucket'",
  ],
};

/** The names that each statement binds: SQLite refuses others. */
const PARAMETERS: Readonly<Record<FloorOperation, readonly (readonly string[])[]>> = {
  create: names(STATEMENTS.create),
  take: names(STATEMENTS.take),
  record: names(STATEMENTS.record),
  finalize: names(STATEMENTS.finalize),
  claim: names(STATEMENTS.claim),
  chunks: names(STATEMENTS.chunks),
  activate: names(STATEMENTS.activate),
};

function names(texts: readonly string[]): readonly (readonly string[])[] {
  return texts.map((text) => [...new Set([...text.matchAll(/\$(\w+)/g)].map((match) => match[1] ?? ""))]);
}

// Last: what it uses is defined above.
main(String(workerData));
