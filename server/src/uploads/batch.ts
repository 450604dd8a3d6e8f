import { createHash } from "node:crypto";
import { MAX_BUCKET_NAMES, type NamedBucket, namedBuckets, TOO_MANY_BUCKETS } from "../buckets/named.ts";
import { CATALOGUE, type ErrorCode, type ErrorDetails, type JsonValue, WharfError } from "../errors.ts";
import { invalid } from "../files/fields.ts";
import { type BatchId, brandId, type TeamId } from "../ids.ts";
import { LIMITS } from "../limits.ts";
import type { Idempotency, UploadFields } from "./create.store.ts";
import { type CreateRequest, createIdempotency, validFields, validFilename } from "./create-session.ts";
import { parseIdempotencyKey } from "./idempotency.ts";

/**
 * Several uploads that one request creates (contract §8).
 *
 * - **client_file_id**: the client's name for a file of the batch; answers use it.
 * - **item**: what the manifest says of a file; **file**: what the bytes are. Each name stands once in both.
 * - **rejected**: an item whose own fields are wrong. It is told so, and the others go on.
 * - **key of an item**: makes it the create that it would be alone under that Idempotency-Key, whichever batch
 *   it stands in.
 */
export interface BatchRequest {
  readonly manifest: BucketFields & {
    readonly version: number;
    readonly batch_idempotency_key: string;
    readonly items: readonly ManifestItem[];
  };
  readonly files: readonly BatchFile[];
}

export interface BucketFields {
  readonly bucket_ids?: readonly string[] | undefined;
  readonly bucket_slugs?: readonly string[] | undefined;
  readonly bucket?: string | undefined;
  readonly create_missing_buckets?: boolean | undefined;
}

export interface ManifestItem extends BucketFields {
  readonly client_file_id: string;
  readonly filename: string;
  readonly title?: string | undefined;
  readonly tags?: readonly string[] | undefined;
  readonly metadata?: Readonly<Record<string, JsonValue>> | undefined;
  readonly idempotency_key?: string | undefined;
}

export interface BatchFile {
  readonly client_file_id: string;
  readonly filename: string;
  readonly content_type?: string | undefined;
  readonly size_bytes: number;
}

export interface ItemError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly retryable: boolean;
  readonly details: ErrorDetails;
}

export interface ValidBatch {
  readonly key: string;
  /** Null: each item has its own. */
  readonly shared: NamedBuckets | null;
  readonly items: readonly (ValidItem | RejectedItem)[];
}

export interface NamedBuckets {
  readonly buckets: readonly NamedBucket[];
  readonly createMissingBuckets: boolean;
}

export interface ValidItem extends UploadFields {
  readonly clientFileId: string;
  /** Null: the shared ones. */
  readonly own: NamedBuckets | null;
  /** Null: it has no key of its own. */
  readonly idempotency: Idempotency | null;
}

export interface RejectedItem {
  readonly clientFileId: string;
  readonly error: ItemError;
}

/** Throws WharfError for what is wrong with the whole of it; what is wrong with an item alone is its `error`. Pure. */
export function readBatch(request: BatchRequest, maxFileBytes: number): ValidBatch {
  const { manifest, files } = request;
  if (manifest.version !== 1)
    throw new WharfError("unsupported_manifest_version", { details: { field: "manifest.version" } });
  const key = readKey(manifest.batch_idempotency_key);
  const fileOf = pair(manifest.items, files);
  const shared = bucketsOf(manifest, "manifest", manifest.create_missing_buckets);
  const unbucketed = shared === null ? manifest.items.filter((item) => namedBuckets(item).length === 0) : [];
  if (unbucketed.length > 0)
    throw new WharfError("bucket_required", {
      message:
        "Name a bucket for every file: bucket, bucket_slugs or bucket_ids in the manifest, for all, or in each item that has none.",
      details: { field: "manifest.bucket", client_file_ids: unbucketed.map((item) => item.client_file_id) },
    });
  const keys = new Set<string>();
  const items = manifest.items.map((item) => readItem(item, fileOf(item.client_file_id), manifest, maxFileBytes, keys));
  return { key, shared, items };
}

function readKey(sent: string): string {
  const field = "manifest.batch_idempotency_key";
  if (sent === "") throw invalid(field, `${field} must not be empty: it makes the batch safe to send again.`);
  return validKey(sent, field);
}

function validKey(sent: string, field: string): string {
  const key = parseIdempotencyKey(sent);
  if (key !== null) return key;
  throw new WharfError("invalid_idempotency_key", {
    message: `${field} must have 1 to ${LIMITS.idempotencyKeyChars} printable ASCII characters.`,
    details: { field },
  });
}

/** BAT-1, BAT-2: the files by their names, each of which stands once in both lists. */
function pair(items: readonly ManifestItem[], files: readonly BatchFile[]): (name: string) => BatchFile {
  if (files.length === 0)
    throw invalid("files", `files must name 1 to ${LIMITS.batchFiles} files.`, { max: LIMITS.batchFiles });
  if (files.length > LIMITS.batchFiles || items.length > LIMITS.batchFiles)
    throw new WharfError("batch_too_large", {
      message: `A batch holds at most ${LIMITS.batchFiles} files; this one has ${Math.max(files.length, items.length)}. Split it.`,
      details: { field: files.length > LIMITS.batchFiles ? "files" : "manifest.items", max: LIMITS.batchFiles },
    });
  checkNames(items, "manifest.items");
  checkNames(files, "files");
  const byName = new Map(files.map((file) => [file.client_file_id, file]));
  const inItems = new Set(items.map((item) => item.client_file_id));
  const lonely = [
    ...items.filter((item) => !byName.has(item.client_file_id)),
    ...files.filter((file) => !inItems.has(file.client_file_id)),
  ];
  if (lonely.length > 0)
    throw new WharfError("missing_file_parts", {
      details: { field: "files", client_file_ids: lonely.map((one) => one.client_file_id) },
    });
  return (name) => {
    const file = byName.get(name);
    if (file === undefined) throw new Error(`${name} was there a moment ago`);
    return file;
  };
}

function checkNames(named: readonly { readonly client_file_id: string }[], field: string): void {
  const seen = new Set<string>();
  for (const [index, { client_file_id: name }] of named.entries()) {
    const details = { field: `${field}.${index}.client_file_id` };
    if (name.length > LIMITS.clientFileIdChars || !/^[A-Za-z0-9_.-]+$/.test(name) || name.startsWith("__"))
      throw new WharfError("invalid_client_file_id", { details });
    if (seen.has(name))
      throw new WharfError("duplicate_client_file_id", { details: { ...details, client_file_id: name } });
    seen.add(name);
  }
}

/**
 * BAT-6. The file's own name, type and size are those of its bytes (BAT-3); the manifest's name is what people read.
 * `keys`: those of the items before it.
 */
function readItem(
  item: ManifestItem,
  file: BatchFile,
  manifest: BatchRequest["manifest"],
  maxFileBytes: number,
  keys: Set<string>,
): ValidItem | RejectedItem {
  const clientFileId = item.client_file_id;
  const { filename, content_type, size_bytes } = file;
  try {
    const { tags, metadata } = item;
    const shown = validFilename(item.filename);
    const title = isAbsent(item.title) ? shown : item.title;
    const fields = validFields({ filename, content_type, size_bytes, title, tags, metadata }, maxFileBytes);
    const createMissing = item.create_missing_buckets ?? manifest.create_missing_buckets;
    const idempotency = idempotencyOf(item, file, manifest, keys);
    return { ...fields, clientFileId, own: bucketsOf(item, "", createMissing), idempotency };
  } catch (error) {
    if (!(error instanceof WharfError)) throw error;
    return { clientFileId, error: itemError(error) };
  }
}

/** An empty title counts as absent, as in a create (contract §12). */
function isAbsent(title: string | undefined): title is undefined | "" {
  return title === undefined || title === "";
}

function idempotencyOf(
  item: ManifestItem,
  file: BatchFile,
  manifest: BucketFields,
  keys: Set<string>,
): Idempotency | null {
  const field = "idempotency_key";
  if (item.idempotency_key === undefined) return null;
  const key = validKey(item.idempotency_key, field);
  if (keys.has(key))
    throw new WharfError("invalid_idempotency_key", {
      message: "Another item of this batch has this idempotency_key: one key is one file.",
      details: { field },
    });
  keys.add(key);
  return createIdempotency(key, createOf(item, file, manifest));
}

/** What the item would be as a request of its own: a key that made a session by either finds it by the other. */
function createOf(item: ManifestItem, file: BatchFile, manifest: BucketFields): CreateRequest {
  const { filename, title, tags, metadata, create_missing_buckets } = item;
  const { bucket, bucket_ids, bucket_slugs } = namedBuckets(item).length > 0 ? item : manifest;
  return {
    filename: file.filename,
    content_type: file.content_type,
    size_bytes: file.size_bytes,
    title: isAbsent(title) && filename !== file.filename ? filename : title,
    tags,
    metadata,
    bucket,
    bucket_ids,
    bucket_slugs,
    create_missing_buckets: create_missing_buckets ?? manifest.create_missing_buckets,
  };
}

export function itemError({ code, message, details }: WharfError): ItemError {
  return { code, message, retryable: CATALOGUE[code].retryable, details };
}

/** Null: none is named. */
function bucketsOf(fields: BucketFields, at: string, createMissing: boolean | undefined): NamedBuckets | null {
  const buckets = namedBuckets(fields);
  if (buckets.length === 0) return null;
  if (buckets.length > MAX_BUCKET_NAMES)
    throw invalid(at === "" ? "bucket_ids" : `${at}.bucket_ids`, TOO_MANY_BUCKETS, { max: LIMITS.buckets });
  return { buckets, createMissingBuckets: createMissing ?? false };
}

/**
 * BAT-8: the same for the same team and key, and nothing that tells the key. Hexadecimal digits are an id's characters.
 */
export function batchIdOf(teamId: TeamId, key: string): BatchId {
  return brandId("batch", `batch_${createHash("sha256").update(`${teamId}\0${key}`).digest("hex").slice(0, 26)}`);
}

/** What two requests with one key must agree on: the fields that are known, as they were sent. */
export function knownBatchFields({ manifest, files }: BatchRequest): { readonly [field: string]: JsonValue } {
  const { version, items } = manifest;
  return pruned({
    version,
    ...bucketFields(manifest),
    items: items.map(({ client_file_id, filename, title, tags, metadata, idempotency_key, ...buckets }) =>
      pruned({ client_file_id, filename, title, tags, metadata, idempotency_key, ...bucketFields(buckets) }),
    ),
    files: files.map(({ client_file_id, filename, content_type, size_bytes }) =>
      pruned({ client_file_id, filename, content_type, size_bytes }),
    ),
  });
}

function bucketFields({ bucket_ids, bucket_slugs, bucket, create_missing_buckets }: BucketFields) {
  return { bucket_ids, bucket_slugs, bucket, create_missing_buckets };
}

function pruned(fields: Readonly<Record<string, JsonValue | undefined>>): { readonly [field: string]: JsonValue } {
  const given: Record<string, JsonValue> = {};
  for (const [name, value] of Object.entries(fields)) if (value !== undefined) given[name] = value;
  return given;
}
