import type { Catalogue } from "../catalogue/catalogue.ts";
import { isRefusal } from "../errors.ts";
import type { IdSource } from "../ids.ts";
import { reindexFile } from "./reindex-file.store.ts";
import type { FileRef } from "./view.store.ts";

/**
 * Queues the file's original to be read again, unless a task of it is under way already; in the slow lane, so that
 * uploads do not wait behind a hundred thousand of them. False: it is deleted, or one is under way.
 */
export async function queueAgain(
  deps: { readonly catalogue: Catalogue; readonly ids: IdSource },
  ref: FileRef,
): Promise<boolean> {
  const answer = await deps.catalogue.run(reindexFile, { ...ref, lane: "slow", taskId: deps.ids.next("task") });
  return !isRefusal(answer) && answer.enqueued;
}
