import { forgetQuotes } from "../agents/forget-quotes.ts";
import { storedKey, textKey } from "../blobs/keys.ts";
import type { FileId } from "../ids.ts";
import type { TaskHandler } from "../tasks/handler.ts";
import type { Arrivals } from "../uploads/arrivals.ts";
import type { IndexingDeps } from "./index-file.ts";
import { outcomeOf } from "./outcome.ts";
import { findRemoval, finishRemoval, type Removal } from "./store.ts";

export interface RemoveFileDeps extends Omit<IndexingDeps, "extractor" | "spoolFolder"> {
  readonly arrivals: Pick<Arrivals, "discard">;
}

/**
 * The `remove` task: after a file became a tombstone, its chunks, texts and original go, within a minute of the delete.
 * Each step is done when there is nothing to remove, so it can be run again from the start; it is tried for ever, and
 * never fails for good. Bytes do not wait for an index that is damaged, nor chunks for a disk that is away.
 *
 * A worker that was stopped in the middle of the file's indexing may write chunks after this: maintenance takes those
 * (maintenance/build-sweep.ts).
 */
export function createRemoveFile(deps: RemoveFileDeps): TaskHandler {
  const { catalogue, index, log } = deps;
  return async (claim, context) => {
    try {
      const { teamId, fileId } = claim;
      const file = await catalogue.run(findRemoval, { fileId });
      if (file.alive) {
        log.error({ file: fileId }, "a removal task of a file that is not deleted: nothing is removed");
        return { kind: "trouble", trouble: "busy", cause: new Error("the file is not deleted") };
      }
      if (file.held) return { kind: "trouble", trouble: "busy", cause: new Error("an indexing task still runs") };
      await forgetQuotes(catalogue, fileId);
      const removals = [index.removeFile(teamId, fileId), removeBytes(deps, fileId, file, context.signal)];
      for (const removal of await Promise.allSettled(removals)) if (removal.status === "rejected") throw removal.reason;
      context.report({ stage: "activating", progress: null });
      await catalogue.run(finishRemoval, { taskId: claim.taskId, fileId, attempt: claim.attempt });
      return { kind: "ended" };
    } catch (error) {
      return outcomeOf(error);
    }
  };
}

async function removeBytes(
  { blobs, arrivals }: RemoveFileDeps,
  fileId: FileId,
  { builds, blobKey, sessionId }: Removal,
  signal: AbortSignal,
): Promise<void> {
  for (const build of builds) {
    signal.throwIfAborted();
    await blobs.remove(textKey(fileId, build));
  }
  if (blobKey !== null) await blobs.remove(storedKey(blobKey));
  if (sessionId !== null) await arrivals.discard(sessionId);
}
