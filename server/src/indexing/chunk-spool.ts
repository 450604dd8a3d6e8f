import { type FileHandle, open, unlink } from "node:fs/promises";
import { join } from "node:path";
import type { AnalysedChunk } from "../extraction/extractor.ts";
import { LIMITS } from "../limits.ts";
import type { IndexedChunk } from "../search-index/search-index.ts";

/**
 * Where a document's chunks wait until its text is published. They cannot go into the index before that, for two reasons: the index's
 * time must not be the child's (a slow index would look like a document that takes too long), and a document that cannot be read
 * to its end must leave nothing in the index, whose statistics would count it.
 *
 * Small documents wait in memory, up to limits.chunkSpoolChars; the rest of a large one in a file without a name, which is gone with
 * the process, whatever becomes of it. One writer, then one reader.
 */
export class ChunkSpool {
  readonly #folder: string;
  readonly #name: string;
  readonly #memoryChars: number;
  readonly #batches: (readonly IndexedChunk[])[] = [];
  #batch: IndexedChunk[] = [];
  #file: FileHandle | null = null;
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
    if (this.#file !== null) {
      const lines = this.#file.readLines({ start: 0, encoding: "utf8", autoClose: false });
      for await (const line of lines) yield parseBatch(line);
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
    const line = Buffer.from(`${JSON.stringify(batch)}\n`, "utf8");
    for (let written = 0; written < line.length; ) {
      const { bytesWritten } = await this.#file.write(line, written, line.length - written, this.#fileBytes);
      written += bytesWritten;
      this.#fileBytes += bytesWritten;
    }
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

/** Only this process wrote the line, into a file that nobody else can open. */
function parseBatch(line: string): readonly IndexedChunk[] {
  return JSON.parse(line);
}
