import { recount } from "../../src/doctor/store.ts";
import { deleteFile } from "../../src/files/delete-file.store.ts";
import { reindexFile } from "../../src/files/reindex-file.store.ts";
import { cancelTask, claimTask, recordFault, retryTask } from "../../src/files/task-events.store.ts";
import type { BucketId, FileId, SessionId, TaskId } from "../../src/ids.ts";
import { activate } from "../../src/indexing/store.ts";
import { heartbeat, recordTrouble, releaseTask, requeueAllTasks, rescueTasks } from "../../src/tasks/attempt.store.ts";
import type { Claim } from "../../src/tasks/claim.store.ts";
import type { TaskReport } from "../../src/tasks/task.ts";
import { createSession, type Idempotency } from "../../src/uploads/create.store.ts";
import { finalizeSession } from "../../src/uploads/finalize.store.ts";
import { cancelSession, dropBytes, recordProgress, takeWriter } from "../../src/uploads/session.store.ts";
import { expireSessions, forgetSessions } from "../../src/uploads/sweep.store.ts";
import type { Call, CatalogueUnderTest, Making } from "./under-test.ts";
import { attempt, CORRUPT, caller, type World } from "./world.ts";

export const REPORT: TaskReport = { stage: "indexing", progress: { done: 1, total: 2, unit: "chunks" } };

export function ofSession(world: World, id: SessionId): Making {
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

export function forgetting(world: World): Making {
  return { forgetSessions: () => caller(world.on).call(forgetSessions, { limit: 10 }) };
}

/** By the key that made the session, with the same body and with another; and of something else. */
export function creates(world: World, idempotency: Idempotency): Making {
  const { call } = caller(world.on);
  return {
    createAgain: () => call(createSession, world.create({ idempotency })),
    createOtherBody: () => call(createSession, world.create({ idempotency: { ...idempotency, fingerprint: "g" } })),
  };
}

export function ofFile(world: World, fileId: FileId): Making {
  const { call } = caller(world.on);
  const { teamId } = world;
  return {
    deleteFile: () => call(deleteFile, { teamId, fileId, removalTaskId: world.on.ids.next("task") }),
    reindexFile: () => call(reindexFile, { teamId, fileId, taskId: world.on.ids.next("task") }),
  };
}

export function ofTask(world: World, taskId: TaskId): Making {
  const { call } = caller(world.on);
  const { teamId } = world;
  return {
    cancelTask: () => call(cancelTask, { teamId, taskId }),
    retryTask: () => call(retryTask, { teamId, taskId }),
  };
}

export function ofQueue(world: World): Making {
  const { call } = caller(world.on);
  return {
    claimTask: () => call(claimTask, { lanes: ["fast", "slow"] }),
    rescueTasks: rescue(world.on),
    requeueAllTasks: () => call(requeueAllTasks, null),
  };
}

/** As the rescuer does: when the clock was not where it expected it, it looks again. */
export function rescue({ catalogue, now }: CatalogueUnderTest): () => Call<unknown> {
  return () => async () => {
    for (;;) {
      const look = await catalogue.run(rescueTasks, { expectedNow: now() });
      if (look.asExpected) return look;
    }
  };
}

export function ofAttempt(world: World, claim: Claim): Making {
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

export async function counters({ on, teamId }: World): Promise<Making> {
  const buckets = (await on.db.selectFrom("buckets").select("id").execute()).map((row) => row.id);
  return { recount: () => caller(on).call(recount, { buckets, teams: [teamId] }) };
}

/** A file that was indexed and deleted, whose removal a worker holds. */
export async function removing(world: World): Promise<Claim> {
  const { fileId } = await world.indexed();
  const removalTaskId = world.on.ids.next("task");
  await world.on.catalogue.run(deleteFile, { teamId: world.teamId, fileId, removalTaskId });
  return world.claim();
}

export function newBucket(world: World, slug: string) {
  const id = world.on.ids.next("bucket");
  return { id, teamId: world.teamId, slug, name: slug, description: null, bucketsPerTeam: 100 };
}

export async function bucketOf({ on }: World, slug: string): Promise<BucketId> {
  return (await on.db.selectFrom("buckets").select("id").where("slug", "=", slug).executeTakeFirstOrThrow()).id;
}
