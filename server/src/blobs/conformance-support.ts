import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, test } from "node:test";
import { brandId, type FileId, type SessionId } from "../ids.ts";
import type { BlobStore, BlobStoreFailure, SegmentedStore, SegmentRef, StoredEntry } from "./blob-store.ts";
import { originalKey } from "./keys.ts";
import { everyEntry } from "./test-entries.ts";

/** What the conformance suites of blobs and of segments write, read and expect. */

/** One sentence of a port, and what shows it. */
export type Guarantee<Store> = (title: string, run: (store: Store) => Promise<void>) => void;
export type SegmentGuarantee = Guarantee<SegmentedStore>;

/** A test that an adapter cannot run, and why. */
export interface Skip {
  readonly test: string;
  readonly reason: string;
}

export interface StoreUnderTest<Store> {
  open(): Promise<Store>;
  close(store: Store): Promise<void>;
  readonly skip: readonly Skip[];
}

/** Every guarantee that `tell` tells, each on a store of its own. */
export function describeStore<Store>(
  name: string,
  { open, close, skip }: StoreUnderTest<Store>,
  tell: (guarantee: Guarantee<Store>) => void,
): void {
  describe(name, () => {
    tell((title, run) => {
      const reason = skip.find((entry) => entry.test === title)?.reason;
      test(title, reason === undefined ? {} : { skip: reason }, async () => {
        const store = await open();
        try {
          await run(store);
        } finally {
          await close(store);
        }
      });
    });
  });
}

export const CHUNK_BYTES = 256 * 1024;

export const SESSION: SessionId = brandId("sess", "sess_0000000001abcdefghjkmnpqrs");
export const OTHER: SessionId = brandId("sess", "sess_0000000001abcdefghjkmnpqrt");
export const FILE: FileId = brandId("file", "file_0000000001abcdefghjkmnpqrs");

/** Writes 300 000 bytes into each segment named and returns what its recorded bytes are. */
export async function writeSegments(store: SegmentedStore, segments: readonly SegmentRef[]) {
  for (const { epoch } of segments) await writeSegment(store, SESSION, epoch, bytesOf(epoch, 300_000));
  const content = Buffer.concat(segments.map(({ epoch, bytes }) => bytesOf(epoch, 300_000).subarray(0, bytes)));
  return { content, key: originalKey(SESSION, sha256(content)) };
}

export async function writeSegment(
  store: SegmentedStore,
  session: SessionId,
  epoch: number,
  content: Uint8Array,
): Promise<void> {
  const writer = await store.beginSegment(session, epoch);
  await writer.append([content]);
  await writer.sync();
  await writer.close();
}

export async function listed(store: BlobStore): Promise<StoredEntry[]> {
  const entries: StoredEntry[] = [];
  for await (const entry of everyEntry(store)) entries.push(entry);
  const order = (entry: StoredEntry) =>
    `${entry.kind} ${entry.kind === "segment" ? `${entry.session}.${entry.epoch}` : JSON.stringify(entry)}`;
  return entries.sort((a, b) => (order(a) < order(b) ? -1 : 1));
}

export async function segmentsOf(store: SegmentedStore): Promise<string[]> {
  return (await segmentLengths(store)).map(([name]) => name);
}

export async function segmentLengths(store: SegmentedStore): Promise<[name: string, bytes: number][]> {
  return (await listed(store)).flatMap((entry): [string, number][] =>
    entry.kind === "segment" ? [[`${entry.session}.${entry.epoch}`, entry.bytes]] : [],
  );
}

export async function collect(stream: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const part of stream) parts.push(part);
  return Buffer.concat(parts);
}

export async function* chunks(...parts: readonly (string | Uint8Array)[]): AsyncGenerator<Uint8Array> {
  for (const part of parts) yield Buffer.from(part);
}

/** A stream that knows whether its reader let it go. */
export function closable(text: string): AsyncIterable<Uint8Array> & { closed(): boolean } {
  let closed = false;
  const inner = chunks(text);
  return {
    closed: () => closed,
    [Symbol.asyncIterator]: () => ({
      next: () => inner.next(),
      return: async () => {
        closed = true;
        return { done: true, value: undefined };
      },
    }),
  };
}

/** Bytes that differ at every place and for every seed, so that a shifted or swapped chunk shows. */
export function bytesOf(seed: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let i = 0; i < length; i++) bytes[i] = (seed * 131 + i * 7 + (i >>> 8) * 13 + (i >>> 16) * 29) & 255;
  return bytes;
}

export function sha256(content: string | Uint8Array): string {
  return createHash("sha256").update(content).digest("hex");
}

export async function rejectsWith(failure: BlobStoreFailure, promise: Promise<unknown>): Promise<void> {
  await assert.rejects(promise, { name: "BlobStoreError", failure });
}
