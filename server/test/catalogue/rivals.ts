import { createFirstKey, createKey, revokeKey } from "../../src/access/store.ts";
import { changeBucket, createBucket, deleteBucket } from "../../src/buckets/change.store.ts";
import { deleteFiles } from "../../src/files/bulk-delete.store.ts";
import { changeFile, type FileChange } from "../../src/files/change-file.store.ts";
import { forgetDirtyLabels, markLabelsClean, markLabelsDirty } from "../../src/files/labels.store.ts";
import { reindexFile } from "../../src/files/reindex-file.store.ts";
import { emptyBucket } from "../../src/files/remove-bucket.store.ts";
import { forgetTombstones } from "../../src/files/retention.store.ts";
import { correctChunks } from "../../src/indexing/rebuild.store.ts";
import { finishRemoval } from "../../src/indexing/store.ts";
import { LIMITS } from "../../src/limits.ts";
import { forgetOtherPositions, keepPosition } from "../../src/maintenance/position.store.ts";
import { heartbeat, recordTrouble } from "../../src/tasks/attempt.store.ts";
import { createSession } from "../../src/uploads/create.store.ts";
import { finalizeSession } from "../../src/uploads/finalize.store.ts";
import { cancelSession } from "../../src/uploads/session.store.ts";
import { forgetSessions } from "../../src/uploads/sweep.store.ts";
import {
  bucketOf,
  counters,
  creates,
  forgetting,
  newBucket,
  ofAttempt,
  ofFile,
  ofQueue,
  ofSession,
  ofTask,
  REPORT,
  removing,
  rescue,
} from "./making.ts";
import { RIVALS_OF_AGENTS } from "./rivals-of-agents.ts";
import { RIVALS_OF_DASHBOARD } from "./rivals-of-dashboard.ts";
import { RIVALS_OF_UPLOADS } from "./rivals-of-uploads.ts";
import type { Rivals } from "./under-test.ts";
import { attempt, caller, newKey, World } from "./world.ts";

export const RIVALS: readonly Rivals[] = [
  ...RIVALS_OF_AGENTS,
  ...RIVALS_OF_DASHBOARD,
  ...RIVALS_OF_UPLOADS,
  {
    name: "a catalogue without a team",
    naive: ["createFirstKey beside createFirstKey"],
    async prepare(on) {
      const { call } = caller(on);
      return {
        createFirstKey: () => call(createFirstKey, newKey(on, "default")),
        createKey: () => call(createKey, newKey(on, "acme")),
      };
    },
  },
  {
    name: "a key",
    naive: [],
    async prepare(on) {
      const { call } = caller(on);
      const { keyId } = await on.catalogue.run(createKey, newKey(on, "acme"));
      return {
        revokeKey: () => call(revokeKey, { keyId }),
        createKey: () => call(createKey, newKey(on, "acme")),
      };
    },
  },
  {
    name: "the position of a chore",
    naive: [],
    async prepare(on) {
      const { call } = caller(on);
      await on.catalogue.run(keepPosition, { chore: "scrub", position: "a" });
      return {
        keepPosition: () => call(keepPosition, { chore: "scrub", position: "b" }),
        beginAgain: () => call(keepPosition, { chore: "scrub", position: null }),
        forgetOtherPositions: () => call(forgetOtherPositions, { chores: ["reconcile"] }),
        forgetAllPositions: () => call(forgetOtherPositions, { chores: [] }),
      };
    },
  },
  {
    name: "an open session with a writer, and its key",
    naive: ["recordAll beside cancelSession", "cancelSession beside cancelSession", "cancelSession beside createAgain"],
    async prepare(on) {
      const world = await World.open(on);
      const idempotency = { operation: "create", key: "again", fingerprint: "f" } as const;
      const id = await world.written(false, { idempotency });
      return { ...ofSession(world, id), ...creates(world, idempotency) };
    },
  },
  {
    name: "a received session, and its key",
    naive: ["dropBytes beside cancelSession", "finalizeSession beside cancelSession"],
    async prepare(on) {
      const world = await World.open(on);
      const idempotency = { operation: "create", key: "again", fingerprint: "f" } as const;
      const id = await world.written(true, { idempotency });
      return { ...ofSession(world, id), ...creates(world, idempotency) };
    },
  },
  {
    name: "an open session whose time is over, while its writer still sends",
    about: ["expireSessions"],
    naive: [],
    async prepare(on) {
      const world = await World.open(on);
      const id = await world.written(false);
      on.passMs(3_600_001);
      return ofSession(world, id);
    },
  },
  {
    name: "a cancelled session with its key, a week later",
    about: ["forgetSessions", "createAgain"],
    naive: ["createAgain beside createAgain"],
    async prepare(on) {
      const world = await World.open(on);
      const idempotency = { operation: "create", key: "again", fingerprint: "f" } as const;
      const id = await world.session({ idempotency });
      await on.catalogue.run(cancelSession, { id, teamId: world.teamId });
      on.passMs(LIMITS.sessionRetentionMs + 1);
      return { ...ofSession(world, id), ...creates(world, idempotency) };
    },
  },
  {
    name: "a finalized session with its key, a week later",
    about: ["forgetSessions"],
    naive: ["forgetSessions beside createAgain"],
    async prepare(on) {
      const world = await World.open(on);
      const idempotency = { operation: "create", key: "again", fingerprint: "f" } as const;
      const id = await world.written(true, { idempotency });
      const input = world.finalize(id);
      await on.catalogue.run(finalizeSession, input);
      on.passMs(LIMITS.sessionRetentionMs + 1);
      return { ...forgetting(world), ...creates(world, idempotency), ...ofFile(world, input.fileId) };
    },
  },
  {
    name: "a queued file",
    about: ["claimTask", "cancelTask", "deleteFile"],
    naive: ["deleteFile beside deleteFile", "deleteFile beside claimTask", "cancelTask beside claimTask"],
    async prepare(on) {
      const world = await World.open(on);
      const { fileId, taskId } = await world.file();
      return { ...ofFile(world, fileId), ...ofQueue(world), ...ofTask(world, taskId) };
    },
  },
  {
    name: "a file that a worker holds, and another that is queued",
    naive: [
      "activate beside deleteFile",
      "activate beside recordFault",
      "cancelTask beside recordFault",
      "claimTask beside claimTask",
    ],
    async prepare(on) {
      const world = await World.open(on);
      const claim = await world.claimed();
      await world.file();
      return {
        ...ofFile(world, claim.fileId),
        ...ofTask(world, claim.taskId),
        ...ofQueue(world),
        ...ofAttempt(world, claim),
        ...(await counters(world)),
      };
    },
  },
  {
    name: "a file whose worker's lease has ended",
    about: ["rescueTasks"],
    naive: ["activate beside rescueTasks", "heartbeat beside rescueTasks"],
    async prepare(on) {
      const world = await World.open(on);
      const claim = await world.claimed();
      on.passMs(LIMITS.leaseMs + 1);
      return {
        ...ofFile(world, claim.fileId),
        ...ofTask(world, claim.taskId),
        ...ofQueue(world),
        ...ofAttempt(world, claim),
      };
    },
  },
  {
    name: "a failed file",
    about: ["retryTask", "reindexFile", "deleteFile"],
    naive: ["deleteFile beside reindexFile", "retryTask beside retryTask"],
    async prepare(on) {
      const world = await World.open(on);
      const { fileId, taskId } = await world.failed();
      return { ...ofFile(world, fileId), ...ofQueue(world), ...ofTask(world, taskId) };
    },
  },
  {
    name: "an indexed file",
    about: ["correctChunks", "recount", "reindexFile", "deleteFile"],
    naive: ["correctChunks beside correctChunks", "reindexFile beside reindexFile"],
    async prepare(on) {
      const world = await World.open(on);
      const claim = await world.indexed();
      const { build } = world.activation(claim);
      const { call } = caller(on);
      return {
        ...ofFile(world, claim.fileId),
        ...ofTask(world, claim.taskId),
        ...(await counters(world)),
        correctChunks: () => call(correctChunks, { file: claim.fileId, build, chunks: 5 }),
      };
    },
  },
  {
    name: "an indexed file, its bucket and another one",
    about: ["changeFile", "moveFile", "deleteBucket", "emptyBucket", "archiveBucket", "createBucket"],
    naive: [],
    async prepare(on) {
      const world = await World.open(on);
      const claim = await world.indexed();
      const ready = world.finalize(await world.written(true));
      await on.catalogue.run(createBucket, newBucket(world, "other"));
      const [inbox, other] = [await bucketOf(world, "inbox"), await bucketOf(world, "other")];
      const { call } = caller(on);
      const { teamId } = world;
      const { fileId } = claim;
      const { build } = world.activation(claim);
      const change = (change: FileChange) => () =>
        call(changeFile, { teamId, fileId, change, prepared: { labels: 0, build } });
      const removal = () => ({ fileId, removalTaskId: on.ids.next("task") });
      return {
        ...ofFile(world, fileId),
        changeFile: change({ title: "Other", tags: ["b"], metadata: '{"k":2}' }),
        moveFile: change({ buckets: [other] }),
        markLabelsDirty: () => call(markLabelsDirty, { fileId, labels: 0, build }),
        markLabelsClean: () => call(markLabelsClean, { fileId, labels: 0, build }),
        forgetDirtyLabels: () => call(forgetDirtyLabels, { fileId }),
        deleteFiles: () => call(deleteFiles, { teamId, files: [removal(), removal()] }),
        finalizeSession: () => call(finalizeSession, ready),
        createSession: () => call(createSession, world.create({ createMissingBuckets: false })),
        createBucket: () => call(createBucket, newBucket(world, "third")),
        createSameBucket: () => call(createBucket, newBucket(world, "inbox")),
        archiveBucket: () => call(changeBucket, { teamId, bucketId: inbox, status: "archived" }),
        deleteBucket: () => call(deleteBucket, { teamId, bucketId: inbox, force: true }),
        deleteEmptyBucket: () => call(deleteBucket, { teamId, bucketId: other, force: false }),
        emptyBucket: () => call(emptyBucket, { bucketId: inbox, removalTaskIds: [on.ids.next("task")] }),
      };
    },
  },
  {
    name: "a deleted bucket with a file of its own and one that is elsewhere",
    about: ["emptyBucket"],
    naive: [],
    async prepare(on) {
      const world = await World.open(on);
      const { fileId } = await world.indexed();
      const claim = await world.indexed();
      await on.catalogue.run(createBucket, newBucket(world, "other"));
      const [inbox, other] = [await bucketOf(world, "inbox"), await bucketOf(world, "other")];
      const { call } = caller(on);
      const { teamId } = world;
      const prepared = { labels: 0, build: world.activation(claim).build };
      const change = { buckets: [inbox, other] };
      await on.catalogue.run(changeFile, { teamId, fileId: claim.fileId, change, prepared });
      await on.catalogue.run(deleteBucket, { teamId, bucketId: inbox, force: true });
      const empty = (files: number) => () =>
        call(emptyBucket, {
          bucketId: inbox,
          removalTaskIds: Array.from({ length: files }, () => on.ids.next("task")),
        });
      return {
        ...ofFile(world, fileId),
        emptyBucket: empty(10),
        emptyBucketByOne: empty(1),
        deleteOther: () => call(deleteBucket, { teamId, bucketId: other, force: true }),
        ...(await counters(world)),
      };
    },
  },
  {
    name: "a file that is indexed, and being indexed again",
    naive: ["deleteFile beside recordFault"],
    async prepare(on) {
      const world = await World.open(on);
      const { fileId } = await world.indexed();
      await on.catalogue.run(reindexFile, { teamId: world.teamId, fileId, taskId: on.ids.next("task") });
      const claim = await world.claim();
      return { ...ofFile(world, fileId), ...ofTask(world, claim.taskId), ...ofAttempt(world, claim) };
    },
  },
  {
    name: "a deleted file whose removal is under way",
    naive: ["finishRemoval beside recordTrouble"],
    async prepare(on) {
      const world = await World.open(on);
      const claim = await removing(world);
      const { call } = caller(on);
      return {
        ...ofFile(world, claim.fileId),
        rescueTasks: rescue(on),
        finishRemoval: () => call(finishRemoval, attempt(claim)),
        heartbeat: () => call(heartbeat, { ...attempt(claim), report: REPORT, changed: true }),
        recordTrouble: () => call(recordTrouble, { ...attempt(claim), trouble: "storage" }),
      };
    },
  },
  {
    name: "a file that was deleted 30 days ago",
    naive: [],
    async prepare(on) {
      const world = await World.open(on);
      const claim = await removing(world);
      await on.catalogue.run(finishRemoval, attempt(claim));
      on.passMs(LIMITS.tombstoneRetentionMs + 1);
      await on.catalogue.run(forgetSessions, { limit: 10 });
      const { call } = caller(on);
      return { ...ofFile(world, claim.fileId), forgetTombstones: () => call(forgetTombstones, { limit: 10 }) };
    },
  },
];
