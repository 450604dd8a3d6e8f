import type { FileId, TeamId } from "../ids.ts";
import { compareRanked, idf, type Occurrences, termScore } from "./bm25.ts";
import { bucketHint, fileHint, hintTokens, tagHint } from "./hints.ts";
import { queryTerms } from "./query-terms.ts";
import type { BuildRef, Candidate, ChunkWrite, IndexedChunk, Ranking, RankQuery, SearchIndex } from "./search-index.ts";
import { type CountedTerm, chooseTerms } from "./term-budget.ts";

/**
 * The reference adapter: plain BM25 over maps, every chunk scored for every query. It is what the others are checked against, and a
 * real index for tests that need no file.
 */
export function openMemorySearchIndex(): SearchIndex {
  const teams = new Map<TeamId, Map<string, Row>>();
  const rowsOf = (team: TeamId) => [...(teams.get(team)?.values() ?? [])];
  const removeWhere = (team: TeamId, gone: (row: Row) => boolean) => {
    for (const [key, row] of teams.get(team) ?? []) if (gone(row)) teams.get(team)?.delete(key);
  };
  return {
    async write(team, write) {
      const rows = teams.get(team) ?? new Map<string, Row>();
      teams.set(team, rows);
      for (const chunk of write.chunks) rows.set(`${write.file} ${write.build} ${chunk.position}`, rowOf(write, chunk));
    },
    async removeFile(team, file) {
      removeWhere(team, (row) => row.file === file);
    },
    async removeBuild(team, ref) {
      removeWhere(team, (row) => row.file === ref.file && row.build === ref.build);
    },
    rank: async (team, query) => rank(rowsOf(team), query),
    builds: async (team, after, limit) => buildsOf(rowsOf(team), after, limit),
    teams: async () => [...teams.keys()].sort(),
    async close() {},
  };
}

interface Row extends IndexedChunk {
  readonly file: FileId;
  readonly build: string;
  readonly hints: ReadonlySet<string>;
  readonly occurrences: ReadonlyMap<string, Occurrences>;
  readonly length: number;
}

function rowOf(write: ChunkWrite, chunk: IndexedChunk): Row {
  const occurrences = new Map<string, Occurrences>();
  const count = (tokens: readonly string[], add: (before: Occurrences) => Occurrences) => {
    for (const token of tokens) occurrences.set(token, add(occurrences.get(token) ?? { title: 0, body: 0 }));
  };
  const title = split(write.titleTokens);
  const body = split(chunk.tokens);
  const hints = hintTokens(write);
  count(title, (before) => ({ ...before, title: before.title + 1 }));
  count(body, (before) => ({ ...before, body: before.body + 1 }));
  const length = title.length + body.length + hints.length;
  return { ...chunk, file: write.file, build: write.build, hints: new Set(hints), occurrences, length };
}

function rank(rows: readonly Row[], query: RankQuery): Ranking {
  const counted = queryTerms(query.text).map((word) => ({
    ...word,
    chunks: rows.filter((row) => row.occurrences.has(word.term)).length,
  }));
  const { kept, ignored } = chooseTerms(counted, query.termBudgetRows);
  const averageLength = rows.reduce((sum, row) => sum + row.length, 0) / rows.length;
  const ranked = rows
    .filter((row) => passes(row, query) && kept.some((word) => row.occurrences.has(word.term)))
    .map((row) => candidate(row, score(row, kept, rows.length, averageLength)))
    .sort(compareRanked);
  return {
    candidates: ranked.slice(0, query.limit),
    complete: ranked.length <= query.limit,
    termsIgnored: ignored.map((word) => word.spelled),
  };
}

function score(row: Row, kept: readonly CountedTerm[], chunks: number, averageLength: number): number {
  let sum = 0;
  for (const word of kept) {
    const occurrences = row.occurrences.get(word.term);
    if (occurrences !== undefined)
      sum += termScore(word.weight * idf(chunks, word.chunks), occurrences, row.length / averageLength);
  }
  return sum;
}

function passes(row: Row, query: RankQuery): boolean {
  const inBucket = query.buckets.length === 0 || query.buckets.some((bucket) => row.hints.has(bucketHint(bucket)));
  const tagged = query.tags.every((tag) => row.hints.has(tagHint(tag)));
  return inBucket && tagged && (query.files === null || query.files.some((file) => row.hints.has(fileHint(file))));
}

function candidate({ file, build, position, page, charStart, charEnd, text }: Row, value: number): Candidate {
  return { file, build, position, page, charStart, charEnd, text, score: value };
}

function buildsOf(
  rows: readonly Row[],
  after: BuildRef | null,
  limit: number,
): readonly (BuildRef & { readonly chunks: number })[] {
  const builds = [...Map.groupBy(rows, (row) => `${row.file} ${row.build}`)]
    .filter(([key]) => after === null || key > `${after.file} ${after.build}`)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return builds
    .slice(0, limit)
    .flatMap(([, [first, ...rest]]) =>
      first === undefined ? [] : [{ file: first.file, build: first.build, chunks: rest.length + 1 }],
    );
}

function split(tokens: string): readonly string[] {
  return tokens === "" ? [] : tokens.split(" ");
}
