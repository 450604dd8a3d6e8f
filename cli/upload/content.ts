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

/** Reads the file once, 256 KiB at a time. */
export async function readContent(file: FileHandle, signal: AbortSignal): Promise<Content> {
  const hash = createHash("sha256");
  const buffer = Buffer.allocUnsafe(256 * 1024);
  let sizeBytes = 0;
  for (;;) {
    signal.throwIfAborted();
    const { bytesRead } = await file.read(buffer, 0, buffer.length, sizeBytes);
    if (bytesRead === 0) return { sizeBytes, sha256: hash.digest("hex") };
    hash.update(buffer.subarray(0, bytesRead));
    sizeBytes += bytesRead;
  }
}

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
