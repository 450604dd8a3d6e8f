import type { Catalogue } from "../catalogue/catalogue.ts";
import type { TaskLane } from "../catalogue/schema.ts";
import { isRefusal } from "../errors.ts";
import type { IdSource } from "../ids.ts";
import { reindexFile } from "./reindex-file.store.ts";
import type { FileRef } from "./view.store.ts";

/**
 * Queues the file's original to be read again, unless a task of it is under way already. False: it is
 * deleted, or one is.
 */
export async function queueAgain(
  deps: { readonly catalogue: Catalogue; readonly ids: IdSource },
  ref: FileRef,
  lane: TaskLane = "fast",
): Promise<boolean> {
  const answer = await deps.catalogue.run(reindexFile, { ...ref, lane, taskId: deps.ids.next("task") });
  return !isRefusal(answer) && answer.enqueued;
}
