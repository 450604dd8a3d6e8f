import { type Catalogue, TOPICS, writeOperation } from "../catalogue/catalogue.ts";
import type { TaskLane } from "../catalogue/schema.ts";
import { heartbeat, recordFault, recordTrouble, releaseTask, requeueAllTasks, rescueTasks } from "./attempt.store.ts";
import { claimTask } from "./claim.store.ts";
import { headOfQueue } from "./fair-order.store.ts";
import type { TaskQueue } from "./queue.ts";

/** The catalogue runs its writers strictly one after another: whoever reads the head of the queue here has it to itself. */
export const claimOnSqlite = writeOperation("tasks.claimOnSqlite", (tx, { lanes }: { lanes: readonly TaskLane[] }) =>
  claimTask(tx, lanes, async (lane) => (await headOfQueue(tx, { lane }))[0]?.id),
);

export function createSqliteTaskQueue(catalogue: Catalogue): TaskQueue {
  return {
    claim: (...lanes) => catalogue.run(claimOnSqlite, { lanes }),
    heartbeat: async (held, report, changed) =>
      (await catalogue.run(heartbeat, { ...ref(held), report, changed })).held,
    fault: async (held, fault) => (await catalogue.run(recordFault, { ...ref(held), fault })).held,
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
