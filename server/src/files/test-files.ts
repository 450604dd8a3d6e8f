import { createHash, randomBytes } from "node:crypto";
import { EventEmitter, once } from "node:events";
import { join } from "node:path";
import type { LightMyRequestResponse } from "fastify";
import type { Scope } from "../access/api-key.ts";
import { createApiKey } from "../access/keys.ts";
import type { BlobStore } from "../blobs/blob-store.ts";
import { openFsBlobStore } from "../blobs/fs.ts";
import { blobPath } from "../blobs/fs-layout.ts";
import { originalKey, textKey } from "../blobs/keys.ts";
import { type Catalogue, serialTx } from "../catalogue/catalogue.ts";
import type { FileState } from "../catalogue/schema.ts";
import { readConfig } from "../config.ts";
import type { FileWarning } from "../errors.ts";
import { testBudgets } from "../fairness/test-budgets.ts";
import { createApp } from "../http/app.ts";
import { LongPolls } from "../http/long-poll.ts";
import type { App } from "../http/route.ts";
import type { BucketId, FileId, SessionId, TaskId, TeamId } from "../ids.ts";
import { activate } from "../indexing/store.ts";
import type { Log } from "../log.ts";
import { buildName } from "../search-index/build.ts";
import { openMemorySearchIndex } from "../search-index/memory.ts";
import type { Claim } from "../tasks/claim.store.ts";
import { openTestCatalogue, type TestCatalogue } from "../tasks/test-catalogue.ts";
import { FileChanges } from "./change-file.ts";
import { Downloads } from "./downloads.ts";
import { insertFile } from "./insert-file.store.ts";
import { fileRoutes } from "./routes.ts";
import { findFile } from "./store.ts";
import { VerifiedBlobs } from "./verified-blob.ts";

/**
 * The routes of files over a real catalogue and a real folder of bytes, for tests; files are made as
 * finalize makes them.
 */
export interface TestFiles {
  readonly t: TestCatalogue;
  readonly app: App;
  readonly blobs: BlobStore;
  readonly downloads: Downloads;
  readonly polls: LongPolls;
  readonly logged: { readonly level: string; readonly fields: object; readonly message: string }[];
  newTeam(): Promise<TestTeam>;
  /** Another key of the team. */
  newKey(team: TestTeam, scopes: readonly Scope[]): Promise<string>;
  newBucket(team: TestTeam, slug: string): Promise<BucketId>;
  /** A file in the state that the real operations of queue and indexing bring it to. */
  newFile(team: TestTeam, file?: NewTestFile): Promise<TestFile>;
  /** Takes the task from the queue, wherever it stands there. */
  claim(taskId: TaskId): Promise<Claim>;
  /** Resolves when a route has read a file the next time: a poll that began before has seen what was there. */
  nextRead(): Promise<unknown>;
  get(team: TestTeam, url: string, headers?: Record<string, string>): Promise<LightMyRequestResponse>;
  call(team: TestTeam, method: "HEAD" | "POST" | "DELETE", url: string): Promise<LightMyRequestResponse>;
  /** Where a blob lies on the disk, to damage it. */
  pathOf(file: TestFile): string;
  close(): Promise<void>;
}

export interface TestTeam {
  readonly teamId: TeamId;
  readonly slug: string;
  readonly key: string;
}

export interface NewTestFile {
  readonly state?: Exclude<FileState, "deleted">;
  readonly buckets?: readonly BucketId[];
  readonly bytes?: Uint8Array;
  readonly filename?: string;
  readonly tags?: readonly string[];
  readonly metadata?: object;
  readonly pages?: readonly { readonly label: string | null; readonly text: string }[];
  readonly warnings?: readonly FileWarning[];
}

export interface TestFile {
  readonly fileId: FileId;
  readonly taskId: TaskId;
  readonly sessionId: SessionId;
  readonly sha256: string;
}

export async function openTestFiles(options: { readonly downloads?: Downloads } = {}): Promise<TestFiles> {
  const t = await openTestCatalogue();
  const { ids } = t;
  const reads = new EventEmitter();
  const catalogue: Catalogue = {
    ...t.catalogue,
    async run(operation, input) {
      const output = await t.catalogue.run(operation, input);
      if (operation.name === findFile.name) reads.emit("read");
      return output;
    },
  };
  const root = join(t.folder, "blobs");
  const blobs = await openFsBlobStore({ root });
  const logged: TestFiles["logged"] = [];
  const record = (level: string) => (fields: object, message: string) => void logged.push({ level, fields, message });
  const log: Log = { debug() {}, info() {}, warn: record("warn"), error: record("error"), fatal: record("fatal") };
  const { lists, walks, pieces: turns, polls: places } = testBudgets();
  const downloads = options.downloads ?? new Downloads(testBudgets().downloads);
  const verified = new VerifiedBlobs(blobs, { remembered: 10, turns });
  const polls = new LongPolls({ catalogue, places });
  const changes = new FileChanges({ catalogue, index: openMemorySearchIndex(), log });
  const deps = { catalogue, ids, blobs, verified, downloads, polls, log, lists, walks, changes };
  const app = await createApp({
    answers: testBudgets().answers,
    bodies: testBudgets().bodies,
    catalogue,
    config: readConfig({}, {}),
    log,
    ids,
    routes: [(app) => fileRoutes(app, deps)],
    readiness: async () => ({ ready: true, checks: {} }),
  });
  const authorization = (team: TestTeam) => ({ authorization: `Bearer ${team.key}` });

  const claim = async (taskId: TaskId): Promise<Claim> => {
    // To the head of the queue: other tests' files stay as they are.
    await t.db.updateTable("tasks").set({ fair_at: 0 }).where("id", "=", taskId).execute();
    const claimed = await t.queue.claim("fast");
    if (claimed?.taskId !== taskId) throw new Error(`the task ${taskId} is not due`);
    return claimed;
  };

  const index = async (
    file: TestFile,
    held: Claim,
    pages: Required<NewTestFile>["pages"],
    warnings: readonly FileWarning[],
  ) => {
    const build = buildName(file.taskId, held.attempt);
    const key = textKey(file.fileId, build);
    const lines = pages.map((page, i) => `${JSON.stringify({ page: i + 1, ...page })}\n`).join("");
    await blobs.put(key, chunksOf(Buffer.from(lines)));
    const { fileId, taskId, attempt } = held;
    const made = {
      version: 1,
      build,
      chunks: pages.length,
      pages: pages.length,
      textKey: key,
      detectedType: "text/plain",
      warnings: JSON.stringify(warnings),
      labels: 0,
    };
    await catalogue.run(activate, { fileId, taskId, attempt, ...made });
  };

  const newFile = async (team: TestTeam, wanted: NewTestFile = {}): Promise<TestFile> => {
    const bytes = wanted.bytes ?? Buffer.from("The quay was rebuilt in granite.\n");
    const sha256 = createHash("sha256").update(bytes).digest("hex");
    const file = { fileId: ids.next("file"), taskId: ids.next("task"), sessionId: ids.next("sess"), sha256 };
    await blobs.put(originalKey(file.sessionId, sha256), chunksOf(bytes));
    await insertAsFinalize(t, team.teamId, file, bytes.byteLength, wanted);
    const { state = "queued" } = wanted;
    if (state === "queued") return file;
    const held = await claim(file.taskId);
    if (state === "indexed")
      await index(
        file,
        held,
        wanted.pages ?? [{ label: null, text: "The quay was rebuilt in granite." }],
        wanted.warnings ?? [],
      );
    if (state === "failed")
      await t.queue.fault(held, { code: "empty_text", message: "Page 1 is a scan.", permanent: true, death: false });
    return file;
  };

  return {
    t,
    app,
    blobs,
    downloads,
    polls,
    logged,
    claim,
    newFile,
    nextRead: () => once(reads, "read"),
    async newTeam() {
      const slug = ids.next("team");
      const { key, teamId } = await createApiKey({ catalogue, ids, random: randomBytes }, { team: slug, name: "test" });
      return { key, teamId, slug };
    },
    async newKey({ slug }, scopes) {
      return (await createApiKey({ catalogue, ids, random: randomBytes }, { team: slug, name: "test", scopes })).key;
    },
    async newBucket(team, slug) {
      const id = await t.newBucket(team.teamId);
      await t.db.updateTable("buckets").set({ slug }).where("id", "=", id).execute();
      return id;
    },
    get: (team, url, headers) => app.inject({ url, headers: { ...authorization(team), ...headers } }),
    call: (team, method, url) => app.inject({ method, url, headers: authorization(team) }),
    pathOf: (file) => join(root, blobPath(originalKey(file.sessionId, file.sha256))),
    async close() {
      await app.close();
      await t.close();
    },
  };
}

/** The rows that finalize leaves: an ended session and its file, in one transaction. */
async function insertAsFinalize(
  t: TestCatalogue,
  teamId: TeamId,
  file: TestFile,
  sizeBytes: number,
  wanted: NewTestFile,
) {
  const { fileId, taskId, sessionId, sha256 } = file;
  const { filename = "note.txt", tags = [], metadata = {} } = wanted;
  const bucketIds = wanted.buckets ?? [await t.newBucket(teamId)];
  const texts = { filename, title: filename, metadata: JSON.stringify(metadata) };
  const now = t.now();
  t.database.exec("BEGIN IMMEDIATE");
  await t.db
    .insertInto("upload_sessions")
    .values({
      id: sessionId,
      team_id: teamId,
      state: "finalized",
      ...texts,
      content_type: "text/plain",
      size_bytes: sizeBytes,
      tags: JSON.stringify(tags),
      bucket_ids: JSON.stringify(bucketIds),
      writer_epoch: 1,
      received_bytes: sizeBytes,
      segments: "[]",
      md5: "-",
      crc32c: "-",
      created_at: now,
      updated_at: now,
      expires_at: now + 3_600_000,
      ended_at: now,
      sha256,
      file_id: fileId,
      task_id: taskId,
    })
    .execute();
  await insertFile(serialTx(t.db, now), {
    id: fileId,
    taskId,
    teamId,
    sessionId,
    ...texts,
    contentType: "text/plain",
    sizeBytes,
    sha256,
    tags,
    bucketIds,
    blobKey: originalKey(sessionId, sha256),
  });
  t.database.exec("COMMIT");
}

export async function* chunksOf(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  const chunk = 100_000;
  for (let start = 0; start < bytes.byteLength; start += chunk) yield bytes.subarray(start, start + chunk);
}
