import { createWriteStream } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { errorCodeOf } from "../../server/src/errors.ts";
import { CliError, EXIT } from "../exit-codes.ts";

/** The most that a server can be set to take in one file: without it, `yes | wharf upload -` would fill the disk. */
const MAX_BYTES = 1024 ** 3;

/**
 * What comes on stdin, in a file of its own that its owner alone can read, until `work` is done: an upload needs the
 * size and the digest before the first byte is sent, and the bytes again when the line was cut.
 */
export async function withSpooledStdin<T>(
  stdin: Readable,
  signal: AbortSignal,
  work: (path: string) => Promise<T>,
): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), "wharf-stdin-"));
  try {
    const path = join(folder, "stdin");
    await spool(stdin, path, signal);
    return await work(path);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function spool(stdin: Readable, path: string, signal: AbortSignal): Promise<void> {
  try {
    await pipeline(stdin, bounded, createWriteStream(path, { flags: "wx", mode: 0o600 }), { signal });
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof CliError) throw error;
    const code = errorCodeOf(error) ?? "error";
    const message = `What comes on stdin could not be kept in ${tmpdir()} (${code}). It needs room for all of it: set TMPDIR.`;
    throw new CliError(EXIT.failure, "unreadable", message, { cause: error });
  }
}

async function* bounded(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let bytes = 0;
  for await (const chunk of chunks) {
    bytes += chunk.length;
    if (bytes > MAX_BYTES)
      throw new CliError(EXIT.failure, "too_large", `There is no end to what comes on stdin: over ${MAX_BYTES} bytes.`);
    yield chunk;
  }
}
