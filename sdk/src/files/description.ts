import { randomHex } from "../core/hex.ts";
import { sha256OfText } from "./content.ts";

/** How an upload is described to the server: the fields of a create (contract §2). */
export interface Description {
  readonly filename: string;
  readonly content_type?: string | undefined;
  readonly title?: string | undefined;
  readonly tags?: readonly string[] | undefined;
  readonly metadata?: Readonly<Record<string, unknown>> | undefined;
  readonly bucket_ids?: readonly string[] | undefined;
  readonly bucket_slugs?: readonly string[] | undefined;
  readonly create_missing_buckets?: true | undefined;
}

/** What the caller says of a file. */
export interface FileOptions {
  /** Default: the source's own name; one that has none needs it. 1 to 255 characters. */
  readonly filename?: string | undefined;
  /** Slug or id of a bucket, or several. */
  readonly bucket?: string | readonly string[] | undefined;
  /** Slugs that do not exist are made with the session. */
  readonly createMissingBuckets?: boolean | undefined;
  /** Default: the source's own, if it declares one. The server looks at the content all the same. */
  readonly contentType?: string | undefined;
  /** At most 512 characters; default: the file name. */
  readonly title?: string | undefined;
  /** At most 20 of 64 characters. */
  readonly tags?: readonly string[] | undefined;
  /** At most 8 192 bytes as JSON. */
  readonly metadata?: Readonly<Record<string, unknown>> | undefined;
}

export function describe(
  options: FileOptions,
  content: { readonly name: string | null; readonly type: string | null },
): Description {
  return {
    // Without any the server says what is missing, in the contract's words.
    filename: options.filename ?? content.name ?? "",
    content_type: options.contentType ?? content.type ?? undefined,
    title: options.title,
    tags: options.tags,
    metadata: options.metadata,
    ...bucketFields(options.bucket),
    create_missing_buckets: options.createMissingBuckets === true ? true : undefined,
  };
}

/** What begins `bucket_` is an id, and never a slug (contract §12). */
export function bucketFields(
  bucket: string | readonly string[] = [],
): Pick<Description, "bucket_ids" | "bucket_slugs"> {
  const all = typeof bucket === "string" ? [bucket] : bucket;
  const ids = all.filter((text) => text.startsWith("bucket_"));
  const slugs = all.filter((text) => !text.startsWith("bucket_"));
  return {
    bucket_ids: ids.length === 0 ? undefined : ids,
    bucket_slugs: slugs.length === 0 ? undefined : slugs,
  };
}

/**
 * The Idempotency-Key: the same content under the same name with the same description is the same upload, on any day
 * and any machine. So running a killed program again finds its session and goes on, and running a finished one again
 * makes no second file. The path is not in it: moving a folder must not upload it twice; nor is
 * `create_missing_buckets`, which changes nothing about the file. `after`: ids of earlier files of this content that
 * were deleted since. Without a digest it is one of its own, for this call alone.
 */
export async function idempotencyKey(
  content: Digested,
  description: Description,
  after: readonly string[],
): Promise<string> {
  // The name is from when the command line alone had it: with another, what was uploaded last week would be uploaded
  // twice.
  return keyOf(
    "wharf-cli",
    [content],
    [
      content.sha256,
      content.sizeBytes,
      description.filename,
      description.content_type ?? null,
      description.title ?? null,
      [...(description.tags ?? [])].sort(),
      description.metadata ?? null,
      [...(description.bucket_ids ?? [])].sort(),
      [...(description.bucket_slugs ?? [])].sort(),
      after,
    ],
  );
}

/** The same of several contents and all that is said of them. */
export function contentKey(contents: readonly Digested[], told: unknown): Promise<string> {
  return keyOf("wharf-batch", contents, [contents.map(({ sha256, sizeBytes }) => [sha256, sizeBytes]), told]);
}

interface Digested {
  readonly sizeBytes: number;
  readonly sha256: string | null;
}

async function keyOf(kind: string, contents: readonly Digested[], told: unknown): Promise<string> {
  const isKnown = contents.every(({ sha256 }) => sha256 !== null);
  const digest = isKnown ? await sha256OfText(JSON.stringify(told)) : null;
  return `${kind}-${digest ?? randomHex()}`;
}
