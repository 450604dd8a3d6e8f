import { type FileHandle, open } from "node:fs/promises";
import type { Log } from "../log.ts";
import { BlobStoreError, type SegmentWriter } from "./blob-store.ts";
import { attempt, storeError } from "./fs-errors.ts";

/**
 * Writes one file from its beginning. Calls run one after the other, in the order they were made.
 *
 * After a failed `append` nothing more is appended, but `sync` still makes durable what earlier ones took: on a full
 * disk an upload keeps its recorded units. After a failed `sync` both reject for ever: the kernel forgets which pages
 * it could not write, so a second fsync would report a success that is none.
 */
export class FsSegmentWriter implements SegmentWriter {
  readonly #handle: FileHandle;
  readonly #syncName: () => Promise<void>;
  readonly #closed: (bytes: number | null) => void;
  readonly #log: Log | undefined;
  #bytes = 0;
  #named = false;
  #appendFailure: BlobStoreError | null = null;
  #syncFailure: BlobStoreError | null = null;
  #isClosed = false;
  #last: Promise<void> = Promise.resolve();
  #closing: Promise<void> | null = null;

  /**
   * `syncName` makes the file's name durable. `closed` is told when nothing can be appended any more, with the file's
   * exact length, or null when a failed append left it unknown.
   */
  constructor(
    handle: FileHandle,
    options: { syncName(): Promise<void>; closed(bytes: number | null): void; log: Log | undefined },
  ) {
    this.#handle = handle;
    this.#syncName = options.syncName;
    this.#closed = options.closed;
    this.#log = options.log;
  }

  append(chunks: readonly Uint8Array[]): Promise<void> {
    return this.#afterLast(async () => {
      const failed = this.#refusal() ?? this.#appendFailure;
      if (failed !== null) throw failed;
      try {
        this.#bytes += await writeFully(this.#handle, chunks, this.#bytes);
      } catch (error) {
        this.#appendFailure = storeError("append to a segment", error);
        throw this.#appendFailure;
      }
    });
  }

  sync(): Promise<void> {
    return this.#afterLast(async () => {
      const refused = this.#refusal();
      if (refused !== null) throw refused;
      // Both at once: a segment counts only when it is recorded, so neither has to be first, and one journal commit
      // serves both (10 kB, 8 writers: 2 050 cycles a second, one after the other 1 800).
      const results = await Promise.allSettled([this.#handle.sync(), this.#named ? undefined : this.#syncName()]);
      const failed = results.find((result) => result.status === "rejected");
      if (failed !== undefined) {
        this.#syncFailure = storeError("sync a segment", failed.reason);
        throw this.#syncFailure;
      }
      this.#named = true;
    });
  }

  close(): Promise<void> {
    this.#closing ??= this.#afterLast(async () => {
      this.#isClosed = true;
      try {
        await this.#handle.close();
      } catch (error) {
        // Nothing is lost: what counts was fsynced before, and what was not was never promised.
        this.#log?.warn({ err: error }, "a segment's handle did not close cleanly");
      } finally {
        this.#closed(this.#appendFailure === null ? this.#bytes : null);
      }
    });
    return this.#closing;
  }

  /**
   * Made when it is needed: each upload closes a segment, and an error with its stack takes longer than the
   * rest of that.
   */
  #refusal(): BlobStoreError | null {
    if (this.#syncFailure !== null) return this.#syncFailure;
    return this.#isClosed ? new BlobStoreError("unavailable", "the segment is closed") : null;
  }

  #afterLast(step: () => Promise<void>): Promise<void> {
    const run = this.#last.then(step);
    this.#last = run.catch(() => {});
    return run;
  }
}

/**
 * Writes the chunks at `position` and returns their length. `writev` may take less than it was given (a signal, a
 * nearly full disk); the rest is written again from where it stopped, with its position, so that nothing moves.
 */
async function writeFully(handle: FileHandle, chunks: readonly Uint8Array[], position: number): Promise<number> {
  let rest = chunks.filter((chunk) => chunk.byteLength > 0);
  let written = 0;
  while (rest.length > 0) {
    const { bytesWritten } = await handle.writev(rest, position + written);
    if (bytesWritten === 0) throw new Error("the file system took no byte and gave no reason");
    written += bytesWritten;
    rest = withoutFirst(rest, bytesWritten);
  }
  return written;
}

function withoutFirst(chunks: readonly Uint8Array[], bytes: number): Uint8Array[] {
  let skip = bytes;
  const rest: Uint8Array[] = [];
  for (const chunk of chunks) {
    if (skip < chunk.byteLength) rest.push(skip === 0 ? chunk : chunk.subarray(skip));
    skip = Math.max(0, skip - chunk.byteLength);
  }
  return rest;
}

const GATHER_BYTES = 256 * 1024;

/**
 * Writes the stream into a new file, 256 KiB or more at a time (text arrives as many short lines), and fsyncs it.
 * Returns its length. On failure the file stays behind, for the caller to unlink; the stream's own error passes
 * through as it is.
 */
export async function writeNewFile(path: string, content: AsyncIterable<Uint8Array>): Promise<number> {
  const handle = await attempt("make a temporary file", open(path, "wx", 0o600));
  let bytes = 0;
  let waiting: Uint8Array[] = [];
  let waitingBytes = 0;
  const flush = async () => {
    bytes += await attempt("write a temporary file", writeFully(handle, waiting, bytes));
    waiting = [];
    waitingBytes = 0;
  };
  try {
    for await (const chunk of content) {
      waiting.push(chunk);
      waitingBytes += chunk.byteLength;
      if (waitingBytes >= GATHER_BYTES) await flush();
    }
    await flush();
    await attempt("sync a temporary file", handle.sync());
  } finally {
    await attempt("close a temporary file", handle.close());
  }
  return bytes;
}
