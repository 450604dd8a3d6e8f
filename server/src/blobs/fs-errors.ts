import { stat } from "node:fs/promises";
import { dirname } from "node:path";
import { errorCodeOf, toError } from "../errors.ts";
import { BlobStoreError, type BlobStoreFailure } from "./blob-store.ts";

/**
 * The result of one call of the file system, or its error as the port's. `what` names the step; it never names a
 * client's text.
 */
export async function attempt<T>(what: string, call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (error) {
    throw storeError(what, error);
  }
}

export function storeError(what: string, error: unknown): BlobStoreError {
  return new BlobStoreError(failureOf(errorCodeOf(error)), `${what}: ${toError(error).message}`, error);
}

/** ENOENT is not here: whether a name or the whole disk is missing needs a look, see `isAbsent`. */
function failureOf(code: string | undefined): BlobStoreFailure {
  if (code === "ENOSPC" || code === "EDQUOT") return "full";
  return code === "EEXIST" ? "exists" : "unavailable";
}

/**
 * Whether the error means that there is no such file in a folder that is there. When the folder is missing too, a
 * disk is not mounted: bytes that were acknowledged must then not be taken for lost, and bytes to be removed not
 * for removed.
 */
export async function isAbsent(error: unknown, path: string): Promise<boolean> {
  if (errorCodeOf(error) !== "ENOENT") return false;
  return stat(dirname(path)).then(
    () => true,
    () => false,
  );
}

/** The port's error for a file that could not be opened for reading. */
export async function readError(what: string, error: unknown, path: string): Promise<BlobStoreError> {
  if (await isAbsent(error, path)) return new BlobStoreError("missing", `${what}: there is no such file`, error);
  return storeError(what, error);
}
