import { createHash } from "node:crypto";
import { createKey } from "../../src/access/store.ts";
import { originalKey, textKey } from "../../src/blobs/keys.ts";
import type { Catalogue, Operation } from "../../src/catalogue/catalogue.ts";
import type { TaskLane } from "../../src/catalogue/schema.ts";
import { isRefusal, type Refusal } from "../../src/errors.ts";
import { claimTask, recordFault } from "../../src/files/task-events.store.ts";
import type { BatchId, FileId, SessionId, TaskId, TeamId } from "../../src/ids.ts";
import { type Activation, activate } from "../../src/indexing/store.ts";
import { buildName } from "../../src/search-index/build.ts";
import type { Claim } from "../../src/tasks/claim.store.ts";
import type { Fault } from "../../src/tasks/task.ts";
import type { BatchInput } from "../../src/uploads/batch.store.ts";
import { type CreateInput, createSession, type Idempotency } from "../../src/uploads/create.store.ts";
import { type FinalizeInput, finalizeSession } from "../../src/uploads/finalize.store.ts";
import { type Progress, recordProgress, takeWriter } from "../../src/uploads/session.store.ts";
import type { UploadInput } from "../../src/uploads/upload-file.store.ts";
import type { Call, CatalogueUnderTest } from "./under-test.ts";

/**
 * A team with what the catalogue's own operations make of its uploads, step by step: no row here is written by hand.
 */
export class World {
  readonly on: CatalogueUnderTest;
  readonly teamId: TeamId;
  readonly #createsPerSecond: number;

  private constructor(on: CatalogueUnderTest, teamId: TeamId, createsPerSecond: number) {
    this.on = on;
    this.teamId = teamId;
    this.#createsPerSecond = createsPerSecond;
  }

  static async open(on: CatalogueUnderTest, createsPerSecond = 1000, slug = "team"): Promise<World> {
    const { teamId } = await on.catalogue.run(createKey, newKey(on, slug));
    return new World(on, teamId, createsPerSecond);
  }

  create(more: Partial<CreateInput> = {}): CreateInput {
    const slug = "inbox";
    return {
      teamId: this.teamId,
      sessionId: this.on.ids.next("sess"),
      filename: "note.txt",
      title: "Note",
      contentType: "text/plain",
      sizeBytes: 10,
      tags: '["a"]',
      metadata: '{"k":1}',
      buckets: [{ sent: slug, id: null, slug }],
      createMissingBuckets: true,
      newBucketIds: [this.on.ids.next("bucket")],
      idempotency: null,
      ttlMs: 3_600_000,
      createsPerSecond: this.#createsPerSecond,
      bucketsPerTeam: 100,
      diskLow: false,
      ...more,
    };
  }

  /** An open session. */
  async session(more: Partial<CreateInput> = {}): Promise<SessionId> {
    const output = await this.on.catalogue.run(createSession, this.create(more));
    if (!("session" in output)) throw new Error(`refused: ${output.refused}`);
    return output.session.id;
  }

  /** Three items: one into the bucket of all, one into its own, one that is wrong. */
  batch(batchId: BatchId, more: Partial<BatchInput> = {}): BatchInput {
    const { ids } = this.on;
    const buckets = (slug: string) => ({
      buckets: [{ sent: slug, id: null, slug }],
      createMissingBuckets: true,
      newBucketIds: [ids.next("bucket")],
    });
    const file = {
      filename: "note.txt",
      title: "Note",
      contentType: "text/plain",
      sizeBytes: 10,
      tags: "[]",
      metadata: "{}",
    };
    const item = (clientFileId: string, own: BatchInput["shared"]) => ({
      clientFileId,
      sessionId: ids.next("sess"),
      wanted: { ...file, buckets: own, idempotency: null },
      error: null,
    });
    const error = { code: "invalid_size", message: "It is empty.", retryable: false, details: {} } as const;
    return {
      teamId: this.teamId,
      batchId,
      fingerprint: "1".repeat(64),
      shared: buckets("inbox"),
      items: [
        item("a", null),
        item("b", buckets("own")),
        { clientFileId: "c", sessionId: ids.next("sess"), wanted: null, error },
      ],
      ttlMs: 3_600_000,
      createsPerSecond: this.#createsPerSecond,
      bucketsPerTeam: 100,
      diskLow: false,
      ...more,
    };
  }

  /** Items that are told apart by their keys alone. */
  batchOfKeys(batchId: BatchId, keys: readonly Idempotency[]): BatchInput {
    const batch = this.batch(batchId);
    const wanted = batch.items[0]?.wanted ?? null;
    if (wanted === null) throw new Error("the first item is wanted");
    const items = keys.map((idempotency) => ({
      clientFileId: idempotency.key,
      sessionId: this.on.ids.next("sess"),
      wanted: { ...wanted, idempotency },
      error: null,
    }));
    return { ...batch, items };
  }

  /** A record of the session's first writer: all its bytes, unless it says how many. */
  record(id: SessionId, receivedBytes = 10, epoch = 1): Progress {
    const digests = receivedBytes === 10 ? { md5: "m", crc32c: "c" } : null;
    return { id, epoch, receivedBytes, segments: [{ epoch, bytes: receivedBytes }], digestState: "d", digests };
  }

  /** A session with a writer, and perhaps all its bytes. */
  async written(received: boolean, more: Partial<CreateInput> = {}): Promise<SessionId> {
    const id = await this.session(more);
    await this.on.catalogue.run(takeWriter, { id });
    if (received) await this.on.catalogue.run(recordProgress, this.record(id));
    return id;
  }

  finalize(id: SessionId): FinalizeInput {
    const sha256 = createHash("sha256").update(id).digest("hex");
    return {
      teamId: this.teamId,
      id,
      epoch: 1,
      sha256,
      blobKey: originalKey(id, sha256),
      fileId: this.on.ids.next("file"),
      taskId: this.on.ids.next("task"),
    };
  }

  /** A document in one call, whose bytes are an original already. */
  upload(more: Partial<CreateInput> = {}): UploadInput {
    const create = this.create(more);
    const { id: _, teamId: _team, epoch: _epoch, ...file } = this.finalize(create.sessionId);
    return { create, file, digests: { md5: "m", crc32c: "c" } };
  }

  /** A queued file. */
  async file(): Promise<FileUnderTest> {
    const input = this.finalize(await this.written(true));
    const { session } = done(await this.on.catalogue.run(finalizeSession, input));
    if (session === null) throw new Error("the session could not be finalized");
    return { fileId: input.fileId, taskId: input.taskId };
  }

  async claim(...lanes: readonly TaskLane[]): Promise<Claim> {
    const claim = await this.on.catalogue.run(claimTask, { lanes: lanes.length === 0 ? ["fast"] : lanes });
    if (claim === null) throw new Error("nothing is due");
    return claim;
  }

  /** A file that a worker holds. */
  async claimed(): Promise<Claim> {
    await this.file();
    return this.claim();
  }

  activation(claim: Claim): Activation {
    const build = buildName(claim.taskId, claim.attempt);
    return {
      taskId: claim.taskId,
      fileId: claim.fileId,
      attempt: claim.attempt,
      version: claim.version,
      build,
      chunks: 3,
      pages: 1,
      textKey: textKey(claim.fileId, build),
      detectedType: "text/plain",
      warnings: "[]",
      labels: 0,
    };
  }

  async indexed(): Promise<Claim> {
    const claim = await this.claimed();
    await this.on.catalogue.run(activate, this.activation(claim));
    return claim;
  }

  async failed(): Promise<Claim> {
    const claim = await this.claimed();
    await this.on.catalogue.run(recordFault, { ...attempt(claim), fault: CORRUPT });
    return claim;
  }
}

export interface FileUnderTest {
  readonly fileId: FileId;
  readonly taskId: TaskId;
}

export const CORRUPT: Fault = { code: "corrupt_file", message: "It is damaged.", permanent: true, death: false };

/** What names a worker's attempt. */
export function attempt({ taskId, fileId, attempt: number }: Claim) {
  return { taskId, fileId, attempt: number };
}

export function newKey(on: CatalogueUnderTest, teamSlug: string) {
  const id = on.ids.next("key");
  const key = { id, name: "test", hash: createHash("sha256").update(id).digest("hex"), last4: "last", scopes: [] };
  return { key, teamSlug, newTeamId: on.ids.next("team") };
}

function done<T>(output: T | Refusal): T {
  if (isRefusal(output)) throw new Error(`refused: ${output.refused}`);
  return output;
}

/** A call that is made later, with others. */
export function calling<I, O>(catalogue: Catalogue, operation: Operation<I, O>, input: I): Call<O> {
  return () => catalogue.run(operation, input);
}

/** Makes calls of a catalogue. */
export function caller(on: CatalogueUnderTest) {
  return {
    call: <I, O>(operation: Operation<I, O>, input: I): Call<O> => calling(on.catalogue, operation, input),
  };
}
