import { type FileHandle, open, unlink } from "node:fs/promises";
import { join } from "node:path";
import type { AnalysedChunk } from "../extraction/extractor.ts";
import { LIMITS } from "../limits.ts";
import type { IndexedChunk } from "../search-index/search-index.ts";

/**
 * Where a document's chunks wait until it is read to its end. They cannot go into the index before that, for two
 * reasons: the index's time must not be the child's (a slow index would look like a document that takes too long), and
 * a document that cannot be read to its end must leave nothing in the index, whose statistics would count it.
 *
 * Small documents wait in memory, up to limits.chunkSpoolChars; the rest of a large one in a file without a name, which
 * is gone with the process, whatever becomes of it. One writer, then one reader.
 */
export class ChunkSpool {
  readonly #folder: string;
  readonly #name: string;
  readonly #memoryChars: number;
  readonly #batches: (readonly IndexedChunk[])[] = [];
  #batch: IndexedChunk[] = [];
  #file: FileHandle | null = null;
  readonly #recordBytes: number[] = [];
  #fileBytes = 0;
  #chars = 0;
  #count = 0;

  /** `name` must be free in `folder` for a moment; it is never read by anybody. */
  constructor(options: { readonly folder: string; readonly name: string; readonly memoryChars?: number }) {
    this.#folder = options.folder;
    this.#name = options.name;
    this.#memoryChars = options.memoryChars ?? LIMITS.chunkSpoolChars;
  }

  /** Chunks so far. */
  get count(): number {
    return this.#count;
  }

  async add(chunks: readonly AnalysedChunk[]): Promise<void> {
    for (const chunk of chunks) {
      this.#batch.push({ position: this.#count, ...chunk });
      this.#count += 1;
      this.#chars += chunk.text.length + chunk.tokens.length;
      if (this.#batch.length === LIMITS.chunksPerWrite) await this.#put();
    }
  }

  /** All chunks in order, in batches of limits.chunksPerWrite. */
  async *read(): AsyncGenerator<readonly IndexedChunk[]> {
    yield* this.#batches;
    // By length, not by line: Node's line reader also ends lines at U+2028, which documents hold and JSON
    // leaves as it is.
    let start = 0;
    for (const bytes of this.#recordBytes) {
      yield parseBatch(await this.#readRecord(start, bytes));
      start += bytes;
    }
    if (this.#batch.length > 0) yield this.#batch;
  }

  async close(): Promise<void> {
    await this.#file?.close();
    this.#file = null;
  }

  async #put(): Promise<void> {
    const batch = this.#batch;
    this.#batch = [];
    if (this.#file === null && this.#chars <= this.#memoryChars) {
      this.#batches.push(batch);
      return;
    }
    this.#file ??= await openUnnamed(join(this.#folder, this.#name));
    const record = Buffer.from(JSON.stringify(batch), "utf8");
    for (let written = 0; written < record.length; ) {
      const { bytesWritten } = await this.#file.write(record, written, record.length - written, this.#fileBytes);
      written += bytesWritten;
      this.#fileBytes += bytesWritten;
    }
    this.#recordBytes.push(record.length);
  }

  async #readRecord(start: number, bytes: number): Promise<string> {
    const record = Buffer.allocUnsafe(bytes);
    for (let read = 0; read < bytes; ) {
      const { bytesRead } = (await this.#file?.read(record, read, bytes - read, start + read)) ?? { bytesRead: 0 };
      if (bytesRead === 0) throw new Error("the spool is shorter than what was written to it");
      read += bytesRead;
    }
    return record.toString("utf8");
  }
}

async function openUnnamed(path: string): Promise<FileHandle> {
  const file = await open(path, "wx+", 0o600);
  try {
    await unlink(path);
    return file;
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** Only this process wrote the record, into a file that nobody else can open. */
function parseBatch(record: string): readonly IndexedChunk[] {
  return JSON.parse(record);
}
