import { changeBucket, createBucket, deleteBucket } from "../../src/buckets/change.store.ts";
import { rejectLostItem } from "../../src/doctor/rows.store.ts";
import { LIMITS } from "../../src/limits.ts";
import { createBatch, forgetBatches } from "../../src/uploads/batch.store.ts";
import { createSession, type Idempotency } from "../../src/uploads/create.store.ts";
import { useBatch } from "../../src/uploads/read-batch.store.ts";
import { cancelSession } from "../../src/uploads/session.store.ts";
import { expireSessions } from "../../src/uploads/sweep.store.ts";
import { uploadFile } from "../../src/uploads/upload-file.store.ts";
import { bucketOf, counters, creates, forgetting, newBucket, ofFile, ofQueue, ofSession } from "./making.ts";
import type { Rivals } from "./under-test.ts";
import { caller, World } from "./world.ts";

const LOST = JSON.stringify({ code: "session_not_found", message: "It is gone.", retryable: false, details: {} });

/** Batches, and uploads in one call. */
export const RIVALS_OF_UPLOADS: readonly Rivals[] = [
  {
    name: "a document that came in one call, with its key, and its bucket",
    about: ["upload", "uploadAgain"],
    naive: [],
    async prepare(on) {
      const world = await World.open(on);
      const { call } = caller(on);
      const { teamId } = world;
      const idempotency = { operation: "upload", key: "again", fingerprint: "f" } as const;
      const made = world.upload({ idempotency });
      await on.catalogue.run(uploadFile, made);
      const inbox = await bucketOf(world, "inbox");
      return {
        ...ofFile(world, made.file.fileId),
        ...ofQueue(world),
        ...forgetting(world),
        upload: () => call(uploadFile, world.upload()),
        uploadAgain: () => call(uploadFile, world.upload({ idempotency })),
        uploadOther: () => call(uploadFile, world.upload({ idempotency: { ...idempotency, fingerprint: "g" } })),
        createByThatKey: () =>
          call(createSession, world.create({ idempotency: { ...idempotency, operation: "create" } })),
        createSameBucket: () => call(createBucket, newBucket(world, "inbox")),
        archiveBucket: () => call(changeBucket, { teamId, bucketId: inbox, status: "archived" }),
        deleteBucket: () => call(deleteBucket, { teamId, bucketId: inbox, force: true }),
        ...(await counters(world)),
      };
    },
  },
  {
    name: "a key of uploads in one call that nobody has used",
    about: ["upload"],
    naive: ["upload beside upload"],
    async prepare(on) {
      const world = await World.open(on);
      const idempotency = { operation: "upload", key: "new", fingerprint: "f" } as const;
      return { upload: () => caller(on).call(uploadFile, world.upload({ idempotency })) };
    },
  },
  {
    name: "a batch",
    naive: [],
    async prepare(on) {
      const world = await World.open(on);
      const { call } = caller(on);
      const batchId = on.ids.next("batch");
      const made = world.batch(on.ids.next("batch"));
      await on.catalogue.run(createBatch, made);
      const [first] = made.items;
      const id = first?.sessionId ?? on.ids.next("sess");
      return {
        createBatch: () => call(createBatch, world.batch(batchId)),
        createBatchAgain: () => call(createBatch, world.batch(made.batchId)),
        createOtherBatch: () => call(createBatch, world.batch(made.batchId, { fingerprint: "2".repeat(64) })),
        useBatch: () => call(useBatch, { teamId: world.teamId, batchId: made.batchId }),
        cancelSession: () => call(cancelSession, { id, teamId: world.teamId }),
        createSession: () => call(createSession, world.create()),
        forgetBatches: () => call(forgetBatches, { limit: 10 }),
      };
    },
  },
  {
    name: "a batch whose items have keys, one of which was used alone",
    about: ["createBatch", "createOtherWayRound"],
    naive: ["createBatch beside createOtherWayRound", "createBatch beside createSecondAlone"],
    async prepare(on) {
      const world = await World.open(on);
      const { call } = caller(on);
      const [first, second] = (["first", "second"] as const).map(
        (key): Idempotency => ({ operation: "create", key, fingerprint: "f" }),
      );
      if (first === undefined || second === undefined) throw new Error("there are two keys");
      const id = await world.written(true, { idempotency: first });
      const [oneWay, otherWay] = [on.ids.next("batch"), on.ids.next("batch")];
      return {
        createBatch: () => call(createBatch, world.batchOfKeys(oneWay, [first, second])),
        createOtherWayRound: () => call(createBatch, world.batchOfKeys(otherWay, [second, first])),
        createSecondAlone: () => call(createSession, world.create({ idempotency: second })),
        ...creates(world, first),
        ...ofSession(world, id),
        useBatch: () => call(useBatch, { teamId: world.teamId, batchId: oneWay }),
        forgetBatches: () => call(forgetBatches, { limit: 10 }),
      };
    },
  },
  {
    name: "a batch one of whose uploads was lost",
    about: ["rejectLostItem"],
    naive: [],
    async prepare(on) {
      const world = await World.open(on);
      const { call } = caller(on);
      const made = world.batch(on.ids.next("batch"));
      await on.catalogue.run(createBatch, made);
      const [first, second] = made.items;
      if (first === undefined || second === undefined) throw new Error("the batch has three items");
      await on.db.deleteFrom("upload_sessions").where("id", "=", first.sessionId).execute();
      const { teamId } = world;
      const { batchId } = made;
      return {
        rejectLostItem: () => call(rejectLostItem, { teamId, batchId, clientFileId: first.clientFileId, error: LOST }),
        rejectOther: () => call(rejectLostItem, { teamId, batchId, clientFileId: second.clientFileId, error: LOST }),
        createBatchAgain: () => call(createBatch, world.batch(batchId)),
        useBatch: () => call(useBatch, { teamId, batchId }),
        forgetBatches: () => call(forgetBatches, { limit: 10 }),
      };
    },
  },
  {
    name: "a batch that nobody used for a week",
    about: ["forgetBatches", "createBatchAgain"],
    naive: [],
    async prepare(on) {
      const world = await World.open(on);
      const { call } = caller(on);
      const made = world.batch(on.ids.next("batch"));
      await on.catalogue.run(createBatch, made);
      on.passMs(LIMITS.sessionRetentionMs + 1);
      await on.catalogue.run(expireSessions, { limit: 10, busy: [] });
      return {
        ...forgetting(world),
        forgetBatches: () => call(forgetBatches, { limit: 10 }),
        createBatchAgain: () => call(createBatch, world.batch(made.batchId)),
        useBatch: () => call(useBatch, { teamId: world.teamId, batchId: made.batchId }),
      };
    },
  },
];
