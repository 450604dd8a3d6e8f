import { createHash } from "node:crypto";
import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { basename } from "node:path";
import { WharfError } from "../core/errors.ts";
import type { Content } from "../files/content.ts";

/** Longest piece of a file that is read at a time for its digest. */
const PIECE_BYTES = 256 * 1024;

/**
 * A file of the disk. It is read once for its digest; a small one is kept as it was read then, a larger one is read
 * again to be sent.
 */
export async function openOnDisk(path: string, signal: AbortSignal): Promise<Content> {
  const file = await openRegular(path);
  try {
    const before = await writtenAt(file);
    const { sizeBytes, sha256, small } = await digest(file, signal);
    return {
      name: basename(path).normalize("NFC"),
      type: null,
      sizeBytes,
      sha256,
      read: async (from, to) => small?.subarray(from, to) ?? readExactly(file, from, to),
      isUnchanged: async () => small !== null || (await writtenAt(file)) === before,
      close: () => file.close(),
    };
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** Not blocking: what has become a named pipe since it was looked at would wait for a writer, deaf to signals. */
async function openRegular(path: string): Promise<FileHandle> {
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch((error: unknown) => {
    throw unreadable(error);
  });
  if ((await file.stat()).isFile()) return file;
  await file.close();
  throw new WharfError("unreadable", "This is no regular file: give its content as a stream.");
}

function unreadable(error: unknown): WharfError {
  const code = error instanceof Error && "code" in error ? String(error.code) : "error";
  const mend = code === "EACCES" ? ": make it readable for you" : "";
  return new WharfError("unreadable", `The file cannot be read (${code})${mend}.`, { cause: error });
}

/** What no write leaves as it was: its length, and the time of the last one. */
async function writtenAt(file: FileHandle): Promise<string> {
  const { size, mtimeNs } = await file.stat({ bigint: true });
  return `${size} ${mtimeNs}`;
}

async function digest(file: FileHandle, signal: AbortSignal) {
  const hash = createHash("sha256");
  // Most documents are small, and a buffer of a whole piece for each of them was a fifth of the command line's
  // processor time.
  const { size } = await file.stat();
  const buffer = new Uint8Array(Math.min(PIECE_BYTES, size + ROOM_TO_GROW_BYTES));
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
  return { sizeBytes, sha256: hash.digest("hex"), small: fits ? buffer.subarray(0, sizeBytes) : null };
}

/** Behind the size that the disk tells: the end is only seen by reading on, and some files tell none. */
const ROOM_TO_GROW_BYTES = 4096;

async function readExactly(file: FileHandle, from: number, to: number): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(to - from);
  for (let filled = 0; filled < bytes.length; ) {
    const { bytesRead } = await file.read(bytes, filled, bytes.length - filled, from + filled);
    if (bytesRead === 0) throw new WharfError("file_changed", "The file became shorter while it was being uploaded.");
    filled += bytesRead;
  }
  return bytes;
}
