import { type Catalogue, TOPICS } from "../catalogue/catalogue.ts";
import { heartbeat, recordFault, recordTrouble, releaseTask, requeueAllTasks, rescueTasks } from "./attempt.store.ts";
import { claimTask } from "./claim.store.ts";
import type { TaskQueue } from "./queue.ts";

/** The queue as a table of the catalogue, on whatever database that is. */
export function createCatalogueQueue(catalogue: Catalogue): TaskQueue {
  return {
    claim: (...lanes) => catalogue.run(claimTask, { lanes }),
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
