import type { Api } from "../client/api.ts";
import { type JsonObject, listIn, numberIn, objectIn, objectsIn, textIn } from "../client/json.ts";
import type { StageWatcher } from "./watcher.ts";

/**
 * Polls until the file is indexed, failed or deleted, or `waitMs` is over. Each poll is held by the server (POL-5), so the answer comes
 * with the change and an idle wait costs a request per `pollSeconds`.
 */
export async function waitUntilIndexed(
  api: Api,
  fileId: string,
  waitMs: number,
  pollSeconds: number,
  watcher: StageWatcher,
): Promise<{ readonly file: JsonObject; readonly timedOut: boolean }> {
  const { timing } = api.options;
  const deadline = timing.now() + waitMs;
  let hold = 0;
  for (;;) {
    const file = await api.get(`/knowledge/files/${fileId}?wait=${hold}`);
    watcher.stage(stageOf(file));
    if (isFinal(file)) return { file, timedOut: false };
    const left = deadline - timing.now();
    if (left <= 0) return { file, timedOut: true };
    hold = Math.min(pollSeconds, Math.ceil(left / 1000));
  }
}

/** POL-1: exactly these are final; any other word means: keep polling. */
export function isFinal(file: JsonObject): boolean {
  const status = textIn(file, "status") ?? "";
  return status === "indexed" || status === "failed" || status === "deleted";
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
