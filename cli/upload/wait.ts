import { IndexingError, WaitTimeoutError } from "../../sdk/src/core/errors.ts";
import type { Wharf } from "../../sdk/src/node.ts";
import { type JsonObject, listIn, numberIn, objectIn, objectsIn, textIn } from "../client/json.ts";
import type { StageWatcher } from "./watcher.ts";

export interface WaitOptions {
  readonly waitMs: number;
  readonly pollSeconds: number;
  readonly signal: AbortSignal;
}

/** Waits until the file is indexed, failed or deleted, or `waitMs` is over. */
export async function waitForEnd(
  wharf: Wharf,
  fileId: string,
  { waitMs, pollSeconds, signal }: WaitOptions,
  watcher: StageWatcher,
): Promise<{ readonly file: JsonObject; readonly timedOut: boolean }> {
  const onChange = (file: JsonObject) => watcher.stage(stageOf(file));
  try {
    const options = { timeoutMs: waitMs, pollSeconds, signal, onChange };
    return { file: await wharf.files.waitUntilIndexed(fileId, options), timedOut: false };
  } catch (error) {
    if (error instanceof IndexingError) return { file: error.file, timedOut: false };
    if (error instanceof WaitTimeoutError) return { file: error.file, timedOut: true };
    throw error;
  }
}

/** For people: what of an indexed file its text does not show, "" when nothing is known to be missing. */
export function warningsOf(file: JsonObject): string {
  return objectsIn(file, "warnings")
    .map((warning) => {
      const pages = listIn(warning, "pages").map(String);
      const shown = pages.length > PAGES_SHOWN ? [...pages.slice(0, PAGES_SHOWN), "…"] : pages;
      return `Page ${shown.join(", ")}: ${textIn(warning, "message") ?? ""}`;
    })
    .join(" ");
}

const PAGES_SHOWN = 5;

/** For people: "waiting, place 3", "extracting 12/40 pages". */
export function stageOf(file: JsonObject): string {
  const status = textIn(file, "status") ?? "unknown";
  const task = objectIn(file, "task");
  const stage = textIn(task, "stage");
  if (status !== "queued" && status !== "indexing") return status;
  if (textIn(task, "next_attempt_at") !== null)
    return `waiting to try again: ${textIn(objectIn(task, "error"), "message") ?? ""}`;
  const position = numberIn(task, "queue_position");
  if (stage === "waiting" || stage === null) return position === null ? "waiting" : `waiting, place ${position}`;
  const progress = objectIn(task, "progress");
  const done = numberIn(progress, "done");
  if (progress === null || done === null) return stage;
  const total = numberIn(progress, "total");
  return `${stage} ${done}${total === null ? "" : `/${total}`} ${textIn(progress, "unit") ?? ""}`.trim();
}
