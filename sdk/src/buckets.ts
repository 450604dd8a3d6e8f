import type { CallOptions, Calls, Input, Result } from "./core/calls.ts";
import { Pages } from "./core/pages.ts";
import { at } from "./files/files.ts";
import type { Bucket, KnowledgeFile } from "./generated/types.ts";

type Page = Result<"listBuckets"> & { readonly next_cursor: string | null };

/** `wharf.buckets` */
export class Buckets {
  readonly #calls: Calls;

  constructor(calls: Calls) {
    this.#calls = calls;
  }

  /** Active ones, and archived ones with `include_archived`. `limit` is of a page. */
  list(
    query: Omit<NonNullable<Input<"listBuckets">["query"]>, "cursor"> = {},
    options: CallOptions = {},
  ): Pages<Bucket, Page> {
    return new Pages(
      async (cursor) => {
        // Without a limit the API answers with all at once, and names the files of each.
        const page = await this.#calls.json("listBuckets", { query: { limit: 200, ...query, ...at(cursor) } }, options);
        return { ...page, next_cursor: page.next_cursor ?? null };
      },
      ({ buckets }) => buckets,
    );
  }

  create(body: Input<"createBucket">["body"], options: CallOptions = {}): Promise<Result<"createBucket">> {
    return this.#calls.json("createBucket", { body }, options);
  }

  get(id: string, options: CallOptions = {}): Promise<Result<"getBucket">> {
    return this.#calls.json("getBucket", { path: { bucket_id: id } }, options);
  }

  /** `status: "archived"` takes it out of search and out of creates. */
  update(id: string, body: Input<"changeBucket">["body"], options: CallOptions = {}): Promise<Result<"changeBucket">> {
    return this.#calls.json("changeBucket", { path: { bucket_id: id }, body }, options);
  }

  /** With `force` also one that has files: those in no other bucket are deleted with it. */
  delete(
    id: string,
    { force = false, ...options }: CallOptions & { readonly force?: boolean } = {},
  ): Promise<Result<"deleteBucket">> {
    return this.#calls.json("deleteBucket", { path: { bucket_id: id }, query: { force } }, options);
  }

  files(
    id: string,
    query: Omit<NonNullable<Input<"listBucketFiles">["query"]>, "cursor"> = {},
    options: CallOptions = {},
  ): Pages<KnowledgeFile, Result<"listBucketFiles">> {
    return new Pages(
      (cursor) =>
        this.#calls.json("listBucketFiles", { path: { bucket_id: id }, query: { ...query, ...at(cursor) } }, options),
      ({ files }) => files,
    );
  }
}
