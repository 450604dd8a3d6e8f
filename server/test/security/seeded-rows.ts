import { DatabaseSync } from "node:sqlite";

/** Files as failed indexing leaves them: nothing on the disk belongs to them. */
export interface SeededFiles {
  /** The team's slug. */
  readonly team: string;
  readonly count: number;
  /** Of the nth file, in the order of their creation. */
  readonly tagsOf: (n: number) => readonly string[];
  readonly metadataOf?: (n: number) => readonly string[];
}

/** Straight into the catalogue of a server that does not run: as many by way of the API would take hours. */
export function seedFiles(cataloguePath: string, { team, count, tagsOf, metadataOf = () => [] }: SeededFiles): void {
  const database = new DatabaseSync(cataloguePath);
  try {
    database.exec("PRAGMA synchronous = OFF");
    const teamId = String(database.prepare("SELECT id FROM teams WHERE slug = ?").get(team)?.["id"]);
    const file = database.prepare(
      `INSERT INTO files (id, team_id, state, title, filename, content_type, size_bytes, sha256, tags, metadata, version, session_id,
         task_id, error_code, error_message, created_at, updated_at)
       VALUES (?, ?, 'failed', 't', 'f', 'text/plain', 1, '', '[]', '{}', 1, ?, ?, 'internal', 'x', ?, ?)`,
    );
    const task = database.prepare(
      `INSERT INTO tasks (id, team_id, file_id, type, state, version, stage, lane, fair_at, error_code, error_message, faults, created_at,
         updated_at, finished_at)
       VALUES (?, ?, ?, 'index', 'failed', 1, 'extracting', 'fast', 1, 'internal', 'x', 1, ?, ?, ?)`,
    );
    const tag = database.prepare("INSERT INTO file_tags (team_id, tag, file_id) VALUES (?, ?, ?)");
    const pair = database.prepare("INSERT INTO file_metadata (team_id, fingerprint, file_id) VALUES (?, ?, ?)");
    database.exec("BEGIN");
    for (let n = 0; n < count; n++) {
      const name = String(n).padStart(25, "0");
      const [fileId, taskId, at] = [`file_x${name}`, `task_x${name}`, FIRST_MS + n];
      file.run(fileId, teamId, `sess_x${name}`, taskId, at, at);
      task.run(taskId, teamId, fileId, at, at, at);
      for (const text of tagsOf(n)) tag.run(teamId, text, fileId);
      for (const fingerprint of metadataOf(n)) pair.run(teamId, fingerprint, fileId);
    }
    database.exec("COMMIT");
  } finally {
    database.close();
  }
}

const FIRST_MS = 1_795_900_000_000;

/** Empty buckets, as creates make them. */
export function seedBuckets(
  cataloguePath: string,
  { team, count }: { readonly team: string; readonly count: number },
): void {
  const database = new DatabaseSync(cataloguePath);
  try {
    database.exec("PRAGMA synchronous = OFF");
    const teamId = String(database.prepare("SELECT id FROM teams WHERE slug = ?").get(team)?.["id"]);
    const bucket = database.prepare(
      "INSERT INTO buckets (id, team_id, slug, name, status, created_at, updated_at) VALUES (?, ?, ?, ?, 'active', ?, ?)",
    );
    database.exec("BEGIN");
    for (let n = 0; n < count; n++) {
      const slug = `seeded-${String(n).padStart(7, "0")}-${"pad".repeat(12)}`;
      bucket.run(`bucket_x${String(n).padStart(25, "0")}`, teamId, slug, slug, FIRST_MS, FIRST_MS);
    }
    database.exec("COMMIT");
  } finally {
    database.close();
  }
}
