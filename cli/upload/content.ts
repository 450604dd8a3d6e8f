import { createHash } from "node:crypto";
import type { FileHandle } from "node:fs/promises";

/** How an upload is described to the server: the fields of a create (contract §2). */
export interface Description {
  readonly filename: string;
  readonly content_type?: string | undefined;
  readonly title?: string | undefined;
  readonly tags?: readonly string[] | undefined;
  readonly metadata?: object | undefined;
  readonly bucket_ids?: readonly string[] | undefined;
  readonly bucket_slugs?: readonly string[] | undefined;
  readonly create_missing_buckets?: true | undefined;
}

export interface Content {
  readonly sizeBytes: number;
  /** Hexadecimal. */
  readonly sha256: string;
}

/** Longest piece of a file that is read at a time. */
export const PIECE_BYTES = 256 * 1024;

export interface ReadContent {
  readonly content: Content;
  /** All of it, when that is less than a piece: it is sent as it was read here. Null of a larger file. */
  readonly small: Uint8Array | null;
}

/** Reads the file once, a piece at a time. */
export async function readContent(file: FileHandle, signal: AbortSignal): Promise<ReadContent> {
  const hash = createHash("sha256");
  // Most documents are small, and a buffer of a whole piece for each of them was a fifth of the command's processor time.
  const { size } = await file.stat();
  const buffer = Buffer.allocUnsafe(Math.min(PIECE_BYTES, size + ROOM_TO_GROW_BYTES));
  let sizeBytes = 0;
  let filled = 0;
  let fits = true;
  for (;;) {
    signal.throwIfAborted();
    const { bytesRead } = await file.read(buffer, filled, buffer.length - filled, sizeBytes);
    if (bytesRead === 0) break;
    hash.update(buffer.subarray(filled, filled + bytesRead));
    sizeBytes += bytesRead;
    filled += bytesRead;
    if (filled < buffer.length) continue;
    filled = 0;
    fits = false;
  }
  return { content: { sizeBytes, sha256: hash.digest("hex") }, small: fits ? buffer.subarray(0, sizeBytes) : null };
}

/** Behind the size that the disk tells: the end is only seen by reading on, and some files tell none. */
const ROOM_TO_GROW_BYTES = 4096;

/**
 * The Idempotency-Key: the same content under the same name with the same description is the same upload, on any day and any machine. So
 * running a killed command again finds its session and goes on, and running a finished one again makes no second file. The path is not in
 * it: moving a folder must not upload it twice; nor is `create_missing_buckets`, which changes nothing about the file. `after`: ids of earlier files of this content that were deleted since.
 */
export function idempotencyKey(content: Content, description: Description, after: readonly string[]): string {
  const told = JSON.stringify([
    content.sha256,
    content.sizeBytes,
    description.filename,
    description.content_type ?? null,
    description.title ?? null,
    [...(description.tags ?? [])].sort(),
    description.metadata ?? null,
    [...(description.bucket_ids ?? [])].sort(),
    [...(description.bucket_slugs ?? [])].sort(),
    after,
  ]);
  return `wharf-cli-${createHash("sha256").update(told, "utf8").digest("hex")}`;
}
