import type { DatabaseSync, StatementSync } from "node:sqlite";
import { brandId, type FileId } from "../ids.ts";
import { LIMITS } from "../limits.ts";
import { type BestChunks, bestChunks } from "./best-chunks.ts";
import { compareRanked, idf, type ScoredText } from "./bm25.ts";
import type { OutdatedChunks } from "./fts5-protocol.ts";
import { FORMAT_OF_ANALYSER, formatOf } from "./fts5-schema.ts";
import { type Fts5Snapshot, Fts5Snapshots } from "./fts5-snapshot.ts";
import { bucketHint, fileHint, tagAsSent, tagHint } from "./hints.ts";
import { ALL_IDS, type IdRange, idsIn, rangesOf } from "./id-ranges.ts";
import type { TeamLists } from "./kept-lists.ts";
import { ListedPassage, type PassageSource } from "./listed-passage.ts";
import { type Passage, passageScores, type Scoring, TextPassage, wantedTerms } from "./passage-score.ts";
import { type Postings, postingsOfIds } from "./posting-list.ts";
import { withSpellings } from "./query-spellings.ts";
import { readQuery, withOlderTerms } from "./query-terms.ts";
import type { BuildRef, Candidate, Ranking, RankQuery } from "./search-index.ts";
import { chooseTerms, ignoredWords, lookedUpTogether, readAgain } from "./term-budget.ts";

/**
 * Reads of one team's file, on the reader thread, each inside one snapshot. FTS5 keeps the inverted index; its lists
 * are read (fts5-postings.ts) and scored (best-chunks.ts) here; docs/decisions/0039-postings.md has the figures.
 */
export class Fts5Reads {
  readonly #snapshots: Fts5Snapshots;
  readonly #wordsByIds: StatementSync;
  readonly #idsByFiles: StatementSync;
  readonly #chunkById: StatementSync;
  readonly #firstByIds: StatementSync;
  readonly #builds: StatementSync;
  readonly #outdatedChunks: StatementSync;

  /** Of the tables that it was made for: the first write to a file of an earlier format changes them. */
  readonly format: number;

  /** `lists`: what is kept of this file's, for this instance alone. */
  constructor(database: DatabaseSync, lists: TeamLists) {
    const prepare = (text: string) => {
      const statement = database.prepare(text);
      statement.setReturnArrays(true);
      return statement;
    };
    this.format = formatOf(database);
    this.#snapshots = new Fts5Snapshots(database, this.format, lists);
    // The columns title, body and hints, without the detour over the virtual table.
    this.#wordsByIds = prepare("SELECT id, c0, c1, c2 FROM words_content WHERE id IN (SELECT value FROM json_each(?))");
    this.#idsByFiles = prepare("SELECT id FROM chunks WHERE file IN (SELECT value FROM json_each(?))");
    // One by one: 36 of a list in JSON take half as long again.
    this.#chunkById = prepare(
      "SELECT file, build, position, page, char_start, char_end, text FROM chunks WHERE id = ?",
    );
    this.#firstByIds = prepare(
      "SELECT id FROM chunks WHERE id IN (SELECT value FROM json_each(?)) ORDER BY file, position, build LIMIT ?",
    );
    this.#outdatedChunks = prepare(
      this.format >= FORMAT_OF_ANALYSER
        ? `SELECT chunks.id, chunks.file FROM analysis JOIN chunks
           ON chunks.id > analysis.done AND chunks.id <= analysis.last ORDER BY chunks.id LIMIT ?`
        : "SELECT id, file FROM chunks ORDER BY id LIMIT ?",
    );
    // Grouped along the covering index chunks_by_build: a page of builds reads no more than its own entries.
    this.#builds = prepare(
      `SELECT file, build, count(*) FROM chunks WHERE (file, build) > (?, ?) GROUP BY file, build ORDER BY file, build LIMIT ?`,
    );
  }

  rank(query: RankQuery): Ranking {
    const snapshot = this.#snapshots.current();
    const { team } = snapshot;
    const count = (term: string) => snapshot.count(term);
    const filters = filtersOf(query, count);
    const filteredChunks = Math.min(team.chunks, ...filters.map((filter) => filter.chunks));
    const read = readQuery(query.text);
    const asked = withSpellings(snapshot.isOutdated ? withOlderTerms(read, query.text) : read, count);
    const counted = asked.terms.map((word) => ({ ...word, chunks: count(word.term) }));
    const choice = chooseTerms(counted, { rows: query.termBudgetRows, chunks: team.chunks });
    const termsIgnored = ignoredWords(choice);
    const groups = filteredChunks === 0 ? [] : lookedUpTogether(asked, count);
    if (filteredChunks === 0 || (choice.kept.length === 0 && groups.length === 0))
      return { candidates: [], complete: true, termsIgnored };
    const passing = this.#passing(filters, snapshot);
    const postingsOf = snapshot.reading(rangesUnder(passing, snapshot));
    const look = lookingUp(passing, snapshot, postingsOf);
    const words = choice.kept.map(({ term, weight, chunks }) => [term, weight * idf(team.chunks, chunks)] as const);
    const looked = readAgain(choice);
    const best = look(words, Math.max(query.limit, looked));
    const together = groups.flatMap((group) => {
      const all = group.map((term) => [term, idf(team.chunks, count(term))] as const);
      return this.#first(look(all, LIMITS.searchLookedThrough, group).scores, LIMITS.searchLookedThrough);
    });
    const again = new Set([...this.#first(best.scores, looked), ...together]);
    const scoring = { query: asked, terms: choice.present, team };
    // The list of a word that the budget left out is too long to be read.
    const passages =
      choice.ignored.length > 0 ? this.#texts(again, scoring) : this.#listed(again, scoring, { snapshot, postingsOf });
    const scores = passageScores(passages, scoring);
    const others = new Map<number, number>();
    for (const [id, score] of best.scores) if (!again.has(id)) others.set(id, score);
    const candidates = this.#inOrder(scores, others, query.limit);
    return { candidates, complete: best.complete && scores.size + others.size <= query.limit, termsIgnored };
  }

  /** The next chunks that hold tokens of an earlier analyser, those of a file of the first format all. */
  outdated(): OutdatedChunks | null {
    const rows = this.#outdatedChunks.all(LIMITS.indexReadAgainBatch).map(cells);
    if (rows.length === 0) return null;
    const files = new Set(rows.map(([, file]) => brandId("file", String(file))));
    return { upTo: Math.max(...rows.map(([id]) => Number(id))), chunks: rows.length, files: [...files] };
  }

  builds(after: BuildRef | null, limit: number): (BuildRef & { readonly chunks: number })[] {
    const rows = this.#builds.all(after?.file ?? "", after?.build ?? "", limit).map(cells);
    return rows.map(([file, build, chunks]) => ({
      file: brandId("file", String(file)),
      build: String(build),
      chunks: Number(chunks),
    }));
  }

  #passing(filters: readonly HintFilter[], snapshot: Fts5Snapshot): readonly PassingFilter[] {
    const listOf = snapshot.reading(ALL_IDS);
    return filters.map(({ hints, joined, chunks }) => ({
      lists: joined === null ? hints.map(listOf) : [this.#postingsOfFiles(joined)],
      chunks,
    }));
  }

  #postingsOfFiles(files: readonly FileId[]): Postings {
    return postingsOfIds(this.#idsByFiles.all(JSON.stringify(files)).map((row) => Number(cells(row)[0])));
  }

  /**
   * The best `count`. Which of those comes first that tie with the last of them, their chunks decide, so that it
   * never depends on the count.
   */
  #first(scores: ReadonlyMap<number, number>, count: number): readonly number[] {
    if (scores.size <= count) return [...scores.keys()];
    const cut = nthBest(scores, count);
    const above = [...scores].filter(([, score]) => score > cut).map(([id]) => id);
    const tied = [...scores].filter(([, score]) => score === cut).map(([id]) => id);
    const left = count - above.length;
    if (tied.length <= left) return [...above, ...tied];
    return [...above, ...this.#firstByIds.all(JSON.stringify(tied), left).map((row) => Number(cells(row)[0]))];
  }

  #texts(again: ReadonlySet<number>, scoring: Scoring): ReadonlyMap<number, Passage> {
    const wanted = wantedTerms(scoring);
    return new Map([...this.#tokenTexts([...again])].map(([id, text]) => [id, new TextPassage(text, wanted)] as const));
  }

  #listed(
    again: ReadonlySet<number>,
    scoring: Scoring,
    { snapshot, postingsOf }: { readonly snapshot: Fts5Snapshot; readonly postingsOf: (term: string) => Postings },
  ): ReadonlyMap<number, Passage> {
    const wanted = wantedTerms(scoring);
    const isHeld = (word: string) => word !== "" && snapshot.count(word) > 0;
    const listed = wanted.filter(isHeld);
    const source: PassageSource = {
      wanted: new Set(wanted),
      numbers: new Map(listed.map((word, number) => [word, number])),
      lists: listed.map(postingsOf),
      lengths: snapshot.lengths,
      isHeld,
      textOf: (id) => this.#tokenTexts([id]).get(id) ?? { title: "", body: "" },
    };
    return new Map([...again].map((id) => [id, new ListedPassage(source, id)] as const));
  }

  #tokenTexts(ids: readonly number[]): ReadonlyMap<number, ScoredText> {
    const texts = this.#wordsByIds.all(JSON.stringify(ids)).map((row) => {
      const [id, title, body, hints] = cells(row);
      return [Number(id), { title: String(title), body: String(body), hints: String(hints) }] as const;
    });
    return new Map(texts);
  }

  /**
   * What was read again comes first, in its order; behind it what else was found, in the order in which that was,
   * never with a better score.
   */
  #inOrder(
    scores: ReadonlyMap<number, number>,
    others: ReadonlyMap<number, number>,
    limit: number,
  ): readonly Candidate[] {
    const first = this.#candidates(bestOf(scores, limit)).slice(0, limit);
    if (first.length === limit) return first;
    const least = Math.min(...scores.values());
    const left = limit - first.length;
    const rest = this.#candidates(bestOf(others, left)).slice(0, left);
    return [...first, ...rest.map((each) => ({ ...each, score: Math.min(least, each.score) }))];
  }

  #candidates(scores: ReadonlyMap<number, number>): readonly Candidate[] {
    return [...scores]
      .flatMap(([id, score]) => {
        const row = this.#chunkById.get(id);
        if (row === undefined) return [];
        const [file, build, position, page, charStart, charEnd, text] = cells(row);
        return {
          file: brandId("file", String(file)),
          build: String(build),
          position: Number(position),
          page: Number(page),
          charStart: Number(charStart),
          charEnd: Number(charEnd),
          text: String(text),
          score,
        };
      })
      .sort(compareRanked);
  }
}

/**
 * The rows that are among the best `limit`, with all that tie with the last of them: which of those comes first, the
 * chunks decide.
 */
function bestOf(scores: ReadonlyMap<number, number>, limit: number): ReadonlyMap<number, number> {
  if (scores.size <= limit) return scores;
  const cut = nthBest(scores, limit);
  const best = new Map<number, number>();
  for (const [id, score] of scores) if (score >= cut) best.set(id, score);
  return best;
}

interface HintFilter {
  readonly hints: readonly string[];
  /** Files that are looked up by themselves instead; null = by the hints. */
  readonly joined: readonly FileId[] | null;
  readonly chunks: number;
}

/** Groups of hints, of each of which a chunk must hold one, with how many chunks that lets through at most. */
function filtersOf({ buckets, tags, files }: RankQuery, count: (hint: string) => number): readonly HintFilter[] {
  const filter = (hints: readonly string[], joined: readonly FileId[] | null = null) => ({
    hints,
    joined,
    chunks: hints.reduce((sum, hint) => sum + count(hint), 0),
  });
  return [
    ...(buckets.length > 0 ? [filter(buckets.map(bucketHint))] : []),
    ...tags.map((tag) => filter([...new Set([tagHint(tag), tagAsSent(tag)])])),
    ...(files !== null ? [filter(files.map(fileHint), files.length > MAX_FILE_HINTS ? files : null)] : []),
  ];
}

interface PassingFilter {
  readonly lists: readonly Postings[];
  /** At most. */
  readonly chunks: number;
}

/** Where the narrowest filter lets something through; everywhere when that is much of the index. */
function rangesUnder(passing: readonly PassingFilter[], { team, lastId }: Fts5Snapshot): readonly IdRange[] {
  const [first, ...others] = passing;
  if (first === undefined) return ALL_IDS;
  const narrowest = others.reduce((least, filter) => (filter.chunks < least.chunks ? filter : least), first);
  if (narrowest.chunks > team.chunks * MOST_READ_IN_PART) return ALL_IDS;
  const ranges = rangesOf(narrowest.lists);
  return idsIn(ranges) > lastId * MOST_READ_IN_PART ? ALL_IDS : ranges;
}

/** Of the team's chunks, and of the ids. More of a list is as soon read whole, and then it is kept. */
const MOST_READ_IN_PART = 0.25;

/**
 * Looks the words up that it is given with their weights, under the filters. `required`: words that a chunk must hold
 * all of.
 */
function lookingUp(
  passing: readonly PassingFilter[],
  { lengths, factors }: Fts5Snapshot,
  postingsOf: (term: string) => Postings,
) {
  return (
    words: readonly (readonly [term: string, weightedIdf: number])[],
    count: number,
    required: readonly string[] = [],
  ): BestChunks =>
    bestChunks({
      words: words.map(([term, weightedIdf]) => ({ postings: postingsOf(term), weightedIdf })),
      filters: [...passing.map(({ lists }) => lists), ...required.map((term) => [postingsOf(term)])],
      lengths,
      factors,
      count,
    });
}

/** 0 when there are fewer; no score is below it. */
function nthBest(scores: ReadonlyMap<number, number>, n: number): number {
  const rising = new Float64Array(scores.size);
  let filled = 0;
  for (const score of scores.values()) rising[filled++] = score;
  return rising.sort()[rising.length - n] ?? 0;
}

/** Each hint is a list of its own in each segment: of a thousand files a query of their chunks takes less. */
const MAX_FILE_HINTS = 40;

/** A row of a statement that returns arrays, which node:sqlite types as objects. */
function cells(row: unknown): readonly unknown[] {
  return Array.isArray(row) ? row : [];
}
