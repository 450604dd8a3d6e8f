import { MAX_BUCKET_NAMES, type NamedBucket, namedBuckets } from "../buckets/named.ts";
import { invalidRequest, WharfError } from "../errors.ts";
import { isScalar, metadataFingerprint } from "../files/metadata-fingerprint.ts";
import { type FileId, parseId, type TeamId } from "../ids.ts";
import { LIMITS } from "../limits.ts";
import type { Search } from "./search.ts";

/** The request as the schema lets it through (contract §9): types are right, limits and values are not judged yet. */
export interface SearchRequest {
  readonly query: string;
  readonly bucket?: string | undefined;
  readonly bucket_ids?: readonly string[] | undefined;
  readonly bucket_slugs?: readonly string[] | undefined;
  readonly filters?:
    | {
        readonly tags?: readonly string[] | undefined;
        readonly file_ids?: readonly string[] | undefined;
        readonly metadata?: Readonly<Record<string, unknown>> | undefined;
      }
    | undefined;
  readonly limit?: number | undefined;
  readonly mode?: string | undefined;
}

/** Modes that this server can answer; semantic and hybrid need an embedder. */
const AVAILABLE_MODES = ["keyword"] as const;

/** Throws WharfError `invalid_request` (with `details.field`) or `invalid_mode`. Pure. */
export function readSearch(teamId: TeamId, request: SearchRequest): Search {
  const { filters = {}, limit = LIMITS.searchLimitDefault } = request;
  checkQuery(request.query);
  if (limit < 1 || limit > LIMITS.searchLimitMax)
    throw invalidRequest("limit", `limit is 1 to ${LIMITS.searchLimitMax}.`, { max: LIMITS.searchLimitMax });
  checkMode(request.mode);
  return {
    teamId,
    query: request.query,
    limit,
    buckets: readBuckets(request),
    tags: readTags(filters.tags ?? []),
    files: filters.file_ids === undefined ? null : readFileIds(filters.file_ids),
    metadata: readMetadata(filters.metadata ?? {}),
  };
}

function checkQuery(query: string): void {
  const chars = [...query].length;
  if (chars < 1 || chars > LIMITS.queryChars)
    throw invalidRequest("query", `query has 1 to ${LIMITS.queryChars} characters; this one has ${chars}.`, {
      max: LIMITS.queryChars,
    });
}

function checkMode(mode: string | undefined): void {
  const available: readonly string[] = AVAILABLE_MODES;
  if (mode === undefined || available.includes(mode)) return;
  const known = mode === "semantic" || mode === "hybrid";
  throw new WharfError("invalid_mode", {
    message: known
      ? `The mode ${mode} needs an embedder, which this server does not have. Send mode keyword, or none for the best available.`
      : "mode is keyword, semantic or hybrid; details.available lists those that this server has.",
    details: { field: "mode", available: [...AVAILABLE_MODES] },
  });
}

/** Names of the same bucket count once, but nobody needs hundreds of them. */
function readBuckets(request: SearchRequest): readonly NamedBucket[] {
  const named = namedBuckets(request);
  if (named.length > MAX_BUCKET_NAMES)
    throw invalidRequest(
      "bucket_ids",
      `A search names at most ${LIMITS.buckets} buckets; name fewer, or none for all of them.`,
      { max: LIMITS.buckets },
    );
  return named;
}

/**
 * Trimmed, without empty ones, each once, else as sent: the catalogue compares their keys, and an index of the first
 * analyser knows what was sent. One over the limit of a tag belongs to no file, and simply matches none.
 */
function readTags(sent: readonly string[]): readonly string[] {
  const tags = [...new Set(sent.map((tag) => tag.trim()).filter((tag) => tag !== ""))];
  if (tags.length > LIMITS.tags)
    throw invalidRequest("filters.tags", `A search filters by at most ${LIMITS.tags} tags.`, { max: LIMITS.tags });
  return tags;
}

/** What is no id is no file of anybody, and matches nothing (contract §12). */
function readFileIds(sent: readonly string[]): readonly FileId[] {
  if (sent.length > LIMITS.searchFileIds)
    throw invalidRequest("filters.file_ids", `A search filters by at most ${LIMITS.searchFileIds} files.`, {
      max: LIMITS.searchFileIds,
    });
  return [...new Set(sent.flatMap((id) => parseId("file", id) ?? []))];
}

function readMetadata(wanted: Readonly<Record<string, unknown>>): readonly string[] {
  const pairs = Object.entries(wanted);
  if (pairs.length > LIMITS.metadataFilterPairs)
    throw invalidRequest(
      "filters.metadata",
      `A search filters by at most ${LIMITS.metadataFilterPairs} metadata pairs.`,
      {
        max: LIMITS.metadataFilterPairs,
      },
    );
  return pairs.map(([key, value]) => {
    if (!isScalar(value))
      throw invalidRequest(
        `filters.metadata.${key}`,
        "Metadata is compared by equality: a value is a string, a number, true, false or null.",
      );
    return metadataFingerprint(key, value);
  });
}
