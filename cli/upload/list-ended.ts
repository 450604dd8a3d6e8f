import { isFinal } from "../../sdk/src/files/wait.ts";
import type { Wharf } from "../../sdk/src/node.ts";
import type { JsonObject } from "../client/json.ts";

/** The API's longest page (contract §12). */
const PAGE_FILES = 200;

/**
 * Those of the files that are indexed, failed or deleted already, by their ids. They are among the `newest` files of
 * their bucket, so that one request tells of 200 of them: asking for each was a quarter of all requests of a folder.
 *
 * What it does not tell of is to be asked for by itself: files that are older, and all of them when there is no
 * list to be had.
 */
export async function listEnded(
  wharf: Wharf,
  bucket: string,
  fileIds: ReadonlySet<string>,
  newest: number,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, JsonObject>> {
  const ended = new Map<string, JsonObject>();
  let told = 0;
  try {
    for await (const { files } of wharf.files.list({ bucket, limit: PAGE_FILES }, { signal }).pages()) {
      for (const file of files) if (fileIds.has(file.id) && isFinal(file)) ended.set(file.id, file);
      told += PAGE_FILES;
      if (told >= newest) break;
    }
  } catch (error) {
    if (signal.aborted) throw error;
  }
  return ended;
}
