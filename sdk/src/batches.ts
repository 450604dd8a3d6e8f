import { type CallOptions, type Calls, type Input, never, type Result } from "./core/calls.ts";
import {
  type BatchFile,
  type BatchOptions,
  finalizeBatch,
  storeBatch,
  type UploadedBatch,
} from "./files/batch-upload.ts";
import type { OpenPath } from "./files/content.ts";

export interface BatchWaitOptions extends CallOptions {
  /** Default 10 minutes. */
  readonly timeoutMs?: number | undefined;
}

/** `wharf.batches`: up to 100 files in one request, which counts as one create. */
export class Batches {
  readonly #calls: Calls;
  readonly #openPath: OpenPath;

  constructor(calls: Calls, openPath: OpenPath) {
    this.#calls = calls;
    this.#openPath = openPath;
  }

  /**
   * Uploads all files: one create, the bytes of four at a time, one finalize. Repeatable as `files.upload` is: the same
   * files with the same options are the same batch. A wrong file is in `rejected`, and the others go on. Rejects as
   * `files.upload` does: with `file_changed`, nothing is finalized, and the same call with the files as they are now
   * is another batch.
   */
  upload(files: readonly BatchFile[], options: BatchOptions = {}): Promise<UploadedBatch> {
    return storeBatch(this.#calls, this.#openPath, files, options);
  }

  create(body: Input<"createUploadBatch">["body"], options: CallOptions = {}): Promise<Result<"createUploadBatch">> {
    return this.#calls.json("createUploadBatch", { body }, options);
  }

  finalize(id: string, options: CallOptions = {}): Promise<Result<"finalizeUploadBatch">> {
    return finalizeBatch(this.#calls, id, options);
  }

  /** With every file's own state in `items`. */
  get(id: string, options: CallOptions = {}): Promise<Result<"getBatch">> {
    return this.#calls.json("getBatch", { path: { batch_id: id }, query: { include_items: true } }, options);
  }

  /**
   * The batch once nothing of it can change any more, or as it is when `timeoutMs` is over: then its status is still
   * `accepted`.
   */
  async waitUntilDone(id: string, options: BatchWaitOptions = {}): Promise<Result<"getBatch">> {
    const { timeoutMs = 600_000, signal = never() } = options;
    const { timing } = this.#calls.options;
    const deadline = timing.now() + timeoutMs;
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 1.5, LONGEST_PAUSE_MS)) {
      const batch = await this.get(id, { signal });
      const leftMs = deadline - timing.now();
      if (batch.status !== "accepted" || leftMs <= 0) return batch;
      await timing.wait(Math.min(pauseMs, leftMs), signal);
    }
  }
}

/** A batch's answer is not held by the server. */
const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 5000;
