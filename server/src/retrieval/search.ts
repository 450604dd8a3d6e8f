import type { NamedBucket } from "../buckets/named.ts";
import type { Catalogue } from "../catalogue/catalogue.ts";
import { accepted, WharfError } from "../errors.ts";
import type { FileId, TeamId } from "../ids.ts";
import { LIMITS } from "../limits.ts";
import { highlights, type Range } from "../search-index/highlights.ts";
import { queryTerms } from "../search-index/query-terms.ts";
import { type Candidate, type Ranking, type SearchIndex, SearchIndexError } from "../search-index/search-index.ts";
import { findScope, findVisible, type Scope, type VisibleFile } from "./store.ts";

/**
 * Bucket-scoped retrieval: resolve the scope, let the index rank, let the catalogue say what is visible, cite.
 *
 * - **candidate**: a chunk that the index ranked. It may be staged, garbage or of another bucket: the index returns a superset.
 * - **visible**: of the active build of a file that is active in a searched bucket and passes every filter. The catalogue alone knows.
 * - **citation**: where the passage stands: file, version, page and the range of that page's text.
 */
export interface Search {
  readonly teamId: TeamId;
  readonly query: string;
  /** Empty = all the team's active buckets. */
  readonly buckets: readonly NamedBucket[];
  readonly tags: readonly string[];
  /** null = no restriction. Ids that are no file of the team match nothing. */
  readonly files: readonly FileId[] | null;
  /** Fingerprints (files/metadata-fingerprint.ts). */
  readonly metadata: readonly string[];
  readonly limit: number;
}

export interface SearchAnswer {
  readonly results: readonly Hit[];
  readonly searched: Scope["searched"];
  /** Words of the query that found nothing by themselves, as it spelled them: the term budget. They count in the scores. */
  readonly termsIgnored: readonly string[];
}

export interface Hit {
  readonly candidate: Candidate;
  readonly file: VisibleFile;
  /** Ranges of the candidate's text. */
  readonly highlights: readonly Range[];
}

export interface SearchDeps {
  readonly catalogue: Catalogue;
  readonly index: SearchIndex;
}

/** Throws WharfError: `bucket_assignment_failed`, `invalid_request`, and `storage_unavailable` when the index cannot answer. */
export async function search(deps: SearchDeps, wanted: Search): Promise<SearchAnswer> {
  const { teamId, buckets, metadata } = wanted;
  const scope = accepted(await deps.catalogue.run(findScope, { teamId, buckets, metadata }));
  const files = intersection(wanted.files, scope.files);
  const { hits, termsIgnored } = await visibleHits(deps, wanted, scope, files);
  const terms = new Set(queryTerms(wanted.query).map((word) => word.term));
  const results = hits.map((hit) => ({ ...hit, highlights: highlights(hit.candidate.text, terms) }));
  return { results, searched: scope.searched, termsIgnored };
}

/**
 * The first `limit` visible candidates. Somewhat more than asked for are ranked at first; when too few of them are visible, four times
 * as many, from the start: one ranking is one snapshot, and so is one look at the catalogue.
 */
async function visibleHits(deps: SearchDeps, wanted: Search, scope: Scope, files: readonly FileId[] | null) {
  const { teamId, tags, limit } = wanted;
  const allowed = files === null ? null : new Set(files);
  for (let candidates = limit * 2 + LIMITS.searchExtraCandidates; ; candidates *= 4) {
    const ranking = await rank(deps, wanted, scope, files, candidates);
    const builds = ranking.candidates.filter((candidate) => allowed === null || allowed.has(candidate.file));
    const { bucketIds } = scope;
    const refs = builds.map(({ file, build }) => ({ file, build }));
    const visible =
      refs.length === 0 ? [] : await deps.catalogue.run(findVisible, { teamId, bucketIds, tags, builds: refs });
    const byBuild = new Map(visible.map((file) => [`${file.file} ${file.build}`, file]));
    const hits = builds.flatMap((candidate) => {
      const file = byBuild.get(`${candidate.file} ${candidate.build}`);
      return file === undefined ? [] : [{ candidate, file }];
    });
    if (hits.length >= limit || ranking.complete)
      return { hits: hits.slice(0, limit), termsIgnored: ranking.termsIgnored };
  }
}

async function rank(
  { index }: SearchDeps,
  { teamId, query, tags }: Search,
  scope: Scope,
  files: readonly FileId[] | null,
  limit: number,
): Promise<Ranking> {
  const buckets = scope.bucketIds ?? [];
  try {
    return await index.rank(teamId, {
      text: query,
      buckets,
      tags,
      files,
      limit,
      termBudgetRows: LIMITS.searchTermBudgetRows,
    });
  } catch (error) {
    if (!(error instanceof SearchIndexError)) throw error;
    throw new WharfError("storage_unavailable", {
      message:
        "The search index does not answer right now; try again after Retry-After seconds. Uploads and downloads are not concerned.",
      cause: error,
    });
  }
}

function intersection(a: readonly FileId[] | null, b: readonly FileId[] | null): readonly FileId[] | null {
  if (a === null || b === null) return a ?? b;
  const inB = new Set(b);
  return a.filter((file) => inB.has(file));
}
