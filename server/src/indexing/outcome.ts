import { BlobStoreError } from "../blobs/blob-store.ts";
import { errorCodeOf, WharfError } from "../errors.ts";
import { ExtractionFault, ExtractorTrouble, TooLongForFastLane } from "../extraction/extractor.ts";
import { SearchIndexError } from "../search-index/search-index.ts";
import type { TaskOutcome } from "../tasks/handler.ts";
import type { Trouble } from "../tasks/task.ts";

/**
 * Whose doing an error is. What the extractor says of the file is a fault; storage, catalogue, index, spawn and system
 * errors are the machine's trouble, also a missing or damaged original: sending the task to `failed` would tell the
 * client that its file is bad. Everything else is a defect of ours and is thrown on; the worker makes it a fault, so
 * that it cannot loop for ever.
 */
export function outcomeOf(error: unknown): TaskOutcome {
  if (error instanceof ExtractionFault) {
    const { code, message, permanent, death } = error;
    return { kind: "fault", fault: { code, message, permanent, death } };
  }
  if (error instanceof TooLongForFastLane) return { kind: "slow" };
  const trouble = troubleOf(error);
  if (trouble === null) throw error;
  return { kind: "trouble", trouble, cause: error };
}

function troubleOf(error: unknown): Trouble | null {
  if (error instanceof BlobStoreError) return "storage";
  if (error instanceof SearchIndexError) return "index";
  if (error instanceof ExtractorTrouble) return "extractor";
  if (error instanceof WharfError) return "catalogue";
  // A system call failed (EIO, ENOSPC, EMFILE …): Node names it.
  return error instanceof Error && "syscall" in error && errorCodeOf(error) !== undefined ? "storage" : null;
}
