import { type CallOptions, type Calls, type Input, never, type Result } from "../core/calls.ts";
import type { OpenAnswer } from "../core/exchange.ts";
import { Pages } from "../core/pages.ts";
import type { KnowledgeFile } from "../generated/types.ts";
import { type OpenPath, openContent, type Source } from "./content.ts";
import { describe, type FileOptions } from "./description.ts";
import { type OneCallFile, storeInOneCall } from "./one-call.ts";
import { type OnProgress, store, type UploadedFile } from "./upload.ts";
import { type FileToUpload, type ManyOptions, ManyUploads, type UploadResult } from "./upload-many.ts";
import { type WaitOptions, waitUntilIndexed } from "./wait.ts";

export interface UploadOptions extends FileOptions, CallOptions {
  /** Told how far the upload is. */
  readonly onProgress?: OnProgress | undefined;
}

type ListQuery = Omit<NonNullable<Input<"listFiles">["query"]>, "cursor">;

export interface FileFilter extends ListQuery {
  /** Files whose metadata has these values, compared as JSON text. */
  readonly metadata?: Readonly<Record<string, string | number | boolean | null>> | undefined;
}

/** `wharf.files` */
export class Files {
  readonly #calls: Calls;
  readonly #openPath: OpenPath;

  constructor(calls: Calls, openPath: OpenPath) {
    this.#calls = calls;
    this.#openPath = openPath;
  }

  /**
   * Uploads one file: a path (in Node), a File, Blob or bytes, or a stream, which is kept in memory. It survives lost
   * connections and refusals that pass, and sends no byte again that the server has. Uploading the same content again,
   * under the same name and with the same options, continues what was interrupted or finds the file that is there; it
   * never makes a second one.
   *
   * Rejects with ApiError, with WharfError `unreadable` or `file_changed`, with ConnectionError after `retryForMs`
   * without progress, or with the signal's reason.
   */
  async upload(source: Source, options: UploadOptions = {}): Promise<UploadedFile> {
    const { signal = never(), onProgress = () => {} } = options;
    const watch = { signal, onProgress, onSession: () => {} };
    const content = await openContent(source, this.#openPath, signal);
    try {
      return await store(this.#calls, content, describe(options, content), watch);
    } finally {
      await content.close();
    }
  }

  /**
   * Uploads one small file in a single request instead of three: one round trip, and the whole file in memory. A lost
   * connection begins it again from the first byte, so what takes long to send is better off with `upload`. The same
   * retries; the same content, name and options make no second file here either, but a call of `upload` knows nothing
   * of one of these, nor the other way round.
   *
   * Rejects as `upload` does.
   */
  async uploadInOneCall(source: Source, options: FileOptions & CallOptions = {}): Promise<OneCallFile> {
    const { signal = never() } = options;
    const content = await openContent(source, this.#openPath, signal);
    try {
      return await storeInOneCall(this.#calls, content, describe(options, content), signal);
    } finally {
      await content.close();
    }
  }

  /**
   * Uploads many files, each as `upload` does: the same keys, resumed and found again in the same way, whatever
   * other files stand beside it. They go in batches of 50, each of which counts as one create, and costs a request
   * for its bytes alone. The results are in the order of the files; what is wrong with one is its `error`, and the
   * others go on.
   *
   * Rejects when no file can go any further: with ApiError when the key is refused, or with the signal's reason. A
   * batch that has no answer for `retryForMs` is the ConnectionError of each of its files.
   */
  uploadMany(files: Iterable<FileToUpload>, options: ManyOptions = {}): Promise<readonly UploadResult[]> {
    return new ManyUploads(this.#calls, this.#openPath, options).upload(files);
  }

  /**
   * The file, once it is indexed: from that instant search finds it. Rejects with IndexingError when it cannot be, with
   * WaitTimeoutError when `timeoutMs` is over.
   */
  waitUntilIndexed(id: string, options: WaitOptions = {}): Promise<Result<"getFile">> {
    return waitUntilIndexed(this.#calls, id, options);
  }

  get(id: string, options: CallOptions = {}): Promise<Result<"getFile">> {
    return this.#calls.json("getFile", { path: { file_id: id } }, options);
  }

  /** Newest first. `limit` is of a page. */
  list(filter: FileFilter = {}, options: CallOptions = {}): Pages<KnowledgeFile, Result<"listFiles">> {
    const { metadata = {}, ...plain } = filter;
    const wanted = Object.entries(metadata).map(([name, value]) => [`metadata.${name}`, String(value)] as const);
    return new Pages(
      (cursor) =>
        this.#calls.json("listFiles", { query: { ...plain, ...Object.fromEntries(wanted), ...at(cursor) } }, options),
      ({ files }) => files,
    );
  }

  /** Replaces each field that is given; buckets as a set. */
  update(id: string, change: Input<"changeFile">["body"], options: CallOptions = {}): Promise<Result<"changeFile">> {
    return this.#calls.json("changeFile", { path: { file_id: id }, body: change }, options);
  }

  /** From the answer on no search finds it; its bytes are gone within a minute. */
  delete(id: string, options: CallOptions = {}): Promise<Result<"deleteFile">> {
    return this.#calls.json("deleteFile", { path: { file_id: id } }, options);
  }

  /** All that the filter matches, at most 1 000 a call; `dry_run` counts them first. */
  deleteMatching(body: Input<"deleteFiles">["body"], options: CallOptions = {}): Promise<Result<"deleteFiles">> {
    return this.#calls.json("deleteFiles", { body }, options);
  }

  /** Has it read and indexed again. */
  reindex(id: string, options: CallOptions = {}): Promise<Result<"reindexFile">> {
    return this.#calls.json("reindexFile", { path: { file_id: id } }, options);
  }

  /** The extracted text, by page. */
  text(
    id: string,
    { page, ...options }: CallOptions & { readonly page?: number } = {},
  ): Promise<Result<"getFileText">> {
    const query = page === undefined ? {} : { query: { page } };
    return this.#calls.json("getFileText", { path: { file_id: id }, ...query }, options);
  }

  /** The original, as it comes: `for await (const chunk of (await wharf.files.content(id)).chunks()) …`. */
  content(id: string, options: CallOptions = {}): Promise<OpenAnswer> {
    return this.#calls.open("getFileContent", { path: { file_id: id } }, {}, options);
  }
}

export function at(cursor: string | null): { readonly cursor?: string } {
  return cursor === null ? {} : { cursor };
}
