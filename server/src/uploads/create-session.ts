import { MAX_BUCKET_NAMES, type NamedBucket, namedBuckets, TOO_MANY_BUCKETS } from "../buckets/named.ts";
import type { Catalogue } from "../catalogue/catalogue.ts";
import type { Config } from "../config.ts";
import { accepted, isRefusal, type JsonValue, type Refusal, refuse, WharfError } from "../errors.ts";
import { codePoints, invalid, validMetadata, validTags, validTitle } from "../files/fields.ts";
import type { IdSource, TeamId } from "../ids.ts";
import { LIMITS } from "../limits.ts";
import { parseMediaType } from "../media-type.ts";
import {
  type CreateInput,
  createSession as createSessionOperation,
  type Idempotency,
  type UploadFields,
} from "./create.store.ts";
import type { DiskGate } from "./disk-gate.ts";
import { fingerprintOf } from "./idempotency.ts";
import type { Session } from "./session.ts";
import { type TriedCreate, tryCreate } from "./try-create.store.ts";

/** The known fields of a create as the client sent them; absent ones are undefined (contract §2). */
export interface CreateRequest {
  readonly filename: string;
  readonly content_type?: string | undefined;
  readonly size_bytes: number;
  readonly title?: string | undefined;
  readonly tags?: readonly string[] | undefined;
  readonly metadata?: Readonly<Record<string, JsonValue>> | undefined;
  readonly bucket_ids?: readonly string[] | undefined;
  readonly bucket_slugs?: readonly string[] | undefined;
  readonly bucket?: string | undefined;
  readonly create_missing_buckets?: boolean | undefined;
}

export interface CreateDeps {
  readonly catalogue: Catalogue;
  readonly config: Pick<Config, "bucketsPerTeam" | "createsPerSecond" | "maxFileBytes" | "sessionTtlSeconds">;
  readonly ids: IdSource;
  readonly disk: DiskGate;
}

/** What the client gets, and what its RateLimit header says, also when it is refused (LIM-2). */
export type Created =
  | { readonly session: Session; readonly replayed: boolean; readonly remaining: number }
  | { readonly refusal: Refusal; readonly remaining: number };

/** Throws WharfError for what is wrong with the request itself; refusals of the transaction are returned. */
export async function createUploadSession(
  deps: CreateDeps,
  teamId: TeamId,
  request: CreateRequest,
  idempotencyKey: string | null,
): Promise<Created> {
  const valid = validateCreate(request, deps.config.maxFileBytes);
  const room = await deps.disk.roomForSession(teamId, valid.sizeBytes);
  const idempotency = idempotencyKey === null ? null : createIdempotency(idempotencyKey, request);
  const wanted = { teamId, valid, request, idempotency };
  if (typeof room === "string") {
    const created = await create(deps, { ...wanted, diskLow: true });
    const isShare = room === "team" && "refusal" in created && created.refusal.refused === "storage_full";
    return isShare ? { ...created, refusal: SHARE_USED_UP } : created;
  }
  let promised = false;
  try {
    const created = await create(deps, { ...wanted, diskLow: false });
    promised = "session" in created && !created.replayed;
    return created;
  } finally {
    if (!promised) room.giveBack();
  }
}

export const SHARE_USED_UP = refuse("overloaded", {
  message:
    "Your team's open upload sessions may still send as much as its share of the disk. Send their bytes or cancel some, or try again later.",
  details: { of: "disk", share: "team" },
});

export interface WantedCreate {
  readonly teamId: TeamId;
  readonly valid: ValidCreate;
  readonly request: CreateRequest;
  readonly idempotency: Idempotency | null;
  readonly diskLow: boolean;
}

async function create(deps: CreateDeps, wanted: WantedCreate): Promise<Created> {
  const output = await deps.catalogue.run(createSessionOperation, createInputOf(deps, wanted));
  if (!isRefusal(output)) return output;
  const { remaining, ...refusal } = output;
  return { refusal, remaining };
}

/** BAT-9, for one file. Throws what the create would be refused with, but for its rate. */
export async function tryUploadSession(
  deps: CreateDeps,
  teamId: TeamId,
  request: CreateRequest,
  idempotencyKey: string | null,
): Promise<TriedCreate> {
  const valid = validateCreate(request, deps.config.maxFileBytes);
  const room = await deps.disk.roomForSession(teamId, valid.sizeBytes);
  if (typeof room !== "string") room.giveBack();
  const idempotency = idempotencyKey === null ? null : createIdempotency(idempotencyKey, request);
  const wanted = { teamId, valid, request, idempotency, diskLow: typeof room === "string" };
  const tried = await deps.catalogue.run(tryCreate, createInputOf(deps, wanted));
  return accepted(room === "team" && isRefusal(tried) && tried.refused === "storage_full" ? SHARE_USED_UP : tried);
}

/** For the transaction. */
export function createInputOf(deps: Omit<CreateDeps, "disk">, wanted: WantedCreate): CreateInput {
  const { teamId, valid, request, idempotency, diskLow } = wanted;
  return {
    teamId,
    sessionId: deps.ids.next("sess"),
    ...valid,
    createMissingBuckets: request.create_missing_buckets ?? false,
    newBucketIds: valid.buckets.map(() => deps.ids.next("bucket")),
    idempotency,
    ttlMs: deps.config.sessionTtlSeconds * 1000,
    createsPerSecond: deps.config.createsPerSecond,
    diskLow,
    bucketsPerTeam: deps.config.bucketsPerTeam,
  };
}

export function createIdempotency(key: string, request: CreateRequest): Idempotency {
  return { operation: "create", key, fingerprint: fingerprintOf(knownFields(request)) };
}

/**
 * IDE-2: what two requests with one key must agree on. Members that nobody knows are ignored here as everywhere
 * (ALL-9).
 */
export function knownFields(request: CreateRequest): CreateRequest & Readonly<Record<string, JsonValue | undefined>> {
  const { filename, content_type, size_bytes, title, tags, metadata } = request;
  const { bucket_ids, bucket_slugs, bucket, create_missing_buckets } = request;
  return {
    filename,
    content_type,
    size_bytes,
    title,
    tags,
    metadata,
    bucket_ids,
    bucket_slugs,
    bucket,
    create_missing_buckets,
  };
}

interface ValidCreate extends UploadFields {
  readonly buckets: readonly NamedBucket[];
}

/** The rules of contract §2 and §12, field by field, in the order of its table. Pure. */
export function validateCreate(request: CreateRequest, maxFileBytes: number): ValidCreate {
  return { ...validFields(request, maxFileBytes), buckets: bucketWishes(request) };
}

export function validFields(
  request: Omit<CreateRequest, "bucket" | "bucket_ids" | "bucket_slugs" | "create_missing_buckets">,
  maxFileBytes: number,
): UploadFields {
  const { title } = request;
  const filename = validFilename(request.filename);
  return {
    filename,
    contentType: validContentType(request.content_type),
    sizeBytes: validSize(request.size_bytes, maxFileBytes),
    title: title === undefined || title === "" ? filename : validTitle(title),
    tags: JSON.stringify(validTags(request.tags ?? [])),
    metadata: validMetadata(request.metadata ?? {}),
  };
}

/**
 * Everything but control characters and lone surrogates is data: `..` and `/` too, for it never becomes a path of ours.
 */
export function validFilename(sent: string): string {
  const filename = sent.length > NFC_SHRINKS * LIMITS.filenameChars ? null : sent.normalize("NFC");
  const chars = filename === null ? 0 : codePoints(filename);
  if (
    filename === null ||
    chars < 1 ||
    chars > LIMITS.filenameChars ||
    /[\u0000-\u001f\u007f-\u009f]/.test(filename) ||
    !sent.isWellFormed()
  )
    throw new WharfError("invalid_filename", { details: { field: "filename", max_chars: LIMITS.filenameChars } });
  return filename;
}

/**
 * At most four characters of two code units each become one by NFC, so what is longer is too long in any spelling. It
 * is refused unread: NFC sorts combining marks in quadratic time, 0.2 s for a body full of them.
 */
const NFC_SHRINKS = 8;

function validContentType(sent: string | undefined): string {
  // Browsers send an empty one for types that they do not know.
  if (sent === undefined || sent === "") return "application/octet-stream";
  if (sent.length > LIMITS.contentTypeChars || parseMediaType(sent) === null)
    throw invalid(
      "content_type",
      `content_type must be type/subtype, such as application/pdf, in at most ${LIMITS.contentTypeChars} characters.`,
    );
  return sent;
}

function validSize(sizeBytes: number, maxFileBytes: number): number {
  if (!Number.isInteger(sizeBytes))
    throw invalid("size_bytes", "size_bytes must be an integer: the size of the file in bytes.");
  if (sizeBytes < 1)
    throw new WharfError("invalid_size", {
      message: "size_bytes must be at least 1: an empty file has nothing to index.",
      details: { field: "size_bytes" },
    });
  if (sizeBytes > maxFileBytes)
    throw new WharfError("file_too_large", {
      message: `A file may have at most ${maxFileBytes} bytes; this one has ${sizeBytes}. Split or compress it.`,
      details: { field: "size_bytes", max_bytes: maxFileBytes },
    });
  return sizeBytes;
}

/** CRE-1, CRE-2: at least one, in whatever form. */
function bucketWishes(request: Pick<CreateRequest, "bucket" | "bucket_ids" | "bucket_slugs">): readonly NamedBucket[] {
  const wishes = namedBuckets(request);
  if (wishes.length === 0) throw new WharfError("bucket_required", { details: { field: "bucket" } });
  if (wishes.length > MAX_BUCKET_NAMES)
    throw invalid("bucket_ids", TOO_MANY_BUCKETS, {
      max: LIMITS.buckets,
    });
  return wishes;
}
