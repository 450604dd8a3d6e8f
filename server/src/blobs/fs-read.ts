import { type FileHandle, open } from "node:fs/promises";
import { BlobStoreError } from "./blob-store.ts";
import { attempt, readError } from "./fs-errors.ts";

/**
 * Hashing 25 MB as it is read takes 27 ms at this size, 36 ms at 256 KiB, 40 ms at 64 KiB; and 200 readers at once cost
 * 90 MB less than at 256 KiB, most of it buffers that wait for the collector.
 */
const CHUNK_BYTES = 128 * 1024;

/**
 * Bytes [start, end) of a file, all of it by default, in chunks, one at a time: the next is read when the reader asks
 * for it. Each chunk is a buffer of its own, because readers may keep one while they ask for the next (a `Readable`
 * does). The file is closed however the reader leaves.
 */
export async function* readFileRange(
  what: string,
  path: string,
  range?: { readonly start: number; readonly end: number },
): AsyncGenerator<Uint8Array, void, undefined> {
  const handle = await openToRead(what, path);
  try {
    let position = range?.start ?? 0;
    const end = range?.end ?? (await attempt(what, handle.stat())).size;
    while (position < end) {
      const chunk = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, end - position));
      const { bytesRead } = await attempt(what, handle.read(chunk, 0, chunk.byteLength, position));
      if (bytesRead === 0) throw new BlobStoreError("damaged", `${what}: the file ends at ${position}, before ${end}`);
      position += bytesRead;
      yield chunk.subarray(0, bytesRead);
    }
  } finally {
    await handle.close();
  }
}

async function openToRead(what: string, path: string): Promise<FileHandle> {
  try {
    return await open(path, "r");
  } catch (error) {
    throw await readError(what, error, path);
  }
}
