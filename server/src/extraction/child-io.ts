import { readSync, writeSync } from "node:fs";
import {
  type ChildMessage,
  type DocumentHeader,
  decodeHead,
  decodeHeader,
  encodeFrame,
  FRAME_HEAD_BYTES,
} from "./protocol.ts";

const STDIN = 0;
const STDOUT = 1;

/**
 * The child's end of the protocol. Blocking calls on purpose: the child has nothing else to do while it waits, a full pipe is
 * the backpressure, and no buffer can grow. (Touching process.stdin or stdout would make the descriptors non-blocking.)
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

export function send(message: ChildMessage, text = ""): void {
  const frame = encodeFrame(message, text);
  for (let sent = 0; sent < frame.length; ) sent += writeSync(STDOUT, frame, sent);
}

function readFully(target: Buffer): boolean {
  for (let read = 0; read < target.length; ) {
    const count = readSync(STDIN, target, read, target.length - read, null);
    if (count === 0) return false;
    read += count;
  }
  return true;
}
