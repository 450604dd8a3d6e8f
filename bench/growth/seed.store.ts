import { openDatabase } from "../../server/src/sqlite/open-database.ts";
import { truncateLog } from "../../server/src/sqlite/wal-checkpoint.ts";

/** A million uploads would take hours: their rows are written straight into the catalogue, while no server runs. */

const PER_COMMIT = 50_000;

/**
 * Rows of `files` indexed files of the only team, as a year of uploads leaves them: session, file, membership, task.
 */
export function seedFiles(catalogue: string, files: number): void {
  const database = openDatabase(catalogue);
  const team = database.prepare("SELECT id FROM teams").get()?.["id"];
  const bucket = database.prepare("SELECT id FROM buckets").get()?.["id"];
  if (typeof team !== "string" || typeof bucket !== "string") throw new Error("the catalogue has no team or no bucket");
  const statements = TABLES.map((text) => database.prepare(text));
  for (let from = 0; from < files; from += PER_COMMIT) {
    const numbers = { from, to: Math.min(files, from + PER_COMMIT) - 1, now: Date.now() };
    database.exec("BEGIN IMMEDIATE");
    for (const [at, statement] of statements.entries()) {
      const used = Object.entries({ ...numbers, team, bucket }).filter(([name]) => TABLES[at]?.includes(`$${name}`));
      statement.run(Object.fromEntries(used));
    }
    database.exec("COMMIT");
    truncateLog(database);
  }
  database.close();
}

/**
 * The same files as ones that could not be read: what lies on the disk is theirs, and the search index, which was not
 * seeded, owes none of them. Their originals are what `sha256` says.
 */
export function markUnreadable(catalogue: string, sha256: string): void {
  const database = openDatabase(catalogue);
  database
    .prepare(
      `UPDATE files SET state = 'failed', active_version = NULL, active_build = NULL, error_code = 'corrupt_file', sha256 = $sha256,
       blob_key = 'originals/' || session_id || '/' || $sha256 WHERE id LIKE 'file_s%'`,
    )
    .run({ sha256 });
  database.exec("UPDATE file_buckets SET status = 'failed' WHERE file_id LIKE 'file_s%'");
  truncateLog(database);
  database.close();
}

/** Tasks that wait for a worker, of files that are there. */
export function seedQueue(catalogue: string, tasks: number): void {
  const database = openDatabase(catalogue);
  database.exec("BEGIN IMMEDIATE");
  database
    .prepare(
      `INSERT INTO tasks (id, team_id, file_id, type, state, version, stage, lane, fair_at, created_at, updated_at)
       SELECT 'task_q' || id, team_id, id, 'index', 'queued', 2, 'waiting', 'fast', created_at, created_at, created_at
       FROM files WHERE state = 'indexed' LIMIT ?`,
    )
    .run(tasks);
  database.exec("COMMIT");
  truncateLog(database);
  database.close();
}

/** The id of a seeded file. */
export function seededFile(number: number): string {
  return seeded("file", number);
}

/** The keys of a seeded file's blobs, when its original is what `sha256` says. */
export function seededKeys(number: number, sha256: string): readonly [original: string, text: string] {
  const [session, file, task] = [seeded("sess", number), seeded("file", number), seeded("task", number)];
  return [`originals/${session}/${sha256}`, `text/${file}/${task}_1.jsonl`];
}

function seeded(prefix: string, number: number): string {
  return `${prefix}_s${String(number).padStart(25, "0")}`;
}

const NUMBERS = "WITH RECURSIVE n (i) AS (SELECT $from UNION ALL SELECT i + 1 FROM n WHERE i < $to)";
const ID = (prefix: string) => `'${prefix}_s' || printf('%025d', i)`;
/** One a minute, up to now. */
const AT = "$now - ($to - i) * 30";
const HASH = "printf('%064x', i)";

const TABLES = [
  `${NUMBERS} INSERT INTO upload_sessions (id, team_id, state, filename, title, content_type, size_bytes, tags, metadata, bucket_ids, writer_epoch,
    received_bytes, segments, md5, crc32c, received_at, created_at, updated_at, expires_at, ended_at, sha256, file_id, task_id)
    SELECT ${ID("sess")}, $team, 'finalized', 'note-' || i || '.txt', 'Note ' || i, 'text/plain', 10000, '[]', '{}', '["' || $bucket || '"]', 1,
    10000, '[{"epoch":1,"bytes":10000}]', 'md5', 'crc', ${AT}, ${AT}, ${AT}, ${AT}, ${AT}, ${HASH}, ${ID("file")}, ${ID("task")} FROM n`,
  `${NUMBERS} INSERT INTO files (id, team_id, state, title, filename, content_type, detected_content_type, size_bytes, sha256, tags, metadata, version,
    active_version, active_build, active_chunks, active_pages, blob_key, text_key, session_id, task_id, created_at, updated_at, indexed_at)
    SELECT ${ID("file")}, $team, 'indexed', 'Note ' || i, 'note-' || i || '.txt', 'text/plain', 'text/plain', 10000, ${HASH}, '[]', '{}', 1,
    1, ${ID("task")} || '_1', 10, 1, 'originals/' || ${ID("sess")} || '/' || ${HASH}, 'text/' || ${ID("file")} || '/' || ${ID("task")} || '_1.jsonl',
    ${ID("sess")}, ${ID("task")}, ${AT}, ${AT}, ${AT} FROM n`,
  `${NUMBERS} INSERT INTO file_buckets (team_id, bucket_id, file_id, status, version, created_at)
    SELECT $team, $bucket, ${ID("file")}, 'active', 1, ${AT} FROM n`,
  `${NUMBERS} INSERT INTO tasks (id, team_id, file_id, type, state, version, stage, attempt, lane, fair_at, created_at, updated_at, finished_at)
    SELECT ${ID("task")}, $team, ${ID("file")}, 'index', 'succeeded', 1, 'activating', 1, 'fast', ${AT}, ${AT}, ${AT}, ${AT} FROM n`,
  "UPDATE buckets SET active_files = active_files + $to - $from + 1, active_chunks = active_chunks + 10 * ($to - $from + 1) WHERE id = $bucket",
];
