import { LONGEST_BACKOFF_MS } from "../../src/tasks/task.ts";
import type { Api } from "../support/api.ts";
import { sha256Hex } from "../support/digests.ts";
import { at, numberAt, textAt } from "../support/json.ts";
import { bringIn, expectStatus, type Upload, Violation } from "./killer-client.ts";

/** Asks a server that came back whether everything is there that it had promised about one upload. */
export async function auditUpload(api: Api, upload: Upload): Promise<void> {
  if (upload.sessionId === null) return;
  const session = await api.session(upload.sessionId);
  expectStatus(session, 200, "GET of a promised session");
  const received = numberAt(session.json, "received_bytes");
  if (received < upload.keptBytes)
    throw new Violation(`${received} bytes are here after promising ${upload.keptBytes}`);
  const state = textAt(session.json, "status");
  const legal =
    upload.fileId !== null
      ? ["finalized"]
      : upload.complete
        ? ["received", "finalized"]
        : ["open", "received", "finalized"];
  if (!legal.includes(state)) throw new Violation(`the session is ${state}, not ${legal.join(" or ")}`);
  if (upload.fileId === null) return;
  if (textAt(session.json, "file_id") !== upload.fileId) throw new Violation("the session names another file");
  // Finalize again: the same ids (bringIn compares).
  await bringIn(api, upload);
  const content = await api.content(upload.fileId);
  expectStatus(content, 200, "GET of a promised file's content");
  if (sha256Hex(content.body) !== sha256Hex(upload.bytes)) throw new Violation("the content is not what was sent");
  const file = await api.file(upload.fileId);
  expectStatus(file, 200, "GET of a promised file");
  const status = textAt(file.json, "status");
  if (!["queued", "indexing", "indexed"].includes(status)) throw new Violation(`the file is ${status}: ${file.text}`);
}

/** Waits until the file is indexed and found by the word that it alone has. */
export async function auditSettled(api: Api, upload: Upload, withinMs: number): Promise<void> {
  if (upload.fileId === null) throw new Violation("the upload never came to its end");
  await retryIfSuspect(api, upload.fileId);
  const file = await api.settled(upload.fileId, withinMs);
  if (textAt(file, "status") !== "indexed") throw new Violation(`the file ended ${JSON.stringify(file)}`);
  const found = await api.search({ query: upload.word, limit: 1 });
  expectStatus(found, 200, "search");
  if (textAt(found.json, "results", 0, "file_id") !== upload.fileId)
    throw new Violation("search does not find the file");
}

/**
 * A file that was being read at three kills in a row waits an hour; whoever knows that it was not the file does what
 * its `error` says.
 */
async function retryIfSuspect(api: Api, fileId: string): Promise<void> {
  const { json } = await api.file(fileId);
  const next = at(json, "task", "next_attempt_at");
  if (typeof next !== "string" || Date.parse(next) - Date.now() < LONGEST_BACKOFF_MS) return;
  for (const verb of ["cancel", "retry"]) {
    const answer = await api.call("POST", `/v1/knowledge/tasks/${textAt(json, "task", "id")}/${verb}`);
    expectStatus(answer, 200, `${verb} of a task that waits`);
  }
}
