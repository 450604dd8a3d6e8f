import type { DatabaseSync, SQLInputValue, StatementSync } from "node:sqlite";
import { brandId } from "../ids.ts";
import { BODY_WEIGHT, compareRanked, TITLE_WEIGHT } from "./bm25.ts";
import { bucketHint, fileHint, tagHint } from "./hints.ts";
import { queryTerms } from "./query-terms.ts";
import type { BuildRef, Candidate, Ranking, RankQuery } from "./search-index.ts";
import { type CountedTerm, chooseTerms } from "./term-budget.ts";

/**
 * Reads of one team's file, on the reader thread, each inside one snapshot. At 100 000 chunks of 1 200 characters two or three terms
 * take 5–8 ms and thirty 15 ms, nearly all of it FTS5 scoring each matching row; a bucket of 2 % brings both under 2 ms.
 */
export class Fts5Reads {
  readonly #countOf: StatementSync;
  readonly #chunkCount: StatementSync;
  readonly #best: Record<RowFilter, StatementSync>;
  readonly #bestWithTies: Record<RowFilter, StatementSync>;
  readonly #chunksByIds: StatementSync;
  readonly #builds: StatementSync;

  constructor(database: DatabaseSync) {
    const prepare = (text: string) => {
      const statement = database.prepare(text);
      statement.setReturnArrays(true);
      return statement;
    };
    this.#countOf = prepare("SELECT chunks FROM terms WHERE term = ?");
    this.#chunkCount = prepare("SELECT count(*) FROM words_docsize");
    this.#best = { none: prepare(best("")), files: prepare(best(IN_FILES)) };
    this.#bestWithTies = { none: prepare(bestWithTies("")), files: prepare(bestWithTies(IN_FILES)) };
    this.#chunksByIds = prepare(
      `SELECT id, file, build, position, page, char_start, char_end, text
       FROM chunks WHERE id IN (SELECT value FROM json_each(?))`,
    );
    // Grouped along the covering index chunks_by_build: a page of builds reads no more than its own entries.
    this.#builds = prepare(
      `SELECT file, build, count(*) FROM chunks WHERE (file, build) > (?, ?) GROUP BY file, build ORDER BY file, build LIMIT ?`,
    );
  }

  rank(query: RankQuery): Ranking {
    const counted = queryTerms(query.text).map((word) => ({ ...word, chunks: this.#count(word.term) }));
    const { kept, ignored } = chooseTerms(counted, query.termBudgetRows);
    const termsIgnored = ignored.map((word) => word.spelled);
    if (kept.length === 0 || query.files?.length === 0) return { candidates: [], complete: true, termsIgnored };
    const { ids, complete } = this.#bestIds(kept, query);
    return { candidates: this.#candidates(ids), complete, termsIgnored };
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

  /** Row ids of the best `limit` with their scores; ties at the cut are resolved exactly, so that a longer list begins with a shorter one. */
  #bestIds(
    kept: readonly CountedTerm[],
    query: RankQuery,
  ): { readonly ids: ReadonlyMap<number, number>; readonly complete: boolean } {
    const { limit } = query;
    const match = this.#matchExpression(kept, query);
    const byRow = query.files !== null && query.files.length > MAX_FILE_HINTS;
    const filter: RowFilter = byRow ? "files" : "none";
    const parameters: SQLInputValue[] = byRow ? [match, JSON.stringify(query.files)] : [match];
    const rows = this.#best[filter].all(...parameters, limit + 1).map(cells);
    const complete = rows.length <= limit;
    const tied = !complete && rows[limit - 1]?.[1] === rows[limit]?.[1];
    const exact = tied
      ? this.#bestWithTies[filter].all(...parameters, limit - 1, limit).map(cells)
      : rows.slice(0, limit);
    return { ids: new Map(exact.map(([id, score]) => [Number(id), -Number(score)])), complete };
  }

  #matchExpression(kept: readonly CountedTerm[], query: RankQuery): string {
    const groups = [`{title body} : (${anyOf(kept.flatMap(repeated))})`];
    const buckets = query.buckets.map(bucketHint);
    if (buckets.length > 0 && this.#tellsApart(buckets)) groups.push(`hints : (${anyOf(buckets)})`);
    for (const tag of query.tags) groups.push(`hints : (${anyOf([tagHint(tag)])})`);
    if (query.files !== null && query.files.length <= MAX_FILE_HINTS)
      groups.push(`hints : (${anyOf(query.files.map(fileHint))})`);
    return groups.join(" AND ");
  }

  /**
   * Whether the buckets hold less than half of the chunks. Above that the hint costs more than it saves (walking it once takes 5 ms at
   * 100 000 chunks), and the catalogue drops the rest anyway.
   */
  #tellsApart(buckets: readonly string[]): boolean {
    const all = Number(cells(this.#chunkCount.get())[0]);
    const within = buckets.reduce((sum, bucket) => sum + this.#count(bucket), 0);
    return within < all / 2;
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

type RowFilter = "none" | "files";

/** FTS5 scores every phrase of a query for every row: 1 000 file hints took 70–250 ms, the same files as a set of rows 11–27 ms. */
const MAX_FILE_HINTS = 40;

/** The plus keeps SQLite from running the match once for each row of the set. */
const IN_FILES = "AND +rowid IN (SELECT id FROM chunks WHERE file IN (SELECT value FROM json_each(?)))";

const SCORE = `bm25(words, ${TITLE_WEIGHT}, ${BODY_WEIGHT}, 0)`;

/** FTS5's score is negative: smaller is better. */
function best(filter: string): string {
  return `SELECT rowid, ${SCORE} AS score FROM words WHERE words MATCH ? ${filter} ORDER BY score LIMIT ?`;
}

/** The same with ties in their order; it looks up each row that is as good as the last, so it runs only when the cut goes through a tie. */
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
  return tokens.map((token) => `"${token.replaceAll('"', '""')}"`).join(" OR ");
}

/** A row of a statement that returns arrays, which node:sqlite types as objects. */
function cells(row: unknown): readonly unknown[] {
  return Array.isArray(row) ? row : [];
}
