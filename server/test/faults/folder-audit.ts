import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { BlobStore, StoredEntry } from "../../src/blobs/blob-store.ts";
import { openFsBlobStore } from "../../src/blobs/fs.ts";
import { storedKey } from "../../src/blobs/keys.ts";
import { everyEntry } from "../../src/blobs/test-entries.ts";

/** Compares the data folder of a server that has stopped with its catalogue, both ways, with statements of its own. */
export interface FolderAudit {
  /** What is wrong, one sentence each. */
  readonly problems: readonly string[];
  readonly files: number;
  readonly entries: number;
}

/** Only after the server ended: a second opener of a locked SQLite file would drop the server's locks. */
export async function auditFolder(dataDir: string): Promise<FolderAudit> {
  const database = new DatabaseSync(join(dataDir, "catalogue.db"), { readOnly: true });
  const blobs = await openFsBlobStore({ root: join(dataDir, "blobs") });
  try {
    const catalogue = readCatalogue(database);
    const entries: StoredEntry[] = [];
    for await (const entry of everyEntry(blobs)) entries.push(entry);
    const problems = [
      ...catalogue.problems,
      ...entries.flatMap((entry) => orphan(entry, catalogue) ?? []),
      ...(await dangling(blobs, entries, catalogue)),
      ...(await strangers(dataDir)),
    ];
    return { problems, files: catalogue.files, entries: entries.length };
  } finally {
    database.close();
  }
}

export interface TasksAtRest {
  /** Under a lease still: nobody works on them, and nobody may until it ends. */
  readonly running: number;
  /** Claimed before, and due again. */
  readonly returned: number;
}

/** The tasks of a server that has stopped. */
export function tasksAtRest(dataDir: string): TasksAtRest {
  const database = new DatabaseSync(join(dataDir, "catalogue.db"), { readOnly: true });
  try {
    const count = (condition: string) =>
      Number(database.prepare(`SELECT count(*) AS n FROM tasks WHERE ${condition}`).get()?.["n"]);
    return {
      running: count("state = 'running'"),
      returned: count("state = 'queued' AND attempt > 0 AND due_at IS NULL"),
    };
  } finally {
    database.close();
  }
}

interface CatalogueFacts {
  /** Segments that open and received sessions list: `<session>.<epoch>`, and their recorded bytes. */
  readonly segments: ReadonlyMap<string, number>;
  readonly liveSessions: ReadonlySet<string>;
  /** Keys of blobs, and their length where the catalogue knows it. */
  readonly keys: ReadonlyMap<string, number | null>;
  readonly files: number;
  readonly problems: readonly string[];
}

function readCatalogue(database: DatabaseSync): CatalogueFacts {
  const segments = new Map<string, number>();
  const liveSessions = new Set<string>();
  const keys = new Map<string, number | null>();
  const problems: string[] = [];
  for (const row of database
    .prepare("SELECT id, segments FROM upload_sessions WHERE state IN ('open', 'received')")
    .iterate()) {
    liveSessions.add(String(row["id"]));
    const listed: unknown = JSON.parse(String(row["segments"]));
    if (!Array.isArray(listed)) throw new Error("segments is no list");
    for (const { epoch, bytes } of listed) segments.set(`${row["id"]}.${epoch}`, Number(bytes));
  }
  let files = 0;
  for (const row of database
    .prepare("SELECT blob_key, text_key, size_bytes, state FROM files WHERE state <> 'deleted'")
    .iterate()) {
    files++;
    keys.set(String(row["blob_key"]), Number(row["size_bytes"]));
    if (row["text_key"] !== null) keys.set(String(row["text_key"]), null);
    if (row["state"] === "indexed" && row["text_key"] === null)
      problems.push(`an indexed file has no text: ${row["blob_key"]}`);
  }
  const checks = {
    "files without exactly one indexing task":
      "SELECT count(*) AS n FROM files f WHERE (SELECT count(*) FROM tasks t WHERE t.file_id = f.id AND t.type = 'index') <> 1",
    "sessions with two files":
      "SELECT count(*) AS n FROM (SELECT session_id FROM files GROUP BY session_id HAVING count(*) > 1)",
    "finalized sessions without their file":
      "SELECT count(*) AS n FROM upload_sessions s WHERE s.state = 'finalized' AND NOT EXISTS (SELECT 1 FROM files f WHERE f.id = s.file_id AND f.session_id = s.id)",
    "files whose session is not finalized":
      "SELECT count(*) AS n FROM files f JOIN upload_sessions s ON s.id = f.session_id WHERE s.state <> 'finalized'",
  };
  for (const [what, sql] of Object.entries(checks)) {
    const count = Number(database.prepare(sql).get()?.["n"]);
    if (count !== 0) problems.push(`${count} ${what}`);
  }
  const integrity = String(database.prepare("PRAGMA integrity_check").get()?.["integrity_check"]);
  if (integrity !== "ok") problems.push(`the catalogue is damaged: ${integrity}`);
  return { segments, liveSessions, keys, files, problems };
}

/** Why nothing refers to the entry, or null when something does. */
function orphan(entry: StoredEntry, catalogue: CatalogueFacts): string | null {
  switch (entry.kind) {
    case "temporary":
      return `a temporary file is left: ${entry.name}`;
    case "segment":
      return catalogue.segments.has(`${entry.session}.${entry.epoch}`)
        ? null
        : `nothing lists the segment ${entry.session}.${entry.epoch}`;
    case "original":
      // A session that is not over may still finalize to it.
      return catalogue.keys.has(entry.key) || catalogue.liveSessions.has(entry.session)
        ? null
        : `nothing refers to ${entry.key}`;
    case "text":
      return catalogue.keys.has(entry.key) ? null : `nothing refers to ${entry.key}`;
  }
}

/** What the catalogue refers to and the disk does not have. */
async function dangling(
  blobs: BlobStore,
  entries: readonly StoredEntry[],
  catalogue: CatalogueFacts,
): Promise<string[]> {
  const lengths = new Map<string, number>();
  for (const entry of entries)
    if (entry.kind === "segment") lengths.set(`${entry.session}.${entry.epoch}`, entry.bytes);
  const segments = [...catalogue.segments]
    .filter(([name, bytes]) => (lengths.get(name) ?? -1) < bytes)
    .map(([name, bytes]) => `the segment ${name} has ${lengths.get(name) ?? "no"} of ${bytes} bytes`);
  const keys: string[] = [];
  for (const [key, bytes] of catalogue.keys) {
    const size = await blobs.size(storedKey(key));
    if (size === null || (bytes !== null && size !== bytes)) keys.push(`${key} has ${size ?? "no"} of ${bytes} bytes`);
  }
  return [...segments, ...keys];
}

/** Temporary files outside the blobs: a secret half made, a document that was being read. */
async function strangers(dataDir: string): Promise<string[]> {
  const names = await readdir(dataDir, { recursive: true });
  return names
    .filter((name) => !name.startsWith("blobs/"))
    .filter((name) => name.includes("tmp") || name.startsWith("spool/"))
    .map((name) => `a file is left over: ${name}`);
}
