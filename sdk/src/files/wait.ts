import type { CallOptions, Calls } from "../core/calls.ts";
import { IndexingError, WaitTimeoutError } from "../core/errors.ts";
import type { KnowledgeFile, Operations } from "../generated/types.ts";

export interface WaitOptions extends CallOptions {
  /** Default 10 minutes. What has ended already is told of even with 0. */
  readonly timeoutMs?: number | undefined;
  /** The file as it is now, after each answer: for a bar. */
  readonly onChange?: ((file: KnowledgeFile) => void) | undefined;
  /** The server holds an answer until something changes, at most so long; 1 to 60. Default 30. */
  readonly pollSeconds?: number | undefined;
}

const TIMEOUT_MS = 600_000;
const POLL_SECONDS = 30;

/**
 * Polls until the file is indexed. Each poll is held by the server (POL-5), so the answer comes with the change and an
 * idle wait costs a request per `pollSeconds`. Rejects with IndexingError when it failed or was deleted, with
 * WaitTimeoutError when the time is over.
 */
export async function waitUntilIndexed(
  calls: Calls,
  fileId: string,
  { timeoutMs = TIMEOUT_MS, onChange, pollSeconds = POLL_SECONDS, signal }: WaitOptions,
): Promise<Operations["getFile"]["answer"]> {
  const { timing } = calls.options;
  const deadline = timing.now() + timeoutMs;
  let wait = 0;
  for (;;) {
    const file = await calls.json("getFile", { path: { file_id: fileId }, query: { wait } }, { signal });
    onChange?.(file);
    if (file.status === "indexed") return file;
    if (isFinal(file)) throw new IndexingError(file);
    const leftMs = deadline - timing.now();
    if (leftMs <= 0) throw new WaitTimeoutError(file);
    wait = Math.min(pollSeconds, Math.ceil(leftMs / 1000));
  }
}

/** POL-1: exactly these are final; any other word means: keep polling. */
export function isFinal({ status }: Pick<KnowledgeFile, "status">): boolean {
  return status === "indexed" || status === "failed" || status === "deleted";
}
