import { type Catalogue, type Operation, TOPICS } from "../catalogue/catalogue.ts";
import type { TaskLane } from "../catalogue/schema.ts";
import {
  type AttemptRef,
  type Held,
  heartbeat,
  recordTrouble,
  releaseTask,
  requeueAllTasks,
  rescueTasks,
} from "./attempt.store.ts";
import type { Claim } from "./claim.store.ts";
import type { TaskQueue } from "./queue.ts";
import type { Fault } from "./task.ts";

/**
 * Operations of the queue that move the task's file too: those who know files wrote them (files/task-events.store.ts).
 */
export interface TaskFileOperations {
  readonly claim: Operation<{ lanes: readonly TaskLane[] }, Claim | null>;
  readonly fault: Operation<AttemptRef & { fault: Fault }, Held>;
}

/** The queue as a table of the catalogue, on whatever database that is. */
export function createCatalogueQueue(catalogue: Catalogue, { claim, fault }: TaskFileOperations): TaskQueue {
  return {
    claim: (...lanes) => catalogue.run(claim, { lanes }),
    heartbeat: async (held, report, changed) =>
      (await catalogue.run(heartbeat, { ...ref(held), report, changed })).held,
    fault: async (held, what) => (await catalogue.run(fault, { ...ref(held), fault: what })).held,
    trouble: async (held, trouble) => (await catalogue.run(recordTrouble, { ...ref(held), trouble })).held,
    release: async (held, lane) => (await catalogue.run(releaseTask, { ...ref(held), lane })).held,
    rescue: (expectedNow) => catalogue.run(rescueTasks, { expectedNow }),
    requeueAll: async () => (await catalogue.run(requeueAllTasks, null)).returned,
    onDue: (wake) => catalogue.listen(TOPICS.tasks, wake),
    onChange: (task, wake) => catalogue.listen(TOPICS.task(task), wake),
  };
}

type Ref = Parameters<TaskQueue["release"]>[0];

function ref({ taskId, fileId, attempt }: Ref): Ref {
  return { taskId, fileId, attempt };
}
