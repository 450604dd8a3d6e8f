import { brandId, type SessionId } from "../ids.ts";
import {
  type Area,
  type BlobArchive,
  type BlobKey,
  BlobStoreError,
  type SegmentedStore,
  type SegmentRef,
  type SegmentWriter,
  type StoredEntry,
  type StoredPage,
} from "./blob-store.ts";
import { originalKey, textKey } from "./keys.ts";

const CHUNK_BYTES = 256 * 1024;
/** Entries of one page. */
const PAGE = 500;

interface Named {
  readonly name: string;
  readonly entry: StoredEntry;
}

/**
 * Keeps everything in this process's memory: for tests, and as the port's plainest reading. Nothing survives
 * the process.
 */
export function openMemoryBlobStore(): SegmentedStore {
  return new MemoryBlobStore();
}

class MemoryBlobStore implements SegmentedStore {
  readonly #segments = new Map<SessionId, Map<number, Uint8Array[]>>();
  readonly #blobs = new Map<BlobKey, Uint8Array>();

  async beginSegment(session: SessionId, epoch: number): Promise<SegmentWriter> {
    const epochs = this.#segments.get(session) ?? new Map<number, Uint8Array[]>();
    if (epochs.has(epoch)) throw new BlobStoreError("exists", "that epoch already wrote");
    const content: Uint8Array[] = [];
    epochs.set(epoch, content);
    this.#segments.set(session, epochs);
    let closed = false;
    const refuseClosed = () => {
      if (closed) throw new BlobStoreError("unavailable", "the segment is closed");
    };
    return {
      async append(chunks) {
        refuseClosed();
        // Copies: the caller may use its buffers again.
        for (const chunk of chunks) content.push(Uint8Array.from(chunk));
      },
      async sync() {
        refuseClosed();
      },
      async close() {
        closed = true;
      },
    };
  }

  async *readSegments(session: SessionId, segments: readonly SegmentRef[]): AsyncIterable<Uint8Array> {
    for (const { epoch, bytes } of segments) {
      const content = this.#segments.get(session)?.get(epoch);
      if (content === undefined) throw new BlobStoreError("missing", "there is no such segment");
      const whole = Buffer.concat(content);
      if (whole.byteLength < bytes)
        throw new BlobStoreError("damaged", `the segment has ${whole.byteLength} bytes of ${bytes}`);
      yield* chunksOf(whole, 0, bytes);
    }
  }

  async publish(session: SessionId, segments: readonly SegmentRef[], key: BlobKey): Promise<void> {
    const bytes = segments.reduce((sum, segment) => sum + segment.bytes, 0);
    const there = this.#blobs.get(key);
    if (there === undefined) return this.put(key, this.readSegments(session, segments));
    if (there.byteLength !== bytes)
      throw new BlobStoreError("damaged", `the blob has ${there.byteLength} bytes, not ${bytes}`);
  }

  async put(key: BlobKey, content: AsyncIterable<Uint8Array>): Promise<void> {
    if (this.#blobs.has(key)) return void (await content[Symbol.asyncIterator]().return?.());
    const chunks: Uint8Array[] = [];
    for await (const chunk of content) chunks.push(Uint8Array.from(chunk));
    // Another put may have been faster while this one read its stream.
    if (!this.#blobs.has(key)) this.#blobs.set(key, Buffer.concat(chunks));
  }

  async size(key: BlobKey): Promise<number | null> {
    return this.#blobs.get(key)?.byteLength ?? null;
  }

  async *read(key: BlobKey, range?: { readonly start: number; readonly end: number }): AsyncIterable<Uint8Array> {
    const blob = this.#blobs.get(key);
    if (blob === undefined) throw new BlobStoreError("missing", "there is no such blob");
    const { start, end } = range ?? { start: 0, end: blob.byteLength };
    yield* chunksOf(blob, start, Math.min(end, blob.byteLength));
    if (end > blob.byteLength)
      throw new BlobStoreError("damaged", `the blob ends at ${blob.byteLength}, before ${end}`);
  }

  async linkInto(_archive: BlobArchive, key: BlobKey): Promise<"missing" | "elsewhere"> {
    return this.#blobs.has(key) ? "elsewhere" : "missing";
  }

  async remove(key: BlobKey): Promise<void> {
    this.#blobs.delete(key);
  }

  async removeSegments(session: SessionId, which: (epoch: number) => boolean = () => true): Promise<void> {
    const epochs = this.#segments.get(session);
    if (epochs === undefined) return;
    for (const epoch of [...epochs.keys()]) if (which(epoch)) epochs.delete(epoch);
    if (epochs.size === 0) this.#segments.delete(session);
  }

  async cutSegment(session: SessionId, epoch: number, bytes: number): Promise<void> {
    if (bytes === 0) return this.removeSegments(session, (other) => other === epoch);
    const content = this.#segments.get(session)?.get(epoch) ?? [];
    const first = Buffer.concat(content).subarray(0, bytes);
    // In place: a writer that is still open would go on in this list.
    content.splice(0, content.length, Uint8Array.from(first));
  }

  async list(area: Area, after: string | null): Promise<StoredPage> {
    const named = area === "segments" ? this.#namedSegments() : this.#namedBlobs(area);
    const rest = named.filter(({ name }) => after === null || name > after).sort((a, b) => (a.name < b.name ? -1 : 1));
    const page = rest.slice(0, PAGE);
    return { entries: page.map(({ entry }) => entry), next: rest.length > PAGE ? (page.at(-1)?.name ?? null) : null };
  }

  #namedSegments(): Named[] {
    return [...this.#segments].flatMap(([session, epochs]) =>
      [...epochs].map(([epoch, content]) => {
        const bytes = content.reduce((sum, chunk) => sum + chunk.byteLength, 0);
        return { name: `${session}.${epoch}`, entry: { kind: "segment", session, epoch, bytes } };
      }),
    );
  }

  #namedBlobs(area: Area): Named[] {
    return [...this.#blobs.keys()]
      .filter((key) => key.startsWith(`${area}/`))
      .map((key) => ({ name: key, entry: describeBlob(key) }));
  }

  async removeEntry(entry: StoredEntry): Promise<void> {
    if (entry.kind === "segment") return this.removeSegments(entry.session, (epoch) => epoch === entry.epoch);
    if (entry.kind !== "temporary") return this.remove(entry.key);
  }

  async check(): Promise<{ readonly freeBytes: null; readonly totalBytes: null }> {
    return { freeBytes: null, totalBytes: null };
  }

  async close(): Promise<void> {}
}

function* chunksOf(bytes: Uint8Array, start: number, end: number): Generator<Uint8Array> {
  // Copies: a reader that writes into its chunk must not change the blob.
  for (let at = start; at < end; at += CHUNK_BYTES)
    yield Uint8Array.from(bytes.subarray(at, Math.min(at + CHUNK_BYTES, end)));
}

function describeBlob(key: BlobKey): StoredEntry {
  const [area, id = "", rest = ""] = key.split("/");
  if (area === "originals") {
    const session: SessionId = brandId("sess", id);
    return { kind: "original", session, key: originalKey(session, rest) };
  }
  const file = brandId("file", id);
  const build = rest.replace(/\.jsonl$/, "");
  return { kind: "text", file, build, key: textKey(file, build) };
}
