import { createHash } from "node:crypto";
import { idOrSlug, type NamedBucket } from "../buckets/named.ts";
import type { FileState } from "../catalogue/schema.ts";
import { invalidRequest } from "../errors.ts";
import { brandId, type FileId, parseId, type TeamId } from "../ids.ts";
import { LIMITS } from "../limits.ts";
import { FILE_STATES } from "./file.ts";
import { isScalar, type MetadataScalar, metadataFingerprint } from "./metadata-fingerprint.ts";
import { tagKey } from "./tag-key.ts";

/** What a list request asks for, as its query string arrived. Lists hold repeated parameters. */
export interface ListQuery {
  readonly bucket: string | undefined;
  readonly tags: readonly string[];
  readonly status: string | undefined;
  /** Key and value of each `metadata.<key>=<value>`. */
  readonly metadata: readonly (readonly [key: string, value: string])[];
  readonly createdAfter: string | undefined;
  readonly name?: string | undefined;
  readonly order?: string | undefined;
  readonly limit: number | undefined;
  readonly cursor: string | undefined;
}

/** The same, checked. */
export interface ListFilter {
  /** Null = any. */
  readonly bucket: NamedBucket | null;
  /** Sorted, distinct; all must be there. */
  readonly tags: readonly string[];
  /** Null = all but deleted ones. */
  readonly status: FileState | null;
  /** Fingerprints, sorted, distinct; all must be there. */
  readonly metadata: readonly string[];
  /** Epoch milliseconds, exclusive. */
  readonly createdAfter: number | null;
  /** The same, of a bulk delete. */
  readonly createdBefore: number | null;
  /** Part of the file name or the title, NFC, ASCII letters in either case. Null = any. */
  readonly name: string | null;
  readonly order: ListOrder;
}

/** By the time of upload, then id. */
export const LIST_ORDERS = ["newest", "oldest"] as const;
export type ListOrder = (typeof LIST_ORDERS)[number];

/** The last file of a page: the next one begins after it. */
export interface ListPosition {
  readonly createdAt: number;
  readonly id: FileId;
}

export interface ListRequest {
  readonly filter: ListFilter;
  readonly limit: number;
  readonly after: ListPosition | null;
}

/** Throws `invalid_request` naming the parameter. */
export function parseListQuery(teamId: TeamId, query: ListQuery): ListRequest {
  if (query.tags.length > LIMITS.tags) throw invalidRequest("tag", `Give at most ${LIMITS.tags} tags.`);
  if (query.metadata.length > LIMITS.listMetadataFilters)
    throw invalidRequest("metadata", `Give at most ${LIMITS.listMetadataFilters} metadata filters.`);
  const filter: ListFilter = {
    bucket: query.bucket === undefined ? null : idOrSlug(query.bucket),
    tags: sortedSet(query.tags.map((tag) => tagKey(tag.trim()))),
    status: query.status === undefined ? null : parseStatus(query.status),
    metadata: sortedSet(query.metadata.map(([key, value]) => metadataFingerprint(key, readScalar(value)))),
    createdAfter: query.createdAfter === undefined ? null : parseTime("created_after", query.createdAfter),
    createdBefore: null,
    name: query.name === undefined ? null : parseName(query.name),
    order: query.order === undefined ? "newest" : parseOrder(query.order),
  };
  return {
    filter,
    limit: parseLimit(query.limit),
    after: query.cursor === undefined ? null : parseCursor(teamId, filter, query.cursor),
  };
}

/**
 * `metadata.<key>` compares with a scalar's JSON text (contract §12): `2024` is the number, `"2024"` the string. What
 * is no JSON scalar can only be meant as a string: `hr` is `"hr"`.
 */
function readScalar(text: string): MetadataScalar {
  try {
    const value: unknown = JSON.parse(text);
    return isScalar(value) ? value : text;
  } catch {
    return text;
  }
}

function parseStatus(text: string): FileState {
  const status = FILE_STATES.find((state) => state === text);
  if (status === undefined) throw invalidRequest("status", `status must be one of ${FILE_STATES.join(", ")}.`);
  return status;
}

/** Blank counts as absent: it is part of every name. */
function parseName(text: string): string | null {
  const name = text.normalize("NFC");
  if ([...name].length > LIMITS.filenameChars)
    throw invalidRequest("name", `name must have at most ${LIMITS.filenameChars} characters.`);
  return name === "" ? null : name;
}

function parseOrder(text: string): ListOrder {
  const order = LIST_ORDERS.find((known) => known === text);
  if (order === undefined) throw invalidRequest("order", `order must be one of ${LIST_ORDERS.join(", ")}.`);
  return order;
}

const RFC3339 = /^\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d{1,9})?([Zz]|[+-]\d{2}:\d{2})$/;

/** Whole milliseconds: what is finer cannot lie between two files, whose times are whole milliseconds. */
export function parseTime(field: string, text: string): number {
  const ms = RFC3339.test(text) ? Date.parse(text.toUpperCase()) : Number.NaN;
  // Date.parse takes 30 February for 2 March; RFC 3339 does not.
  const day = Number(text.slice(8, 10));
  const daysOfMonth = new Date(Date.UTC(Number(text.slice(0, 4)), Number(text.slice(5, 7)), 0)).getUTCDate();
  if (Number.isNaN(ms) || day > daysOfMonth)
    throw invalidRequest(
      field,
      `${field} must be an RFC 3339 time, such as 2026-01-31T12:00:00Z (in a URL, write + as %2B).`,
    );
  return Math.floor(ms);
}

function parseLimit(limit: number | undefined): number {
  if (limit === undefined) return LIMITS.listDefault;
  if (!Number.isInteger(limit) || limit < 1 || limit > LIMITS.listMax)
    throw invalidRequest("limit", `limit must be an integer from 1 to ${LIMITS.listMax}.`);
  return limit;
}

/**
 * Opaque to clients: a position, sealed with a digest over team, filters and position, so that a cursor of another team
 * or for other filters, or one that was cut or edited, is refused instead of showing a wrong page. No secret is needed:
 * whoever forges one only chooses a place in a list of their own.
 */
export function makeCursor(teamId: TeamId, filter: ListFilter, at: ListPosition): string {
  const seal = sealOf(teamId, filter, at);
  return Buffer.from(`${at.createdAt}.${at.id}.${seal}`, "utf8").toString("base64url");
}

export function parseCursor(teamId: TeamId, filter: ListFilter, cursor: string): ListPosition {
  const [createdAt = "", id = ""] = Buffer.from(cursor, "base64url").toString("utf8").split(".");
  const at = { createdAt: Number(createdAt), id: parseId("file", id) ?? brandId("file", "") };
  // Comparing the texts, not the parts: base64url and numbers have several spellings of one value, and only ours
  // is a cursor.
  if (!Number.isSafeInteger(at.createdAt) || makeCursor(teamId, filter, at) !== cursor)
    throw invalidRequest(
      "cursor",
      "cursor is not one of this list: use next_cursor as it came, with the same filters.",
    );
  return at;
}

function sealOf(teamId: TeamId, filter: ListFilter, at: ListPosition): string {
  const { bucket, tags, status, metadata, createdAfter, createdBefore, name, order } = filter;
  const sealed = JSON.stringify([
    "files",
    teamId,
    bucket?.id,
    bucket?.slug,
    tags,
    status,
    metadata,
    createdAfter,
    at.createdAt,
    at.id,
    ...(createdBefore === null ? [] : [createdBefore]),
    // Only where they are given: cursors of before them stay good.
    ...(name === null ? [] : [`name ${name}`]),
    ...(order === "newest" ? [] : [order]),
  ]);
  return createHash("sha256").update(sealed).digest("base64url").slice(0, 22);
}

export function sortedSet(values: readonly string[]): readonly string[] {
  return [...new Set(values)].sort();
}
