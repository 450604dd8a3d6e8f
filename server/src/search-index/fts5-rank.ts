import type { DatabaseSync, SQLInputValue, StatementSync } from "node:sqlite";
import { brandId, type FileId } from "../ids.ts";
import { LIMITS } from "../limits.ts";
import { BODY_WEIGHT, compareRanked, TITLE_WEIGHT } from "./bm25.ts";
import { formatOf, INDEX_FORMAT } from "./fts5-schema.ts";
import { bucketHint, fileHint, tagAsSent, tagHint } from "./hints.ts";
import { passageScores, type Scoring } from "./passage-score.ts";
import { type Query, readQuery, withOlderTerms } from "./query-terms.ts";
import type { BuildRef, Candidate, OutdatedChunks, Ranking, RankQuery } from "./search-index.ts";
import {
  areFew,
  type CountedTerm,
  chooseTerms,
  Essentials,
  ignoredWords,
  lookedUpTogether,
  readAgain,
  type TermSplit,
} from "./term-budget.ts";

/**
 * Reads of one team's file, on the reader thread, each inside one snapshot. Nearly all of a ranking's time is FTS5 scoring rows, 1 µs
 * each for two or three terms, 2 µs for thirty; docs/decisions/0011-search-ranking.md has the figures.
 */
export class Fts5Reads {
  readonly #countOf: StatementSync;
  readonly #totals: StatementSync;
  readonly #wordsByIds: StatementSync;
  readonly #bestRows: Record<RowFilter, StatementSync>;
  readonly #bestWithTies: Record<RowFilter, StatementSync>;
  readonly #chunksByIds: StatementSync;
  readonly #firstByIds: StatementSync;
  readonly #builds: StatementSync;
  readonly #outdatedChunks: StatementSync;

  readonly #firstRows: number;

  /** Of the tables that it was made for: the first write to a file of the first format changes them. */
  readonly format: number;

  /** `firstRows`: a test makes it small, so that a small index has something to leave out. */
  constructor(database: DatabaseSync, firstRows: number = LIMITS.searchFirstRows) {
    this.#firstRows = firstRows;
    const prepare = (text: string) => {
      const statement = database.prepare(text);
      statement.setReturnArrays(true);
      return statement;
    };
    this.#countOf = prepare("SELECT chunks FROM terms WHERE term = ?");
    this.#totals = prepare("SELECT chunks, tokens FROM totals");
    this.#wordsByIds = prepare(
      "SELECT rowid, title, body, hints FROM words WHERE rowid IN (SELECT value FROM json_each(?))",
    );
    this.#bestRows = { none: prepare(best("")), files: prepare(best(IN_FILES)) };
    this.#bestWithTies = { none: prepare(bestWithTies("")), files: prepare(bestWithTies(IN_FILES)) };
    this.#chunksByIds = prepare(
      `SELECT id, file, build, position, page, char_start, char_end, text
       FROM chunks WHERE id IN (SELECT value FROM json_each(?))`,
    );
    this.#firstByIds = prepare(
      "SELECT id FROM chunks WHERE id IN (SELECT value FROM json_each(?)) ORDER BY file, position, build LIMIT ?",
    );
    this.format = formatOf(database);
    this.#outdatedChunks = prepare(
      this.format === INDEX_FORMAT
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
    const team = this.#team();
    const filters = this.#filters(query);
    const filteredChunks = Math.min(team.chunks, ...filters.map((filter) => filter.chunks));
    const asked = this.#isOutdated() ? withOlderTerms(readQuery(query.text), query.text) : readQuery(query.text);
    const counted = asked.terms.map((word) => ({ ...word, chunks: this.#count(word.term) }));
    const budget = { rows: query.termBudgetRows, chunks: team.chunks, filteredChunks };
    const choice = chooseTerms(counted, budget);
    const { present, kept } = choice;
    const termsIgnored = ignoredWords(choice);
    if (kept.length === 0 || filteredChunks === 0) return { candidates: [], complete: true, termsIgnored };
    const lookup = {
      hints: hintsExpression(filters, query.everyFilter ? team.chunks + 1 : team.chunks / 2),
      files: filesToJoin(query),
    };
    const looked = readAgain(present);
    const pool = Math.max(query.limit, looked);
    const best = areFew(present)
      ? this.#bestByFew(new Essentials(present, kept, team.chunks), filteredChunks / team.chunks, lookup, pool)
      : this.#best([wordsExpression(kept), ...lookup.hints].join(" AND "), lookup.files, pool);
    const again = new Set([...this.#first(best.scores, looked), ...this.#together(asked, lookup)]);
    const scores = this.#rescore(again, { query: asked, terms: present, team });
    const others = new Map([...best.scores].filter(([id]) => !scores.has(id)));
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

  #isOutdated(): boolean {
    return this.#outdatedChunks.get(1) !== undefined;
  }

  builds(after: BuildRef | null, limit: number): (BuildRef & { readonly chunks: number })[] {
    const rows = this.#builds.all(after?.file ?? "", after?.build ?? "", limit).map(cells);
    return rows.map(([file, build, chunks]) => ({
      file: brandId("file", String(file)),
      build: String(build),
      chunks: Number(chunks),
    }));
  }

  #count(token: string): number {
    return Number(cells(this.#countOf.get(token))[0] ?? 0);
  }

  #team(): { readonly chunks: number; readonly tokens: number } {
    const [chunks, tokens] = cells(this.#totals.get());
    return { chunks: Number(chunks), tokens: Number(tokens) };
  }

  /** Groups of hints, of each of which a chunk must hold one, with how many chunks that lets through at most. */
  #filters(query: RankQuery): readonly HintFilter[] {
    const { buckets, tags, files } = query;
    const filter = (hints: readonly string[], joined = false) => ({
      hints,
      joined,
      chunks: hints.reduce((sum, hint) => sum + this.#count(hint), 0),
    });
    return [
      ...(buckets.length > 0 ? [filter(buckets.map(bucketHint))] : []),
      ...tags.map((tag) => filter([...new Set([tagHint(tag), tagAsSent(tag)])])),
      ...(files !== null ? [filter(files.map(fileHint), filesToJoin(query) !== null)] : []),
    ];
  }

  /**
   * The best of the chunks that hold a kept word, scored by all present ones. Most of a query's cost is its commonest word, which decides
   * least: a chunk that holds nothing else cannot come near the best (term-budget.ts `Essentials`). So the heaviest words are looked up
   * first; what they find shows how many more have to be. `share`: what the filters let through of all chunks. Under a narrow filter all words
   * together cost little, and each look counts every word's chunks once more (30 ns each).
   */
  #bestByFew(essentials: Essentials, share: number, lookup: Lookup, pool: number): Scored {
    const first = essentials.atFirst(this.#firstRows / share);
    const found = this.#bestOf(first, lookup, pool);
    const needed = essentials.unlessBelow(nthBest(found.scores, pool));
    return needed.looked.length <= first.looked.length ? found : this.#bestOf(needed, lookup, pool);
  }

  /** In two disjoint parts, each scored by the words that its chunks hold: FTS5 skips through the others instead of scoring their chunks. */
  #bestOf({ looked, others, all }: TermSplit, { hints, files }: Lookup, pool: number): Scored {
    const some = wordsExpression(looked);
    const parts =
      others.length === 0
        ? [some]
        : [`(${some} AND ${wordsExpression(others)})`, `(${some} NOT ${wordsExpression(others)})`];
    const found = parts.map((part) => this.#best([part, ...hints].join(" AND "), files, pool));
    return {
      scores: new Map(found.flatMap(({ scores }) => [...scores])),
      complete: all && found.every(({ complete }) => complete),
    };
  }

  /**
   * Row ids of the best `pool` with their scores, and of what ties with the last of them as many as may be among the
   * first.
   */
  #best(match: string, files: readonly FileId[] | null, pool: number): Scored {
    const filter = files === null ? "none" : "files";
    const parameters: SQLInputValue[] = files === null ? [match] : [match, JSON.stringify(files)];
    const rows = this.#bestRows[filter].all(...parameters, pool + FEW_TIES).map(scored);
    const complete = rows.length <= pool;
    const cut = rows[pool - 1]?.[1];
    if (complete || cut === undefined) return { scores: new Map(rows), complete };
    const tiesGoOn = rows.length === pool + FEW_TIES && rows.at(-1)?.[1] === cut;
    const best = tiesGoOn
      ? this.#bestWithTies[filter].all(...parameters, pool - 1, pool).map(scored)
      : rows.filter(([, score]) => score >= cut);
    return { scores: new Map(best), complete };
  }

  /**
   * The best `count`. Which of those comes first that tie with the last of them, their chunks decide, so that it
   * never depends on the count.
   */
  #first(scores: ReadonlyMap<number, number>, count: number): readonly number[] {
    const cut = nthBest(scores, count);
    const above = [...scores].filter(([, score]) => score > cut).map(([id]) => id);
    const tied = [...scores].filter(([, score]) => score === cut).map(([id]) => id);
    const left = count - above.length;
    if (tied.length <= left) return [...above, ...tied];
    return [...above, ...this.#firstByIds.all(JSON.stringify(tied), left).map((row) => Number(cells(row)[0]))];
  }

  #together(query: Query, { hints, files }: Lookup): readonly number[] {
    return lookedUpTogether(query, (term) => this.#count(term)).flatMap((words) => {
      const match = [`{title body} : (${allOf(words)})`, ...hints].join(" AND ");
      return this.#first(this.#best(match, files, LIMITS.searchLookedThrough).scores, LIMITS.searchLookedThrough);
    });
  }

  /** By all that the query says. */
  #rescore(again: ReadonlySet<number>, scoring: Scoring): ReadonlyMap<number, number> {
    const texts = this.#wordsByIds.all(JSON.stringify([...again])).map((row) => {
      const [id, title, body, hints] = cells(row);
      return [Number(id), { title: String(title), body: String(body), hints: String(hints) }] as const;
    });
    return passageScores(new Map(texts), scoring);
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
    const rows = this.#chunksByIds.all(JSON.stringify([...scores.keys()])).map(cells);
    return rows
      .map(([id, file, build, position, page, charStart, charEnd, text]) => ({
        file: brandId("file", String(file)),
        build: String(build),
        position: Number(position),
        page: Number(page),
        charStart: Number(charStart),
        charEnd: Number(charEnd),
        text: String(text),
        score: scores.get(Number(id)) ?? 0,
      }))
      .sort(compareRanked);
  }
}

/** The rows that are among the best `limit`, with all that tie with the last of them: which of those comes first, the chunks decide. */
function bestOf(scores: ReadonlyMap<number, number>, limit: number): ReadonlyMap<number, number> {
  const cut = nthBest(scores, limit);
  return new Map([...scores].filter(([, score]) => score >= cut));
}

type RowFilter = "none" | "files";

interface HintFilter {
  readonly hints: readonly string[];
  /** Applied as a set of rows (IN_FILES) instead of as hints. */
  readonly joined: boolean;
  readonly chunks: number;
}

interface Lookup {
  /** Expressions that a chunk must match as well. */
  readonly hints: readonly string[];
  readonly files: readonly FileId[] | null;
}

interface Scored {
  /** Score by row id. */
  readonly scores: ReadonlyMap<number, number>;
  /** Whether nothing else matched. */
  readonly complete: boolean;
}

/** 0 when there are fewer; no score is below it. */
function nthBest(scores: ReadonlyMap<number, number>, n: number): number {
  return [...scores.values()].sort((a, b) => b - a)[n - 1] ?? 0;
}

/**
 * A filter that lets more than half of the chunks through is left to the catalogue, which drops the rest anyway: as a
 * hint it costs more than it saves (walking it once takes 5 ms at 100 000 chunks). Not so when that found too little:
 * then it may be all the best that were dropped.
 */
function hintsExpression(filters: readonly HintFilter[], under: number): readonly string[] {
  const telling = filters.filter((filter) => !filter.joined && filter.chunks < under);
  return telling.map((filter) => `hints : (${anyOf(filter.hints)})`);
}

function wordsExpression(terms: readonly CountedTerm[]): string {
  return `{title body} : (${anyOf(terms.flatMap(repeated))})`;
}

function filesToJoin({ files }: RankQuery): readonly FileId[] | null {
  return files !== null && files.length > MAX_FILE_HINTS ? files : null;
}

/** FTS5 scores every phrase of a query for every row: 1 000 file hints took 70–250 ms, the same files as a set of rows 11–27 ms. */
const MAX_FILE_HINTS = 40;

/** The plus keeps SQLite from running the match once for each row of the set. */
const IN_FILES = "AND +rowid IN (SELECT id FROM chunks WHERE file IN (SELECT value FROM json_each(?)))";

const SCORE = `bm25(words, ${TITLE_WEIGHT}, ${BODY_WEIGHT}, 0)`;

/** FTS5's score is negative: smaller is better. */
function best(filter: string): string {
  return `SELECT rowid, ${SCORE} AS score FROM words WHERE words MATCH ? ${filter} ORDER BY score LIMIT ?`;
}

/**
 * Chunks of one length with one occurrence tie all the time, and a cut at 100 nearly always goes through a tie. As
 * many more rows cost nothing beside scoring them all, and mostly show all of the tie.
 */
const FEW_TIES = 400;

/**
 * The same with ties in their order; it scores all rows once more and looks up each that is as good as the last, so
 * it runs only for long ties.
 */
function bestWithTies(filter: string): string {
  return `
    WITH scored AS MATERIALIZED (SELECT rowid AS id, ${SCORE} AS score FROM words WHERE words MATCH ? ${filter}),
         cut AS (SELECT score FROM scored ORDER BY score LIMIT 1 OFFSET ?)
    SELECT scored.id, scored.score FROM scored JOIN chunks ON chunks.id = scored.id
    WHERE scored.score <= (SELECT score FROM cut)
    ORDER BY scored.score, chunks.file, chunks.position, chunks.build LIMIT ?`;
}

/** FTS5 adds up the scores of its phrases: a phrase that stands twice counts twice. */
function repeated({ term, weight }: CountedTerm): readonly string[] {
  return Array.from({ length: weight }, () => term);
}

/** Quoted, so that nothing in it is an operator to FTS5. */
function anyOf(tokens: readonly string[]): string {
  return tokens.map(quoted).join(" OR ");
}

function quoted(token: string): string {
  return `"${token.replaceAll('"', '""')}"`;
}

function allOf(tokens: readonly string[]): string {
  return tokens.map(quoted).join(" AND ");
}

/** FTS5's score is negative. */
function scored(row: unknown): readonly [id: number, score: number] {
  const [id, score] = cells(row);
  return [Number(id), -Number(score)];
}

/** A row of a statement that returns arrays, which node:sqlite types as objects. */
function cells(row: unknown): readonly unknown[] {
  return Array.isArray(row) ? row : [];
}
