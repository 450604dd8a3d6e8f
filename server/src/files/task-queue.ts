import type { Catalogue } from "../catalogue/catalogue.ts";
import { createCatalogueQueue } from "../tasks/catalogue-queue.ts";
import type { TaskQueue } from "../tasks/queue.ts";
import { claimTask, recordFault } from "./task-events.store.ts";

/** The queue whose claims and faults move the tasks' files, too. */
export function createTaskQueue(catalogue: Catalogue): TaskQueue {
  return createCatalogueQueue(catalogue, { claim: claimTask, fault: recordFault });
}
