import { errorCodeOf } from "../errors.ts";
import {
  type ChildMessage,
  type DocumentHeader,
  decodeHead,
  decodeHeader,
  encodeFrame,
  FRAME_HEAD_BYTES,
} from "./protocol.ts";

// Not imported: launch.mjs says why.
const { readSync, writeSync } = process.getBuiltinModule("node:fs");

const STDIN = 0;
const STDOUT = 1;

/**
 * The child's end of the protocol. Blocking calls on purpose: the child has nothing else to do while it waits, a full
 * pipe is the backpressure, and no buffer can grow.
 */
export interface ReceivedDocument {
  readonly header: DocumentHeader;
  readonly bytes: Buffer;
}

/** The next document, or null when the server closed the pipe. */
export function receiveDocument(): ReceivedDocument | null {
  const head = Buffer.alloc(FRAME_HEAD_BYTES);
  if (!readFully(head)) return null;
  const meta = Buffer.alloc(decodeHead(head).metaBytes);
  if (!readFully(meta)) return null;
  const header = decodeHeader(meta);
  const bytes = Buffer.allocUnsafeSlow(header.sizeBytes);
  return readFully(bytes) ? { header, bytes } : null;
}

/**
 * `more`: others follow, and they go out together, unless this takes long or they are many. Each write wakes the
 * server: with three for each page that took a sixth of a PDF of 100 pages.
 */
export function send(message: ChildMessage, text = "", more = false): void {
  const frame = encodeFrame(message, text);
  if (held.length === 0) heldSinceMs = Date.now();
  held.push(frame);
  heldBytes += frame.length;
  if (more && heldBytes < HELD_BYTES && Date.now() - heldSinceMs < HELD_MS) return;
  const frames = held.length === 1 ? frame : Buffer.concat(held);
  held.length = 0;
  heldBytes = 0;
  for (let sent = 0; sent < frames.length; ) sent += waiting(() => writeSync(STDOUT, frames, sent));
}

/** Frames that wait for others. */
const held: Buffer[] = [];
let heldBytes = 0;
let heldSinceMs = 0;
/** A page may have 32 MB of text and as many words: they do not gather here. */
const HELD_BYTES = 64 * 1024;
/** The server works on what it has while the next pages are read. */
const HELD_MS = 20;

function readFully(target: Buffer): boolean {
  for (let read = 0; read < target.length; ) {
    const count = waiting(() => readSync(STDIN, target, read, target.length - read, null));
    if (count === 0) return false;
    read += count;
  }
  return true;
}

const sleepCell = new Int32Array(new SharedArrayBuffer(4));
const RETRY_MS = 1;

/**
 * The descriptors block until something touches `process.stdout`, and `stream.pipe()` does (yauzl uses it: seen as
 * EAGAIN on the first long DOCX). From then on a full pipe is waited for in steps of a millisecond.
 */
function waiting(call: () => number): number {
  for (;;) {
    try {
      return call();
    } catch (error) {
      if (errorCodeOf(error) !== "EAGAIN") throw error;
      Atomics.wait(sleepCell, 0, 0, RETRY_MS);
    }
  }
}
