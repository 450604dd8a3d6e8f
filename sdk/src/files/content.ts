import { toError, WharfError } from "../core/errors.ts";
import { hex } from "../core/hex.ts";

/**
 * Text is a path, which Node alone can open. A stream is kept in memory until it is sent: its size has to be known
 * first. Where it gives text, as a stream of Node with an encoding does, that is UTF-8.
 */
export type Source =
  | string
  | Blob
  | Uint8Array<ArrayBuffer>
  | ReadableStream<Uint8Array<ArrayBuffer> | string>
  | AsyncIterable<Uint8Array<ArrayBufferLike> | string>;

type Stream = Exclude<Source, string | Blob | Uint8Array>;

/** What is uploaded: of known size, and readable at any place as often as a bad line needs it. */
export interface Content {
  /** The last part of its name, or null when it has none. */
  readonly name: string | null;
  /** As it declares itself; null = it does not. */
  readonly type: string | null;
  readonly sizeBytes: number;
  /**
   * Hexadecimal. Null in a page that was not loaded over https or from this machine: browsers have no digests there.
   */
  readonly sha256: string | null;
  /** `from` inclusive, `to` exclusive. Rejects with WharfError `file_changed` when there is less than there was. */
  read(from: number, to: number): Promise<Uint8Array<ArrayBuffer>>;
  /** False: what was read may be of another content than the digest. */
  isUnchanged(): Promise<boolean>;
  close(): Promise<void>;
}

/** How a path is opened. */
export type OpenPath = (path: string, signal: AbortSignal) => Promise<Content>;

/** The most that a server can be set to take in one file. */
export const MAX_STREAM_BYTES = 1024 ** 3;

/** Rejects with WharfError `unreadable` for what is no Source, or a stream that fails. */
export async function openContent(source: Source, openPath: OpenPath, signal: AbortSignal): Promise<Content> {
  if (typeof source === "string") return openPath(source, signal);
  if (source instanceof Blob) return contentOf(source);
  // Not by its class: a test runner's own world has another one than Node's buffers.
  if (ArrayBuffer.isView(source)) return contentOf(new Blob([source]));
  if (isStream(source)) return contentOf(await collected(source, signal));
  throw new WharfError("unreadable", "Only a path, a File, a Blob, a Uint8Array or a stream of bytes can be uploaded.");
}

/** What programs without types hand over may be anything. */
function isStream(source: unknown): source is Stream {
  return (
    typeof source === "object" &&
    source !== null &&
    (source instanceof ReadableStream || Symbol.asyncIterator in source)
  );
}

/** In browsers, and wherever else there are no paths. */
export const noPaths: OpenPath = async () => {
  throw new WharfError("unreadable", "A path can be read in Node alone: give a File, a Blob or a stream.");
};

async function contentOf(blob: Blob): Promise<Content> {
  return {
    name: "name" in blob && typeof blob.name === "string" && blob.name !== "" ? blob.name : null,
    type: blob.type === "" ? null : blob.type,
    sizeBytes: blob.size,
    sha256: await sha256Of(blob),
    read: (from, to) => bytesOf(blob.slice(from, to), "file_changed"),
    isUnchanged: async () => true,
    close: async () => {},
  };
}

async function sha256Of(blob: Blob): Promise<string | null> {
  if (globalThis.crypto?.subtle === undefined) return null;
  return digestOf(await bytesOf(blob, "unreadable"));
}

/** A File of a page is refused by the browser once it has changed on the disk. */
async function bytesOf(blob: Blob, code: "file_changed" | "unreadable"): Promise<Uint8Array<ArrayBuffer>> {
  try {
    return new Uint8Array(await blob.arrayBuffer());
  } catch (error) {
    throw new WharfError(code, "The file cannot be read, or has changed: choose it again.", { cause: error });
  }
}

/** Of a text, hexadecimal; null as in Content. */
export async function sha256OfText(text: string): Promise<string | null> {
  if (globalThis.crypto?.subtle === undefined) return null;
  return digestOf(new TextEncoder().encode(text));
}

async function digestOf(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  return hex(new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)));
}

async function collected(stream: Stream, signal: AbortSignal): Promise<Blob> {
  const parts: Blob[] = [];
  let sizeBytes = 0;
  for await (const given of chunksOf(stream, signal)) {
    const chunk = bytesIn(given);
    sizeBytes += chunk.byteLength;
    if (sizeBytes > MAX_STREAM_BYTES)
      throw new WharfError("file_too_large", `There is no end to the stream: over ${MAX_STREAM_BYTES} bytes.`);
    // A Blob has a copy of its own, in some browsers on the disk; it takes no memory that threads share.
    parts.push(new Blob([new Uint8Array(chunk)]));
  }
  return new Blob(parts);
}

/** Anything else would be taken for an empty array, or for a length, and the file would be another one. */
function bytesIn(chunk: Uint8Array | string): Uint8Array {
  if (typeof chunk === "string") return new TextEncoder().encode(chunk);
  if (ArrayBuffer.isView(chunk)) return new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength);
  throw new WharfError("unreadable", "The stream gives neither bytes nor text.");
}

/** Leaves a stream that says nothing more when the signal says so. */
async function* chunksOf(stream: Stream, signal: AbortSignal): AsyncGenerator<Uint8Array | string> {
  signal.throwIfAborted();
  const chunks = stream instanceof ReadableStream ? readerOf(stream) : stream[Symbol.asyncIterator]();
  let abort = () => {};
  const aborted = new Promise<never>((_, reject) => {
    abort = () => reject(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
  });
  try {
    for (;;) {
      const { done, value } = await Promise.race([chunks.next().catch(broken), aborted]);
      if (done === true) return;
      yield value;
    }
  } finally {
    signal.removeEventListener("abort", abort);
    // Not waited for: a stream that hangs would hang its end, too.
    chunks.return?.()?.then(undefined, () => {});
  }
}

function broken(error: unknown): never {
  throw new WharfError("unreadable", `The stream failed before its end: ${toError(error).message}`, { cause: error });
}

/** Not every browser can walk a ReadableStream by itself. */
function readerOf<Chunk>(stream: ReadableStream<Chunk>): AsyncIterator<Chunk, undefined> {
  const reader = stream.getReader();
  return {
    next: async () => {
      const { done, value } = await reader.read();
      return done ? { done, value: undefined } : { done, value };
    },
    return: async () => {
      await reader.cancel();
      return { done: true, value: undefined };
    },
  };
}
