import type { NamedBucket } from "../buckets/named.ts";
import type { Catalogue, Operation } from "../catalogue/catalogue.ts";
import { accepted, WharfError } from "../errors.ts";
import type { Holder, Places } from "../fairness/places.ts";
import type { Turns } from "../fairness/turns.ts";
import type { FileId, TeamId } from "../ids.ts";
import { LIMITS } from "../limits.ts";
import { highlighter, type Range } from "../search-index/highlights.ts";
import { readQuery } from "../search-index/query-terms.ts";
import {
  type Candidate,
  type Ranking,
  type RankQuery,
  type SearchIndex,
  SearchIndexError,
} from "../search-index/search-index.ts";
import {
  type CountedBuckets,
  countBuckets,
  findScope,
  findVisible,
  type MetadataPage,
  rarestPair,
  type Scope,
  type VisibleFile,
  walkMetadata,
} from "./store.ts";

/**
 * Bucket-scoped retrieval: resolve the scope, let the index rank, let the catalogue say what is visible, cite.
 *
 * - **candidate**: a chunk that the index ranked. It may be staged, garbage or of another bucket: the index
 *   returns a superset.
 * - **visible**: of the active build of a file that is active in a searched bucket and passes every filter. The
 *   catalogue alone knows.
 * - **duplicates**: passages of one text, from copies of a document or a footer on every page, are one result.
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
  /**
   * Words of the query that found nothing by themselves, as it spelled them: the term budget. They count in the scores.
   */
  readonly termsIgnored: readonly string[];
}

export interface Hit extends Passage {
  /** Ranges of the candidate's text. */
  readonly highlights: readonly Range[];
  /** Passages with the same text, in rank order, at most limits.searchDuplicates; there may be more. */
  readonly duplicates: readonly Passage[];
}

export interface Passage {
  readonly candidate: Candidate;
  readonly file: VisibleFile;
}

export interface SearchDeps {
  readonly catalogue: Catalogue;
  readonly index: SearchIndex;
  /** Searches that wait or are under way … */
  readonly searches: Places;
  /** … whose rankings take turns at the index … */
  readonly rankings: Turns;
  /** … and whose reads at the catalogue, with all that look at many rows there. */
  readonly walks: Turns;
}

/** Whose search it is, and when nobody waits for its answer any more. */
export interface Searcher {
  readonly by: Holder;
  readonly gone: AbortSignal;
}

/**
 * Throws WharfError: `bucket_assignment_failed`, `invalid_request`, `overloaded` when the caller's share of the
 * searches is used up, and `storage_unavailable` when the index cannot answer.
 */
export async function search(deps: SearchDeps, wanted: Search, { by, gone }: Searcher): Promise<SearchAnswer> {
  const { catalogue, index, rankings, walks } = deps;
  const place = deps.searches.take(by);
  try {
    return await answer({
      wanted,
      read: (operation, input) => walks.run(by, gone, () => catalogue.run(operation, input)),
      rank: (query) => rankings.run(by, gone, () => rank(index, wanted.teamId, query)),
    });
  } finally {
    place.free();
  }
}

/** One search under way: each of its reads and rankings waits for its turn, and is bounded. */
interface Run {
  readonly wanted: Search;
  readonly read: <I, O>(operation: Operation<I, O>, input: I) => Promise<O>;
  readonly rank: (query: RankQuery) => Promise<Ranking>;
}

async function answer(run: Run): Promise<SearchAnswer> {
  const { teamId, buckets, query } = run.wanted;
  const named = buckets.length === 0 ? null : accepted(await run.read(findScope, { teamId, buckets }));
  // Nothing that is counted says where to look, so nobody waits for it.
  const [searched, found] = await Promise.all([named?.searched ?? countAll(run), find(run, named?.bucketIds ?? null)]);
  const { terms, joined } = readQuery(query);
  const mark = highlighter(new Set(terms.map(({ term }) => term)), new Set(joined.map(({ term }) => term)));
  const results = found.hits.map((hit) => ({ ...hit, highlights: mark(hit.candidate.text) }));
  return { results, searched, termsIgnored: found.termsIgnored };
}

/** Of all the team's active buckets. */
async function countAll({ wanted: { teamId }, read }: Run): Promise<Scope["searched"]> {
  const searched = { buckets: 0, files: 0, chunks: 0 };
  let after: string | null = null;
  do {
    const counted: CountedBuckets = await read(countBuckets, { teamId, after });
    searched.buckets += counted.buckets;
    searched.files += counted.files;
    searched.chunks += counted.chunks;
    after = counted.next;
  } while (after !== null);
  return searched;
}

async function find(run: Run, bucketIds: Scope["bucketIds"]) {
  const files = intersection(run.wanted.files, await filesWithMetadata(run));
  return visibleHits(run, bucketIds, files);
}

/** Null when no metadata is wanted. Contract §9: more than 1 000 are refused, since they would be as many hints. */
async function filesWithMetadata({ wanted: { teamId, metadata }, read }: Run): Promise<readonly FileId[] | null> {
  if (metadata.length === 0) return null;
  const { rarest } = await read(rarestPair, { teamId, metadata });
  const files: FileId[] = [];
  let after: FileId | null = null;
  do {
    const page: MetadataPage = await read(walkMetadata, { teamId, metadata, rarest, after });
    files.push(...page.files);
    after = page.next;
    if (files.length > LIMITS.metadataFilterFiles) throw tooManyFiles();
  } while (after !== null);
  return files;
}

function tooManyFiles(): WharfError {
  return new WharfError("invalid_request", {
    message: `filters.metadata matches more than ${LIMITS.metadataFilterFiles} files; add another pair, or filter by tag or bucket.`,
    details: { field: "filters.metadata", max_files: LIMITS.metadataFilterFiles },
  });
}

/**
 * The first `limit` visible candidates of different texts. Somewhat more than asked for are ranked at first; when too
 * few of them are visible, or they say the same, four times as many. Copies alone do not make it go on for ever: a
 * thousand of one text show enough.
 */
async function visibleHits(run: Run, bucketIds: Scope["bucketIds"], files: readonly FileId[] | null) {
  const { query, tags, limit } = run.wanted;
  const allowed = files === null ? null : new Set(files);
  const asked = {
    text: query,
    buckets: bucketIds ?? [],
    tags,
    files,
    termBudgetRows: LIMITS.searchTermBudgetRows,
  };
  const first = limit * 2 + LIMITS.searchExtraCandidates;
  for (let candidates = first; ; candidates *= 4) {
    const ranking = await run.rank({ ...asked, limit: candidates });
    const builds = ranking.candidates.filter((candidate) => allowed === null || allowed.has(candidate.file));
    const { hits, copies } = await firstVisible(run, bucketIds, builds);
    if (hits.length >= limit || ranking.complete || copies >= LIMITS.searchCopies)
      return { hits: hits.slice(0, limit), termsIgnored: ranking.termsIgnored };
  }
}

/**
 * The first `limit` texts that the catalogue shows, or all. One read, in one snapshot, unless there are more than
 * limits.buildsPerRead: then each part is as the catalogue was at some moment of this search.
 */
async function firstVisible({ wanted, read }: Run, bucketIds: Scope["bucketIds"], candidates: readonly Candidate[]) {
  const { teamId, tags, limit } = wanted;
  const byText = new Map<string, { readonly best: Passage; readonly duplicates: Passage[] }>();
  let copies = 0;
  for (let from = 0; from < candidates.length && byText.size < limit; from += LIMITS.buildsPerRead) {
    const some = candidates.slice(from, from + LIMITS.buildsPerRead);
    const builds = some.map(({ file, build }) => ({ file, build }));
    const visible = await read(findVisible, { teamId, bucketIds, tags, builds });
    const byBuild = new Map(visible.map((file) => [`${file.file} ${file.build}`, file]));
    for (const candidate of some) {
      const file = byBuild.get(`${candidate.file} ${candidate.build}`);
      if (file === undefined) continue;
      const same = byText.get(candidate.text);
      if (same === undefined) byText.set(candidate.text, { best: { candidate, file }, duplicates: [] });
      else {
        copies += 1;
        if (same.duplicates.length < LIMITS.searchDuplicates) same.duplicates.push({ candidate, file });
      }
    }
  }
  return { hits: [...byText.values()].map(({ best, duplicates }) => ({ ...best, duplicates })), copies };
}

async function rank(index: SearchIndex, teamId: TeamId, query: RankQuery): Promise<Ranking> {
  try {
    return await index.rank(teamId, query);
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
