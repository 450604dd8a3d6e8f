import { idOrSlug } from "../buckets/named.ts";
import type { Catalogue } from "../catalogue/catalogue.ts";
import type { FileState } from "../catalogue/schema.ts";
import type { Holder, Places } from "../fairness/places.ts";
import { ClientGoneError, type Turns } from "../fairness/turns.ts";
import { type FileId, type IdSource, parseId, type TeamId } from "../ids.ts";
import { LIMITS } from "../limits.ts";
import { deleteFiles, matchFiles, matchNamedFiles } from "./bulk-delete.store.ts";
import { invalid } from "./fields.ts";
import { type ListFilter, type ListPosition, makeCursor, parseCursor, parseTime, sortedSet } from "./list.ts";
import { isScalar, metadataFingerprint } from "./metadata-fingerprint.ts";
import { tagKey } from "./tag-key.ts";

/** What a bulk delete asks for, as its schema lets it through (FIL-8). */
export interface BulkDeleteRequest {
  readonly filter: {
    readonly bucket?: string | undefined;
    readonly tag?: string | readonly string[] | undefined;
    readonly status?: FileState | undefined;
    readonly metadata?: Readonly<Record<string, unknown>> | undefined;
    readonly created_before?: string | undefined;
    readonly file_ids?: readonly string[] | undefined;
  };
  readonly dry_run?: boolean | undefined;
  readonly cursor?: string | undefined;
}

export interface BulkDelete {
  readonly filter: ListFilter;
  /** null: not restricted. */
  readonly files: readonly FileId[] | null;
  readonly dryRun: boolean;
  readonly after: ListPosition | null;
}

/** Throws `invalid_request` naming the field. Pure. */
export function readBulkDelete(teamId: TeamId, request: BulkDeleteRequest): BulkDelete {
  const { bucket, tag = [], status, metadata = {}, created_before: before, file_ids: ids } = request.filter;
  const tags = [tag].flat().map((each) => tagKey(each.trim()));
  if (tags.length > LIMITS.tags) throw invalid("filter.tag", `Give at most ${LIMITS.tags} tags.`, { max: LIMITS.tags });
  const pairs = Object.entries(metadata);
  if (pairs.length > LIMITS.listMetadataFilters)
    throw invalid("filter.metadata", `Give at most ${LIMITS.listMetadataFilters} metadata pairs.`, {
      max: LIMITS.listMetadataFilters,
    });
  if (ids !== undefined && ids.length > LIMITS.bulkDeleteFiles)
    throw invalid("filter.file_ids", `Name at most ${LIMITS.bulkDeleteFiles} files in one call.`, {
      max: LIMITS.bulkDeleteFiles,
    });
  const isEmpty = [bucket, status, before, ids].every((value) => value === undefined);
  if (isEmpty && tags.length === 0 && pairs.length === 0)
    throw invalid(
      "filter",
      "An empty filter would match every file: say which ones, by bucket, tag, status, metadata, created_before or file_ids.",
    );
  const filter: ListFilter = {
    bucket: bucket === undefined ? null : idOrSlug(bucket),
    tags: sortedSet(tags),
    status: status ?? null,
    metadata: sortedSet(pairs.map(([key, value]) => fingerprint(key, value))),
    createdAfter: null,
    createdBefore: before === undefined ? null : parseTime("filter.created_before", before),
    name: null,
    order: "newest",
  };
  const files = ids === undefined ? null : [...new Set(ids.flatMap((id) => parseId("file", id) ?? []))];
  const { cursor, dry_run: dryRun = false } = request;
  return { filter, files, dryRun, after: cursor === undefined ? null : parseCursor(teamId, filter, cursor) };
}

function fingerprint(key: string, value: unknown): string {
  if (isScalar(value)) return metadataFingerprint(key, value);
  throw invalid(
    `filter.metadata.${key}`,
    "Metadata is compared by equality: a value is a string, a number, true, false or null.",
  );
}

export interface BulkDeleteDeps {
  readonly catalogue: Catalogue;
  readonly ids: IdSource;
  readonly lists: Places;
  readonly walks: Turns;
}

export interface BulkDeleted {
  readonly matched: number;
  readonly deleted: number;
  readonly nextCursor: string | null;
}

/**
 * Deletes what matches, newest first, at most limits.bulkDeleteFiles of it. Each file goes as by DELETE, whole; a call
 * that is cut short has deleted some of them, and is repeated.
 */
export async function bulkDelete(
  deps: BulkDeleteDeps,
  by: Holder,
  gone: AbortSignal,
  wanted: BulkDelete,
): Promise<BulkDeleted> {
  const place = deps.lists.take(by);
  try {
    const { files, next } = await match(deps, by, gone, wanted);
    const deleted = wanted.dryRun ? 0 : await deleteAll(deps, by.teamId, files, gone);
    return {
      matched: files.length,
      deleted,
      nextCursor: next === null ? null : makeCursor(by.teamId, wanted.filter, next),
    };
  } finally {
    place.free();
  }
}

async function match({ catalogue, walks }: BulkDeleteDeps, by: Holder, gone: AbortSignal, wanted: BulkDelete) {
  const { teamId } = by;
  const { filter, files: named } = wanted;
  if (named !== null) {
    const files = await walks.run(by, gone, () => catalogue.run(matchNamedFiles, { teamId, filter, files: named }));
    return { files, next: null };
  }
  const files: FileId[] = [];
  let after = wanted.after;
  for (let reads = 0; reads < LIMITS.listReads; reads++) {
    const page = { teamId, filter, limit: LIMITS.bulkDeleteFiles - files.length, after };
    const found = await walks.run(by, gone, () => catalogue.run(matchFiles, page));
    files.push(...found.files);
    after = found.next;
    if (after === null || files.length === LIMITS.bulkDeleteFiles) break;
  }
  return { files, next: after };
}

async function deleteAll(
  { catalogue, ids }: BulkDeleteDeps,
  teamId: TeamId,
  files: readonly FileId[],
  gone: AbortSignal,
): Promise<number> {
  let deleted = 0;
  for (let from = 0; from < files.length; from += LIMITS.bulkDeleteBatch) {
    if (gone.aborted) throw new ClientGoneError();
    const some = files.slice(from, from + LIMITS.bulkDeleteBatch);
    const removals = some.map((fileId) => ({ fileId, removalTaskId: ids.next("task") }));
    deleted += (await catalogue.run(deleteFiles, { teamId, files: removals })).deleted.length;
  }
  return deleted;
}
