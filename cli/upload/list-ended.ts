import type { Api } from "../client/api.ts";
import { type JsonObject, objectsIn, textIn } from "../client/json.ts";
import { isFinal } from "./wait.ts";

/** The API's longest page (contract §4). */
const PAGE_FILES = 200;

/**
 * Those of the files that are indexed, failed or deleted already, by their ids. They are among the newest of their
 * bucket, so that one request tells of 200 of them: when the last bytes of a folder are sent, most of its files are at
 * their end, and asking for each of them was a quarter of all requests.
 *
 * What it does not tell of is to be asked for by itself: files that are older, and all of them when there is no list to be had.
 */
export async function listEnded(
  api: Api,
  bucket: string,
  fileIds: ReadonlySet<string>,
): Promise<ReadonlyMap<string, JsonObject>> {
  const ended = new Map<string, JsonObject>();
  let from = "";
  for (let told = 0; told < fileIds.size; told += PAGE_FILES) {
    const query = `bucket=${encodeURIComponent(bucket)}&limit=${PAGE_FILES}${from}`;
    const page = await api.get(`/knowledge/files?${query}`).catch((error: unknown) => {
      if (api.options.signal.aborted) throw error;
      return null;
    });
    for (const file of objectsIn(page, "files")) {
      const id = textIn(file, "id") ?? "";
      if (fileIds.has(id) && isFinal(file)) ended.set(id, file);
    }
    const next = textIn(page, "next_cursor");
    if (next === null) break;
    from = `&cursor=${encodeURIComponent(next)}`;
  }
  return ended;
}
