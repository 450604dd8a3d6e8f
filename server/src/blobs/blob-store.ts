import type { FileId, SessionId } from "../ids.ts";

/**
 * Where blobs live: one port for a folder, memory, S3 and Google Cloud Storage.
 *
 * A **blob** is an immutable object with a key of `keys.ts`. It is published whole or not at all, and never changes.
 *
 * The caller guarantees that ids and keys are ours (never a client's text). A method that resolved has made its effect
 * durable; only what `removeEntry` took away may be back after a power cut, and reconcile removes it again. A method
 * that fails rejects with BlobStoreError; a failed fsync is never retried.
 */
export interface BlobStore {
  /**
   * Publishes the stream as the blob `key`, replacing nothing: when the key exists, the stream is discarded. An error
   * of the stream itself passes through as it is and leaves no blob.
   */
  put(key: BlobKey, content: AsyncIterable<Uint8Array>): Promise<void>;

  /** Size in bytes, or null when there is none. */
  size(key: BlobKey): Promise<number | null>;

  /**
   * Bytes [start, end) of the blob in chunks of at most 256 KiB. Rejects with `missing`, and with `damaged` when the
   * blob ends before `end`.
   */
  read(key: BlobKey, range?: { readonly start: number; readonly end: number }): AsyncIterable<Uint8Array>;

  /**
   * Gives the blob a name in an archive, without copying it: both have its bytes, and removing it in one leaves
   * it in the other. Durable with the archive's `sync`. `elsewhere`: the two do not share a disk that links; it
   * has to be copied.
   */
  linkInto(archive: BlobArchive, key: BlobKey): Promise<"linked" | "missing" | "elsewhere">;

  /** Removes the blob; done when there is none. */
  remove(key: BlobKey): Promise<void>;

  /**
   * A page of what an area holds, for maintenance and doctor: the entries after `after` (a page's `next`; null = from
   * the beginning), some hundreds at most, in an order that stays. Entries that come or go meanwhile may be missed or
   * be gone.
   */
  list(area: Area, after: string | null): Promise<StoredPage>;

  /** Removes one entry that `list` showed; done when it is gone. */
  removeEntry(entry: StoredEntry): Promise<void>;

  /** Whether the store answers and how much room is left; `freeBytes` is null when it has no limit of its own. */
  check(): Promise<{ readonly freeBytes: number | null; readonly totalBytes: number | null }>;

  /** Lets go of what the store holds open. The caller uses it no more. */
  close(): Promise<void>;
}

/** What a backup holds of a store: read without writing a byte to it. */
export interface BlobArchive {
  /** Where it lies, for a store that may share its disk. */
  readonly folder: string;
  read(key: BlobKey): AsyncIterable<Uint8Array>;
  readSegment(session: SessionId, epoch: number): AsyncIterable<Uint8Array>;
  /** Makes all names in it durable. */
  sync(): Promise<void>;
}

/**
 * What our own byte end-point writes into: a store that takes an upload in pieces. Nobody else knows of it but backup,
 * which keeps what has arrived so far.
 *
 * A **segment** is what one data request wrote, named (session, epoch). It counts only once the catalogue lists it. The
 * caller guarantees that one epoch has one writer. What `removeSegments` and `cutSegment` to 0 took away may be back
 * after a power cut, and maintenance removes it again. After a failed fsync the segment is abandoned and the request
 * that wrote it fails.
 */
export interface SegmentStore {
  /** Starts the segment, empty. Rejects with `exists` when that epoch already wrote. */
  beginSegment(session: SessionId, epoch: number): Promise<SegmentWriter>;

  /**
   * The first `bytes` of each segment, in order, as one stream of chunks of at most 256 KiB. Rejects with `missing`
   * when a segment is not there and `damaged` when it is shorter than that.
   */
  readSegments(session: SessionId, segments: readonly SegmentRef[]): AsyncIterable<Uint8Array>;

  /**
   * Publishes the first `bytes` of each segment, which their writers have `sync`ed, as the blob `key`. Consumes
   * nothing: segments stay until `removeSegments`. Doing it again, also at the same time or when its segments are gone
   * by now, is harmless and leaves one blob. Rejects with `missing` or `damaged` as `readSegments` does, and with
   * `damaged` when the key has another length.
   */
  publish(session: SessionId, segments: readonly SegmentRef[], key: BlobKey): Promise<void>;

  /** Removes the session's segments: all, or those whose epoch `which` accepts. */
  removeSegments(session: SessionId, which?: (epoch: number) => boolean): Promise<void>;

  /**
   * Cuts the segment back to its first `bytes`: what its writer, which is closed, left behind its last record.
   * 0 removes it. Done when there is none, when it is no longer than that, and when a blob was made of it: a
   * blob's bytes stay.
   */
  cutSegment(session: SessionId, epoch: number, bytes: number): Promise<void>;
}

/** One store of both kinds: a segment becomes a blob without being copied. */
export interface SegmentedStore extends BlobStore, SegmentStore {}

/** What a segment contributes to the object: its first `bytes`. */
export interface SegmentRef {
  readonly epoch: number;
  readonly bytes: number;
}

export interface SegmentWriter {
  /**
   * Appends the chunks in order. Resolves when they may be reused, not when they are durable. After a failure (`full`
   * …) every later append rejects, but `sync` still makes durable what earlier ones took.
   */
  append(chunks: readonly Uint8Array[]): Promise<void>;
  /**
   * Makes everything appended so far durable, the segment's name too. May be called again after more `append`. After a
   * failure the writer is done: every later append and sync rejects.
   */
  sync(): Promise<void>;
  /** Releases the handle. Adds no durability; safe to call twice. */
  close(): Promise<void>;
}

/** What is stored, by what it is: the first part of a blob's key; segments have an area of their own. */
export const AREAS = ["segments", "originals", "text"] as const;
export type Area = (typeof AREAS)[number];

export interface StoredPage {
  readonly entries: readonly StoredEntry[];
  /** Where the next page begins, as text that may be kept; null: this was the last. */
  readonly next: string | null;
}

export type StoredEntry =
  | { readonly kind: "segment"; readonly session: SessionId; readonly epoch: number; readonly bytes: number }
  /**
   * Blobs are listed by their names alone: to look at each of a million files takes minutes, and reads them
   * from the disk.
   */
  | { readonly kind: "original"; readonly session: SessionId; readonly key: BlobKey }
  | { readonly kind: "text"; readonly file: FileId; readonly build: string; readonly key: BlobKey }
  /**
   * A temporary object of a publish or put that did not end; `ageMs` since it was last written, 0 while one is at work.
   */
  | { readonly kind: "temporary"; readonly name: string; readonly ageMs: number };

declare const brand: unique symbol;
/** Made by `keys.ts` alone. */
export type BlobKey = string & { readonly [brand]: "BlobKey" };

export type BlobStoreFailure =
  | "missing"
  | "exists"
  | "damaged"
  /** No room: the client may try again later (507 or 503). */
  | "full"
  /** Anything else; `cause` says what. */
  | "unavailable";

export class BlobStoreError extends Error {
  override readonly name = "BlobStoreError";
  readonly failure: BlobStoreFailure;

  constructor(failure: BlobStoreFailure, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.failure = failure;
  }
}
