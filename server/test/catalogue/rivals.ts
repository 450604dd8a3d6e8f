import { createFirstKey, createKey, revokeKey } from "../../src/access/store.ts";
import { recount } from "../../src/doctor/store.ts";
import { deleteFile } from "../../src/files/delete-file.store.ts";
import { reindexFile } from "../../src/files/reindex-file.store.ts";
import { forgetTombstones } from "../../src/files/retention.store.ts";
import { cancelTask, claimTask, recordFault, retryTask } from "../../src/files/task-events.store.ts";
import type { FileId, SessionId, TaskId } from "../../src/ids.ts";
import { correctChunks } from "../../src/indexing/rebuild.store.ts";
import { activate, finishRemoval } from "../../src/indexing/store.ts";
import { LIMITS } from "../../src/limits.ts";
import { forgetOtherPositions, keepPosition } from "../../src/maintenance/position.store.ts";
import { heartbeat, recordTrouble, releaseTask, requeueAllTasks, rescueTasks } from "../../src/tasks/attempt.store.ts";
import type { Claim } from "../../src/tasks/claim.store.ts";
import type { TaskReport } from "../../src/tasks/task.ts";
import { createSession } from "../../src/uploads/create.store.ts";
import { finalizeSession } from "../../src/uploads/finalize.store.ts";
import { cancelSession, dropBytes, recordProgress, takeWriter } from "../../src/uploads/session.store.ts";
import { expireSessions, forgetSessions } from "../../src/uploads/sweep.store.ts";
import { RIVALS_OF_AGENTS } from "./rivals-of-agents.ts";
import type { Call, CatalogueUnderTest, Making, Rivals } from "./under-test.ts";
import { attempt, CORRUPT, caller, newKey, World } from "./world.ts";

export const RIVALS: readonly Rivals[] = [
  ...RIVALS_OF_AGENTS,
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
      const idempotency = { key: "again", fingerprint: "f" };
      const id = await world.written(false, { idempotency });
      return { ...ofSession(world, id), ...creates(world, idempotency) };
    },
  },
  {
    name: "a received session, and its key",
    naive: ["dropBytes beside cancelSession", "finalizeSession beside cancelSession"],
    async prepare(on) {
      const world = await World.open(on);
      const idempotency = { key: "again", fingerprint: "f" };
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
      const idempotency = { key: "again", fingerprint: "f" };
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
      const idempotency = { key: "again", fingerprint: "f" };
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

const REPORT: TaskReport = { stage: "indexing", progress: { done: 1, total: 2, unit: "chunks" } };

function ofSession(world: World, id: SessionId): Making {
  const { call } = caller(world.on);
  return {
    takeWriter: () => call(takeWriter, { id }),
    recordPart: () => call(recordProgress, world.record(id, 4)),
    recordAll: () => call(recordProgress, world.record(id)),
    dropBytes: () => call(dropBytes, { id, epoch: 1 }),
    cancelSession: () => call(cancelSession, { id, teamId: world.teamId }),
    finalizeSession: () => call(finalizeSession, world.finalize(id)),
    expireSessions: () => call(expireSessions, { limit: 10, busy: [] }),
    ...forgetting(world),
  };
}

function forgetting(world: World): Making {
  return { forgetSessions: () => caller(world.on).call(forgetSessions, { limit: 10 }) };
}

/** By the key that made the session, with the same body and with another; and of something else. */
function creates(world: World, idempotency: { readonly key: string; readonly fingerprint: string }): Making {
  const { call } = caller(world.on);
  return {
    createAgain: () => call(createSession, world.create({ idempotency })),
    createOtherBody: () => call(createSession, world.create({ idempotency: { ...idempotency, fingerprint: "g" } })),
  };
}

function ofFile(world: World, fileId: FileId): Making {
  const { call } = caller(world.on);
  const { teamId } = world;
  return {
    deleteFile: () => call(deleteFile, { teamId, fileId, removalTaskId: world.on.ids.next("task") }),
    reindexFile: () => call(reindexFile, { teamId, fileId, taskId: world.on.ids.next("task") }),
  };
}

function ofTask(world: World, taskId: TaskId): Making {
  const { call } = caller(world.on);
  const { teamId } = world;
  return {
    cancelTask: () => call(cancelTask, { teamId, taskId }),
    retryTask: () => call(retryTask, { teamId, taskId }),
  };
}

function ofQueue(world: World): Making {
  const { call } = caller(world.on);
  return {
    claimTask: () => call(claimTask, { lanes: ["fast", "slow"] }),
    rescueTasks: rescue(world.on),
    requeueAllTasks: () => call(requeueAllTasks, null),
  };
}

/** As the rescuer does: when the clock was not where it expected it, it looks again. */
function rescue({ catalogue, now }: CatalogueUnderTest): () => Call<unknown> {
  return () => async () => {
    for (;;) {
      const look = await catalogue.run(rescueTasks, { expectedNow: now() });
      if (look.asExpected) return look;
    }
  };
}

function ofAttempt(world: World, claim: Claim): Making {
  const { call } = caller(world.on);
  const held = attempt(claim);
  return {
    activate: () => call(activate, world.activation(claim)),
    heartbeat: () => call(heartbeat, { ...held, report: REPORT, changed: true }),
    recordFault: () => call(recordFault, { ...held, fault: CORRUPT }),
    recordTrouble: () => call(recordTrouble, { ...held, trouble: "storage" }),
    releaseTask: () => call(releaseTask, { ...held, lane: "slow" }),
  };
}

async function counters({ on, teamId }: World): Promise<Making> {
  const buckets = (await on.db.selectFrom("buckets").select("id").execute()).map((row) => row.id);
  return { recount: () => caller(on).call(recount, { buckets, teams: [teamId] }) };
}

/** A file that was indexed and deleted, whose removal a worker holds. */
async function removing(world: World): Promise<Claim> {
  const { fileId } = await world.indexed();
  const removalTaskId = world.on.ids.next("task");
  await world.on.catalogue.run(deleteFile, { teamId: world.teamId, fileId, removalTaskId });
  return world.claim();
}
