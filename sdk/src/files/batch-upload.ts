import { type CallOptions, type Calls, type Input, never, type Result } from "../core/calls.ts";
import { WharfError } from "../core/errors.ts";
import { eachInLanes } from "../core/lanes.ts";
import type { BatchRejection } from "../generated/types.ts";
import { type Content, type OpenPath, openContent, type Source } from "./content.ts";
import { bucketFields, contentKey, type Description, describe, type FileOptions } from "./description.ts";
import { sendBytes } from "./upload.ts";

export interface BatchFile extends FileOptions {
  readonly source: Source;
  /** Names the file within the batch: 1 to 128 of a-z, A-Z, 0-9, `_`, `.`, `-`. Default: its place, from "0". */
  readonly id?: string | undefined;
}

export interface BatchOptions extends CallOptions, Pick<FileOptions, "bucket" | "createMissingBuckets"> {
  /** Told after each file's bytes are there. */
  readonly onProgress?: ((progress: BatchProgress) => void) | undefined;
}

export interface UploadedBatch {
  readonly batchId: string;
  /** By the ids of the batch. */
  readonly files: readonly { readonly id: string; readonly fileId: string; readonly taskId: string }[];
  /** Refused, each for itself: the others are uploaded. */
  readonly rejected: readonly BatchRejection[];
}

export interface BatchProgress {
  readonly sentFiles: number;
  readonly totalFiles: number;
}

interface Item {
  readonly id: string;
  readonly content: Content;
  readonly description: Description;
}

/** Sessions of a batch that were lost on the way are made anew so often. */
const MAX_ROUNDS = 10;
/** Hides the waits of one file behind the bytes of another. */
const AT_ONCE = 4;

/** See Batches.upload. */
export async function storeBatch(
  calls: Calls,
  openPath: OpenPath,
  files: readonly BatchFile[],
  options: BatchOptions,
): Promise<UploadedBatch> {
  const { signal = never() } = options;
  const items: Item[] = [];
  try {
    for (const [index, { source, id = String(index), ...file }] of files.entries()) {
      const content = await openContent(source, openPath, signal);
      items.push({ id, content, description: describe(file, content) });
    }
    return await storeItems(calls, items, options, signal);
  } finally {
    for (const { content } of items) await content.close();
  }
}

async function storeItems(
  calls: Calls,
  items: readonly Item[],
  { onProgress = () => {}, ...options }: BatchOptions,
  signal: AbortSignal,
): Promise<UploadedBatch> {
  const body = await requestOf(items, options);
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const { body: batch, answer } = await calls.answered("createUploadBatch", { body }, {}, { signal });
    const replayed = answer.header("Idempotent-Replayed") === "true";
    let sentFiles = 0;
    await eachInLanes(batch.accepted, AT_ONCE, async ({ client_file_id, session_id, upload_url }) => {
      const item = items.find(({ id }) => id === client_file_id);
      if (item === undefined)
        throw new WharfError("bad_answer", `The server accepted ${client_file_id}, which it was not sent.`);
      const { content } = item;
      const sentFrom = await sendBytes({ calls, content, onProgress: () => {}, signal }, upload_url, replayed);
      // Its finalize compares no digests: what is not what was read at first must not be there for it.
      if (typeof sentFrom === "number" && !(await content.isUnchanged())) {
        await calls.json("cancelUploadSession", { path: { session_id } }, { signal });
        throw new WharfError("file_changed", `${client_file_id} changed while it was being uploaded; it is not kept.`);
      }
      onProgress({ sentFiles: ++sentFiles, totalFiles: batch.accepted.length });
    });
    const finalized = await finalizeBatch(calls, batch.batch_id, { signal });
    const done = [...finalized.finalized, ...finalized.replayed];
    if (done.length < batch.accepted.length) continue;
    return {
      batchId: batch.batch_id,
      files: done.map(({ client_file_id, knowledge_id, task_id }) => ({
        id: client_file_id,
        fileId: knowledge_id,
        taskId: task_id,
      })),
      rejected: batch.rejected,
    };
  }
  throw new WharfError("no_session", "Sessions of the batch disappear again and again.");
}

export function finalizeBatch(calls: Calls, id: string, options: CallOptions): Promise<Result<"finalizeUploadBatch">> {
  const body = { mode: "finalize_uploaded" };
  return calls.json("finalizeUploadBatch", { path: { batch_id: id }, body }, options);
}

async function requestOf(
  items: readonly Item[],
  { bucket, createMissingBuckets }: BatchOptions,
): Promise<Input<"createUploadBatch">["body"]> {
  const shared = { ...bucketFields(bucket), create_missing_buckets: createMissingBuckets };
  return {
    manifest: {
      version: 1,
      batch_idempotency_key: await contentKey(
        items.map(({ content }) => content),
        [shared, items.map(({ id, description }) => [id, description])],
      ),
      ...shared,
      items: items.map(({ id, description: { content_type: _, ...description } }) => ({
        client_file_id: id,
        ...description,
      })),
    },
    files: items.map(({ id, content, description: { filename, content_type } }) => ({
      client_file_id: id,
      filename,
      content_type,
      size_bytes: content.sizeBytes,
    })),
  };
}
