import type { FileId, TeamId } from "../ids.ts";
import { LIMITS } from "../limits.ts";
import { compareRanked, type ScoredText, scoreText, tokensOf, type WeightedTerm } from "./bm25.ts";
import { bucketHint, fileHint, hintTokens, tagHint } from "./hints.ts";
import { passageScores, TextPassage, wantedTerms } from "./passage-score.ts";
import { withSpellings } from "./query-spellings.ts";
import { readQuery } from "./query-terms.ts";
import type {
  BuildLabels,
  BuildRef,
  Candidate,
  IndexedChunk,
  Ranking,
  RankQuery,
  SearchIndex,
} from "./search-index.ts";
import { chooseTerms, ignoredWords, lookedUpTogether, readAgain } from "./term-budget.ts";

/**
 * The reference adapter: plain BM25 over maps, every chunk scored for every query. It is what the others are checked
 * against, and a real index for tests that need no file.
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
    async label(team, labels) {
      for (const [key, row] of teams.get(team) ?? [])
        if (row.file === labels.file && row.build === labels.build)
          teams.get(team)?.set(key, rowOf(labels, { ...row, tokens: row.scored.body }));
    },
    rank: async (team, query) => rank(rowsOf(team), query),
    // Nothing outlives the analyser that made it.
    refresh: async () => 0,
    builds: async (team, after, limit) => buildsOf(rowsOf(team), after, limit),
    teams: async () => [...teams.keys()].sort(),
    async discard(team) {
      teams.delete(team);
    },
    damaged: () => [],
    async close() {},
  };
}

interface Row extends IndexedChunk {
  readonly file: FileId;
  readonly build: string;
  readonly hints: ReadonlySet<string>;
  /** Distinct terms of title and body. */
  readonly terms: ReadonlySet<string>;
  readonly scored: ScoredText;
  /** Tokens of all fields. */
  readonly length: number;
}

function rowOf(write: BuildLabels, chunk: IndexedChunk): Row {
  const { file, build, titleTokens } = write;
  const hints = hintTokens(write);
  const words = [...tokensOf(titleTokens), ...tokensOf(chunk.tokens)];
  const scored = { title: titleTokens, body: chunk.tokens, hints: hints.join(" ") };
  const length = words.length + hints.length;
  return { ...chunk, file, build, hints: new Set(hints), terms: new Set(words), scored, length };
}

function rank(rows: readonly Row[], query: RankQuery): Ranking {
  const holding = (term: string) => rows.filter((row) => row.terms.has(term)).length;
  const asked = withSpellings(readQuery(query.text), holding);
  const counted = asked.terms.map((word) => ({ ...word, chunks: holding(word.term) }));
  const team = { chunks: rows.length, tokens: rows.reduce((sum, row) => sum + row.length, 0) };
  const choice = chooseTerms(counted, { rows: query.termBudgetRows, chunks: team.chunks });
  const { present, kept } = choice;
  const passing = rows.filter((row) => passes(row, query));
  const bestOf = (some: readonly Row[], terms: readonly WeightedTerm[]) =>
    some.map((row) => candidate(row, scoreText(row.scored, terms, team))).sort(compareRanked);
  const ranked = bestOf(
    passing.filter((row) => kept.some((word) => row.terms.has(word.term))),
    kept,
  );
  const together = lookedUpTogether(asked, holding).flatMap((words) => {
    const terms = words.map((term) => ({ term, weight: 1, chunks: holding(term) }));
    const all = passing.filter((row) => words.every((word) => row.terms.has(word)));
    return bestOf(all, terms).slice(0, LIMITS.searchLookedThrough);
  });
  const found = new Map([...together, ...ranked].map((each) => [placeOf(each), each]));
  const again = new Set([...ranked.slice(0, readAgain(choice)), ...together].map(placeOf));
  const scoring = { query: asked, terms: present, team };
  const wanted = wantedTerms(scoring);
  const passages = passing
    .filter((row) => again.has(placeOf(row)))
    .map((row) => [placeOf(row), new TextPassage(row.scored, wanted)] as const);
  const scores = passageScores(new Map(passages), scoring);
  const least = Math.min(...scores.values());
  const first = [...found]
    .filter(([place]) => scores.has(place))
    .map(([place, each]) => ({ ...each, score: scores.get(place) ?? 0 }))
    .sort(compareRanked);
  const rest = ranked.filter((each) => !again.has(placeOf(each)));
  const inOrder = [...first, ...rest.map((each) => ({ ...each, score: Math.min(least, each.score) }))];
  return {
    candidates: inOrder.slice(0, query.limit),
    complete: inOrder.length <= query.limit,
    termsIgnored: ignoredWords(choice),
  };
}

function placeOf({ build, file, position }: BuildRef & { readonly position: number }): string {
  return `${file} ${build} ${position}`;
}

function passes(row: Row, query: RankQuery): boolean {
  const inBucket = query.buckets.length === 0 || query.buckets.some((bucket) => row.hints.has(bucketHint(bucket)));
  const tagged = query.tags.every((tag) => row.hints.has(tagHint(tag)));
  return inBucket && tagged && (query.files === null || query.files.some((file) => row.hints.has(fileHint(file))));
}

function candidate({ file, build, position, page, charStart, charEnd, text }: Row, score: number): Candidate {
  return { file, build, position, page, charStart, charEnd, text, score };
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
