import { type CallOptions, type Calls, type Input, never, type Result } from "../core/calls.ts";
import { ApiError, WharfError } from "../core/errors.ts";
import { randomHex } from "../core/hex.ts";
import { eachInLanes } from "../core/lanes.ts";
import { type Content, type OpenPath, openContent, type Source } from "./content.ts";
import { type Description, describe, type FileOptions, idempotencyKey } from "./description.ts";
import { type OnProgress, sendBytes, store, type UploadedFile, type UploadWatch } from "./upload.ts";

export interface FileToUpload extends FileOptions {
  readonly source: Source;
  /** Told how far this file is, from when its bytes are about to be sent. */
  readonly onProgress?: OnProgress | undefined;
  /** Told each session that the file's bytes go to: for who wants to give one up on the server, too. */
  readonly onSession?: UploadWatch["onSession"] | undefined;
  /** Ends this file alone, at once: the signal's reason is its `error`, and the others go on. */
  readonly signal?: AbortSignal | undefined;
}

/** How it ended for one file. */
export type UploadResult = { readonly file: UploadedFile } | { readonly error: unknown };

export interface ManyOptions extends CallOptions {
  /** Told of each file when its upload has ended, by its place among the files. */
  readonly onResult?: ((place: number, result: UploadResult) => void) | undefined;
}

/**
 * A batch may hold twice as many; but nothing of one is indexed before all of its bytes are there, and five a second
 * are more than a server takes in.
 */
const BATCH_FILES = 50;
/** A batch on a slow line must not outlast its sessions, and small files are kept in memory until they are sent. */
const BATCH_BYTES = 16 * 1024 * 1024;
/** While one is sent, the files of the next are read. */
const BATCHES_AT_ONCE = 2;
/**
 * Hides the waits of one file behind the bytes of another, and the server syncs to its disk once for what
 * came together.
 */
const FILES_AT_ONCE = 4;

interface Item {
  readonly place: number;
  readonly content: Content;
  readonly description: Description;
  readonly watch: UploadWatch;
}

/** One that can be in a batch: it has a digest, and so a key that is the same another time. */
interface BatchedItem extends Item {
  readonly id: string;
  readonly sha256: string;
  readonly key: string;
}

/**
 * Uploads of many files, by batches in which each item has the key that its upload alone would have. So an item is the
 * same upload in whatever batch it stands, and what does not go its straight way in a batch goes on alone
 * (files/upload.ts), where every trouble has its answer.
 */
export class ManyUploads {
  readonly #calls: Calls;
  readonly #openPath: OpenPath;
  readonly #signal: AbortSignal;
  readonly #onResult: (place: number, result: UploadResult) => void;
  readonly #results: UploadResult[] = [];
  /** A server that knows no keys of items would make every file again. */
  #batchesHaveKeys = true;

  constructor(calls: Calls, openPath: OpenPath, { signal = never(), onResult = () => {} }: ManyOptions) {
    this.#calls = calls;
    this.#openPath = openPath;
    this.#signal = signal;
    this.#onResult = onResult;
  }

  /**
   * In the order of the files. Rejects with the signal's reason, or when the key is refused: no file can go further.
   */
  async upload(files: Iterable<FileToUpload>): Promise<readonly UploadResult[]> {
    await eachInLanes(this.#batches(files), BATCHES_AT_ONCE, async (items) => {
      try {
        await this.#uploadTogether(items);
      } finally {
        await closeAll(items);
      }
    });
    return this.#results;
  }

  /** Opened one after the other: two lanes that did so at once would share out the last ones. */
  async *#batches(files: Iterable<FileToUpload>): AsyncGenerator<readonly Item[]> {
    const left = numbered(files);
    for (let items = await this.#next(left); items.length > 0; items = await this.#next(left)) yield items;
  }

  /** The next ones, as many as go into a batch. */
  async #next(left: Iterator<[number, FileToUpload]>): Promise<readonly Item[]> {
    const items: Item[] = [];
    let bytes = 0;
    while (items.length < BATCH_FILES && bytes < BATCH_BYTES) {
      const next = left.next();
      if (next.done === true) break;
      const [place, { source, onProgress = () => {}, onSession = () => {}, signal: own, ...options }] = next.value;
      const signal = own === undefined ? this.#signal : AbortSignal.any([this.#signal, own]);
      try {
        signal.throwIfAborted();
        const content = await openContent(source, this.#openPath, signal);
        items.push({
          place,
          content,
          description: describe(options, content),
          watch: { onProgress, onSession, signal },
        });
        bytes += content.sizeBytes;
      } catch (error) {
        // Nobody gets those before it any more.
        if (this.#endsAll(error)) await closeAll(items);
        this.#failed(place, error);
      }
    }
    return items;
  }

  async #uploadTogether(items: readonly Item[]): Promise<void> {
    const batched = items.length > 1 && this.#batchesHaveKeys ? await keyed(items) : [];
    try {
      await this.#uploadBatch(batched);
    } catch (error) {
      // The server refused the batch as it is: alone, its files may be taken.
      const goOnAlone = error instanceof ApiError && !isRefusedKey(error);
      for (const { place } of goOnAlone ? [] : this.#open(batched)) this.#failed(place, error);
    }
    await eachInLanes(this.#open(items), FILES_AT_ONCE, (item) => this.#uploadAlone(item));
  }

  /** Those whose upload has not ended. */
  #open<Some extends Item>(items: readonly Some[]): readonly Some[] {
    return items.filter(({ place }) => this.#results[place] === undefined);
  }

  async #uploadAlone({ place, content, description, watch }: Item): Promise<void> {
    try {
      this.#ended(place, { file: await store(this.#calls, content, description, watch) });
    } catch (error) {
      this.#failed(place, error);
    }
  }

  /** Brings to an end what it can. */
  async #uploadBatch(items: readonly BatchedItem[]): Promise<void> {
    const batch = items.length === 0 ? null : await this.#create(items);
    if (batch === null) return;
    const byId = new Map(items.map((item) => [item.id, item]));
    const sent = new Map<string, Sent>();
    await eachInLanes(
      batch.accepted,
      FILES_AT_ONCE,
      async ({ client_file_id: id, session_id, upload_url: url, replayed }) => {
        const item = byId.get(id);
        if (item === undefined) throw new WharfError("bad_answer", `The server accepted ${id}, which it was not sent.`);
        const { place, content, watch } = item;
        try {
          watch.onProgress({ step: "read", sentBytes: 0, totalBytes: content.sizeBytes });
          watch.onSession(session_id);
          const resumedAt = await sendBytes({ calls: this.#calls, content, ...watch }, url, replayed);
          if (resumedAt !== "gone") sent.set(id, { item, replayed, resumedAt });
        } catch (error) {
          this.#failed(place, error);
        }
      },
    );
    if (sent.size > 0) await this.#finalize(batch.batch_id, [...sent.values()]);
  }

  /** Null: the server makes no difference between items with keys and without, and nothing is left of the batch. */
  async #create(items: readonly BatchedItem[]): Promise<Result<"createUploadBatch"> | null> {
    const options = { signal: this.#signal };
    const batch = await this.#calls.json("createUploadBatch", { body: bodyOf(items) }, options);
    if (batch.accepted.every(({ replayed }) => typeof replayed === "boolean")) return batch;
    this.#batchesHaveKeys = false;
    for (const { session_id } of batch.accepted)
      await this.#calls.json("cancelUploadSession", { path: { session_id } }, options);
    return null;
  }

  /** What has no file after it, or one that was deleted since or has other bytes, goes on alone. */
  async #finalize(batchId: string, sent: readonly Sent[]): Promise<void> {
    const path = { batch_id: batchId };
    const sha256 = Object.fromEntries(sent.map(({ item }) => [item.id, item.sha256]));
    const options = { signal: this.#signal };
    await this.#calls.json("finalizeUploadBatch", { path, body: { mode: "finalize_uploaded", sha256 } }, options);
    const batch = await this.#calls
      .json("getBatch", { path, query: { include_items: true } }, options)
      .catch((error: unknown) => {
        // A key that may write and not read: each by itself is told of its file.
        if (ApiError.is(error, "forbidden_scope")) return null;
        throw error;
      });
    if (batch === null) return;
    const files = new Map(batch.items?.map(({ client_file_id: id, file }) => [id, file]));
    for (const { item, replayed, resumedAt } of sent) {
      const file = files.get(item.id) ?? null;
      // Its key may have made a file of other bytes, which no one compared: alone it is told so.
      if (file === null || file.status === "deleted" || file.sha256 !== item.sha256) continue;
      const alreadyThere = replayed && resumedAt === null && file.status !== "queued";
      const resumedAtBytes = resumedAt ?? item.content.sizeBytes;
      this.#ended(item.place, { file: { ...file, request_id: batch.request_id, alreadyThere, resumedAtBytes } });
    }
  }

  #ended(place: number, result: UploadResult): void {
    this.#results[place] = result;
    this.#onResult(place, result);
  }

  #failed(place: number, error: unknown): void {
    if (this.#endsAll(error)) throw error;
    this.#ended(place, { error });
  }

  #endsAll(error: unknown): boolean {
    return this.#signal.aborted || isRefusedKey(error);
  }
}

interface Sent {
  readonly item: BatchedItem;
  readonly replayed: boolean;
  /** Where sending began; null = nothing had to be sent. */
  readonly resumedAt: number | null;
}

function* numbered<Some>(all: Iterable<Some>): Generator<[number, Some]> {
  let place = 0;
  for (const one of all) yield [place++, one];
}

/** Those that can be in a batch; who was ended meanwhile is told so alone. */
async function keyed(items: readonly Item[]): Promise<readonly BatchedItem[]> {
  const known: BatchedItem[] = [];
  for (const item of items) {
    const { sha256 } = item.content;
    if (sha256 === null || item.watch.signal.aborted) continue;
    const key = await idempotencyKey(item.content, item.description, []);
    known.push({ ...item, id: String(item.place), sha256, key });
  }
  return known;
}

/** Every item names its buckets: its key is of the create that it would be alone. */
function bodyOf(items: readonly BatchedItem[]): Input<"createUploadBatch">["body"] {
  return {
    manifest: {
      version: 1,
      batch_idempotency_key: `wharf-${randomHex()}`,
      items: items.map(({ id, key, description: { content_type: _, ...description } }) => ({
        client_file_id: id,
        idempotency_key: key,
        ...description,
      })),
    },
    files: items.map(({ id, content: { sizeBytes }, description: { filename, content_type } }) => ({
      client_file_id: id,
      filename,
      content_type,
      size_bytes: sizeBytes,
    })),
  };
}

async function closeAll(items: readonly Item[]): Promise<void> {
  for (const { content } of items) await content.close();
}

function isRefusedKey(error: unknown): boolean {
  return error instanceof ApiError && (error.status === 401 || error.status === 403);
}
