import { MAX_BUCKET_NAMES, type NamedBucket, namedBuckets, TOO_MANY_BUCKETS } from "../buckets/named.ts";
import type { Catalogue } from "../catalogue/catalogue.ts";
import { accepted, type JsonValue, WharfError } from "../errors.ts";
import type { BucketId, FileId } from "../ids.ts";
import { LIMITS } from "../limits.ts";
import type { Log } from "../log.ts";
import { titleTokenText } from "../search-index/analyze.ts";
import { type BuildLabels, type SearchIndex, SearchIndexError } from "../search-index/search-index.ts";
import { changeFile, type FileChange } from "./change-file.store.ts";
import { validMetadata, validTags, validTitle } from "./fields.ts";
import {
  findLabels,
  forgetDirtyLabels,
  type Labels,
  markLabelsClean,
  markLabelsDirty,
  readLabels,
} from "./labels.store.ts";
import { tagKey } from "./tag-key.ts";
import type { FileRef, FileView } from "./view.store.ts";

/** A PATCH as its schema lets it through (contract §7). */
export interface ChangeRequest {
  readonly title?: string | undefined;
  readonly tags?: readonly string[] | undefined;
  readonly metadata?: Readonly<Record<string, JsonValue>> | undefined;
  readonly bucket_ids?: readonly string[] | undefined;
  readonly bucket_slugs?: readonly string[] | undefined;
  readonly bucket?: string | undefined;
}

/** The same, checked; `buckets` null stays. */
export interface WantedChange extends Omit<FileChange, "buckets"> {
  readonly buckets: readonly NamedBucket[] | null;
}

/** Throws WharfError naming the field. Pure. */
export function readChange(request: ChangeRequest): WantedChange {
  const { title, tags, metadata } = request;
  return {
    // An empty title counts as absent, as in create.
    title: title === undefined || title === "" ? undefined : validTitle(title),
    tags: tags === undefined ? undefined : validTags(tags),
    metadata: metadata === undefined ? undefined : validMetadata(metadata),
    buckets: readBuckets(request),
  };
}

/** A set: whatever form names buckets replaces all of them. */
function readBuckets(request: ChangeRequest): readonly NamedBucket[] | null {
  const { bucket_ids, bucket_slugs, bucket } = request;
  if (bucket_ids === undefined && bucket_slugs === undefined && bucket === undefined) return null;
  const named = namedBuckets(request);
  if (named.length === 0)
    throw new WharfError("bucket_required", {
      message: "A file is in at least one bucket: name some, or leave the bucket fields out and it stays where it is.",
      details: { field: "bucket_ids" },
    });
  if (named.length > MAX_BUCKET_NAMES) throw tooManyBuckets();
  return named;
}

function tooManyBuckets(): WharfError {
  return new WharfError("invalid_request", {
    message: TOO_MANY_BUCKETS,
    details: { field: "bucket_ids", max: LIMITS.buckets },
  });
}

export interface FileChangesDeps {
  readonly catalogue: Catalogue;
  readonly index: SearchIndex;
  readonly log: Log;
}

/**
 * Changes of files that search shows. The index must never know less than the catalogue (search-index.ts): it is told
 * the old and the new labels, then the catalogue changes in one transaction, then the index is told the new ones alone.
 * So a changed title is found from the answer on, and a file moves from one bucket's searches to another's in one
 * instant. Whatever ends in between leaves a mark, and maintenance goes on there.
 */
export class FileChanges {
  readonly #deps: FileChangesDeps;
  /** Changes under way, by file; they never reject. */
  readonly #running = new Map<FileId, Promise<void>>();

  constructor(deps: FileChangesDeps) {
    this.#deps = deps;
  }

  /** Throws `file_not_found`, `bucket_assignment_failed`, `invalid_request` and `storage_unavailable`. */
  change(ref: FileRef, wanted: WantedChange): Promise<FileView> {
    return this.#inTurn(ref.fileId, async () => {
      // Each round answers, or has seen another build or other labels take over.
      for (let round = 0; round < ROUNDS; round++) {
        const file = await this.#attempt(ref, wanted);
        if (file !== null) return file;
      }
      throw new WharfError("storage_unavailable", {
        message: "The file was being indexed again and again meanwhile; try again after Retry-After seconds.",
      });
    });
  }

  /** Makes the index's labels of the file those that the catalogue has. False: it will have to be done again. */
  relabel(fileId: FileId): Promise<boolean> {
    return this.#inTurn(fileId, () => this.#settle(fileId));
  }

  async #attempt(ref: FileRef, { buckets, ...fields }: WantedChange): Promise<FileView | null> {
    const { catalogue } = this.#deps;
    const found = accepted(await catalogue.run(findLabels, { ...ref, buckets }));
    const before = found.labels;
    const bucketIds = found.bucketIds ?? undefined;
    if (bucketIds !== undefined && bucketIds.length > LIMITS.buckets) throw tooManyBuckets();
    const after = withChange(before, { ...fields, buckets: bucketIds });
    if (before.build !== null && tellsMore(before, after) && !(await this.#tellBoth(before, after, before.build)))
      return null;
    const prepared = { labels: before.labels, build: before.build };
    const { file } = accepted(
      await catalogue.run(changeFile, { ...ref, change: { ...fields, buckets: bucketIds }, prepared }),
    );
    // A large file's old labels, which let too much through and nothing more, go without the client.
    const isShown = file !== null && before.build !== null;
    if (isShown && before.chunks <= LIMITS.labelledAtOnceChunks) await this.#settleQuietly(ref.fileId);
    return file;
  }

  async #tellBoth(before: Labels, after: Labels, build: string): Promise<boolean> {
    const { catalogue } = this.#deps;
    const { fileId, labels } = before;
    if (!(await catalogue.run(markLabelsDirty, { fileId, labels, build }))) return false;
    await this.#tell(union(indexLabels(before, build), indexLabels(after, build)), before);
    return true;
  }

  async #settle(fileId: FileId): Promise<boolean> {
    const { catalogue } = this.#deps;
    const now = await catalogue.run(readLabels, { fileId });
    if (now === null || now.build === null) return catalogue.run(forgetDirtyLabels, { fileId });
    await this.#tell(indexLabels(now, now.build), now);
    return catalogue.run(markLabelsClean, { fileId, labels: now.labels, build: now.build });
  }

  /** The catalogue has changed already: the answer does not wait for a second try. */
  async #settleQuietly(fileId: FileId): Promise<void> {
    try {
      await this.#settle(fileId);
    } catch (err) {
      this.#deps.log.warn({ file_id: fileId, err }, "the search index keeps old labels of a file until maintenance");
    }
  }

  async #tell(labels: BuildLabels, { teamId }: Labels): Promise<void> {
    try {
      await this.#deps.index.label(teamId, labels);
    } catch (cause) {
      if (!(cause instanceof SearchIndexError)) throw cause;
      throw new WharfError("storage_unavailable", {
        message:
          "The search index does not answer right now, and nothing was changed; try again after Retry-After seconds.",
        cause,
      });
    }
  }

  /** One after another for each file. */
  async #inTurn<T>(fileId: FileId, work: () => Promise<T>): Promise<T> {
    const result = (this.#running.get(fileId) ?? Promise.resolve()).then(work);
    const ended = result.then(
      () => {},
      () => {},
    );
    this.#running.set(fileId, ended);
    try {
      return await result;
    } finally {
      if (this.#running.get(fileId) === ended) this.#running.delete(fileId);
    }
  }
}

const ROUNDS = 5;

function withChange(before: Labels, { title, tags, buckets }: FileChange): Labels {
  return {
    ...before,
    title: title ?? before.title,
    tags: tags ?? before.tags,
    buckets: buckets ?? before.buckets,
  };
}

/** Whether the index has to know something new before the catalogue does. */
function tellsMore(before: Labels, after: Labels): boolean {
  const keys = new Set(before.tags.map(tagKey));
  return (
    after.title !== before.title ||
    after.tags.some((tag) => !keys.has(tagKey(tag))) ||
    after.buckets.some((bucket) => !before.buckets.includes(bucket))
  );
}

function indexLabels({ fileId, filename, title, tags, buckets }: Labels, build: string): BuildLabels {
  return { file: fileId, build, buckets, tags: tags.map(tagKey), titleTokens: titleTokenText(filename, title) };
}

function union(a: BuildLabels, b: BuildLabels): BuildLabels {
  const tokens = new Set([...a.titleTokens.split(" "), ...b.titleTokens.split(" ")].filter((token) => token !== ""));
  return {
    ...a,
    buckets: [...new Set<BucketId>([...a.buckets, ...b.buckets])],
    tags: [...new Set([...a.tags, ...b.tags])],
    titleTokens: [...tokens].join(" "),
  };
}
