import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import type { Kysely } from "kysely";
import { originalKey } from "../blobs/keys.ts";
import { type Catalogue, serialTx, type Tx } from "../catalogue/catalogue.ts";
import type { BucketsTable, FilesTable, Schema, TaskLane, TasksTable } from "../catalogue/schema.ts";
import { createClock, createClockOffset, shiftClock } from "../clock.ts";
import { openCatalogue } from "../engines/catalogue.ts";
import { insertFile } from "../files/insert-file.store.ts";
import { createTaskQueue } from "../files/task-queue.ts";
import {
  type BucketId,
  createIdSource,
  type FileId,
  type IdSource,
  type SessionId,
  type TaskId,
  type TeamId,
} from "../ids.ts";
import { kyselyOver } from "../sqlite/kysely-sqlite.ts";
import { openDatabase } from "../sqlite/open-database.ts";
import type { Claim } from "./claim.store.ts";
import type { TaskQueue } from "./queue.ts";

/** A real catalogue, whatever database it is in, with rows as finalize leaves them. */
export interface QueueUnderTest extends TestDatabase {
  readonly queue: TaskQueue;
  newTeam(): Promise<TeamId>;
  newBucket(team: TeamId): Promise<BucketId>;
  /** A queued file with its task, in the given bucket. */
  newFile(file: NewTestFile): Promise<TestFile>;
  task(id: TaskId): Promise<TasksTable>;
  file(id: FileId): Promise<FilesTable>;
  bucket(id: BucketId): Promise<BucketsTable>;
  memberships(id: FileId): Promise<readonly string[]>;
}

/** What a test catalogue stands on. */
export interface TestDatabase {
  readonly catalogue: Catalogue;
  readonly ids: IdSource;
  /** A connection of its own beside the catalogue. */
  readonly db: Kysely<Schema>;
  now(): number;
  /** Moves the clock of this test and of the catalogue. */
  passMs(ms: number): void;
  /** Parts of operations, run beside the catalogue. */
  inTransaction<T>(work: (tx: Tx) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

/** The same on SQLite, in a folder of its own, for tests of the queue and of indexing. */
export interface TestCatalogue extends QueueUnderTest {
  readonly folder: string;
  readonly database: DatabaseSync;
}

export interface NewTestFile {
  readonly team: TeamId;
  readonly bucket: BucketId;
  readonly filename?: string;
  readonly contentType?: string;
  readonly bytes?: number;
  readonly sha256?: string;
  readonly sessionId?: SessionId;
  readonly tags?: readonly string[];
}

export interface TestFile {
  readonly fileId: FileId;
  readonly taskId: TaskId;
  readonly sessionId: SessionId;
}

export async function openTestCatalogue(): Promise<TestCatalogue> {
  const folder = await mkdtemp(join(tmpdir(), "wharf-tasks-"));
  const path = join(folder, "catalogue.db");
  const clockOffset = createClockOffset();
  const clock = createClock(clockOffset);
  const ids = createIdSource(clock);
  const catalogue = await openCatalogue({
    path,
    clockOffset,
    fatal: (error) => {
      throw error;
    },
  });
  const database = openDatabase(path);
  const db = kyselyOver<Schema>(database);
  const on = queueOver({
    catalogue,
    ids,
    db,
    now: () => clock.now(),
    passMs: (ms) => shiftClock(clockOffset, ms),
    async inTransaction(work) {
      database.exec("BEGIN IMMEDIATE");
      const result = await work(serialTx(db, clock.now()));
      database.exec("COMMIT");
      return result;
    },
    async close() {
      database.close();
      await catalogue.close();
      await rm(folder, { recursive: true, force: true });
    },
  });
  return { ...on, folder, database };
}

export function queueOver(on: TestDatabase): QueueUnderTest {
  const { catalogue, db, ids } = on;
  const one = async <T>(rows: Promise<T | undefined>): Promise<T> => {
    const row = await rows;
    if (row === undefined) throw new Error("there is no such row");
    return row;
  };
  return {
    ...on,
    queue: createTaskQueue(catalogue),
    async newTeam() {
      const id = ids.next("team");
      await db.insertInto("teams").values({ id, slug: id, name: id, open_sessions: 0, created_at: on.now() }).execute();
      return id;
    },
    async newBucket(team) {
      const id = ids.next("bucket");
      await db
        .insertInto("buckets")
        .values(emptyBucket(id, team, on.now()))
        .execute();
      return id;
    },
    async newFile({ team, bucket, ...given }) {
      const fileId = ids.next("file");
      const taskId = ids.next("task");
      const sessionId = given.sessionId ?? ids.next("sess");
      const sha256 = given.sha256 ?? "0".repeat(64);
      await on.inTransaction((tx) =>
        insertFile(tx, {
          id: fileId,
          taskId,
          teamId: team,
          sessionId,
          filename: given.filename ?? "note.txt",
          title: given.filename ?? "note.txt",
          contentType: given.contentType ?? "text/plain",
          sizeBytes: given.bytes ?? 1,
          sha256,
          tags: given.tags ?? [],
          metadata: "{}",
          bucketIds: [bucket],
          blobKey: originalKey(sessionId, sha256),
        }),
      );
      return { fileId, taskId, sessionId };
    },
    task: (id) => one(db.selectFrom("tasks").selectAll().where("id", "=", id).executeTakeFirst()),
    file: (id) => one(db.selectFrom("files").selectAll().where("id", "=", id).executeTakeFirst()),
    bucket: (id) => one(db.selectFrom("buckets").selectAll().where("id", "=", id).executeTakeFirst()),
    async memberships(id) {
      const rows = await db.selectFrom("file_buckets").select("status").where("file_id", "=", id).execute();
      return rows.map((row) => row.status);
    },
  };
}

/** So many new files of the team in one bucket, each with its task. */
export async function enqueueFiles(on: QueueUnderTest, team: TeamId, count: number): Promise<TaskId[]> {
  const bucket = await on.newBucket(team);
  const ids: TaskId[] = [];
  for (let i = 0; i < count; i++) ids.push((await on.newFile({ team, bucket })).taskId);
  return ids;
}

/** The next task of the lane; one must be due. */
export async function claimDue(on: QueueUnderTest, lane: TaskLane = "fast"): Promise<Claim> {
  const claim = await on.queue.claim(lane);
  assert.ok(claim !== null, `nothing was due in the ${lane} lane`);
  return claim;
}

function emptyBucket(id: BucketId, team: TeamId, now: number): BucketsTable {
  return {
    id,
    team_id: team,
    slug: id.replaceAll("_", "-"),
    name: id,
    description: null,
    status: "active",
    pending_files: 0,
    active_files: 0,
    failed_files: 0,
    active_chunks: 0,
    created_at: now,
    updated_at: now,
    last_synced_at: null,
    last_error: null,
    deleted_at: null,
  };
}
