import type { DatabaseSync } from "node:sqlite";
import { fillLengths, LENGTHS_TABLE } from "./fts5-lengths.ts";
import { UNCOUNTED_TABLE } from "./fts5-terms.ts";

/**
 * One file a team. `words` is the inverted index; beside it stand what a citation needs (`chunks`), in how many chunks
 * a term or hint occurs (`terms`), and how long each chunk is (`lengths`).
 *
 * - `words` keeps its token text. Rejected: `contentless_delete`, which never takes deleted rows out of the counts
 *   behind BM25: after 100 chunks had come and gone, scores of the others had nearly doubled (seen on 3.53.4). It costs
 *   a third of the file's size.
 * - The tokenizer splits at spaces alone: `ascii` takes every character beyond ASCII as part of a token, and the
 *   analyser's terms hold no ASCII but a–z and 0–9. Rejected: `unicode61`, whose tables are of Unicode 6.1 and which
 *   folds once more.
 * - `terms`: FTS5 counts a term's chunks by walking all of them (30 terms over 100 000 chunks: 10 ms p50; here 0.2 ms),
 *   which no budget bounds. It costs 80 µs a chunk when writing.
 * - `secure-delete`: a removed chunk's entries leave the index at once, not with some later merge.
 */
const STATEMENTS = [
  `CREATE TABLE chunks (
    id integer PRIMARY KEY NOT NULL,
    file text NOT NULL,
    build text NOT NULL,
    position integer NOT NULL,
    page integer NOT NULL,
    char_start integer NOT NULL,
    char_end integer NOT NULL,
    text text NOT NULL
  ) STRICT`,
  `CREATE UNIQUE INDEX chunks_by_build ON chunks (file, build, position)`,
  `CREATE TABLE terms (term text PRIMARY KEY NOT NULL, chunks integer NOT NULL) STRICT, WITHOUT ROWID`,
  `CREATE VIRTUAL TABLE words USING fts5(title, body, hints, tokenize = "ascii tokenchars '_'")`,
  `INSERT INTO words (words, rank) VALUES ('secure-delete', 1)`,
  // `tokens`: of all chunks, for the average length. `unmerged`: words of removed chunks wait in the inverted index for
  // a merge (fts5-write.ts); that survives a restart.
  `CREATE TABLE totals (chunks integer NOT NULL, tokens integer NOT NULL, unmerged integer NOT NULL) STRICT`,
  `INSERT INTO totals (chunks, tokens, unmerged) VALUES (0, 0, 0)`,
];

/** Chunks with `done` < id ≤ `last` hold the tokens of an earlier analyser; later ones came after it. Equal = none. */
const ANALYSIS = [
  `CREATE TABLE analysis (done integer NOT NULL, last integer NOT NULL) STRICT`,
  `INSERT INTO analysis (done, last) SELECT 0, coalesce(max(id), 0) FROM chunks`,
];

/** The tokens of all chunks are of an earlier analyser. */
const ANALYSED_ANEW = ["UPDATE analysis SET done = 0, last = (SELECT coalesce(max(id), 0) FROM chunks)"];

/**
 * What each format has beyond the one before it. Format 1 holds the tokens of analyser 1 (fold.ts), 2 those of analyser
 * 2, 3 has the lengths, 4 the terms that wait, 5 the tokens of analyser 3, 6 those of analyser 4.
 * An earlier one is read as it is, and brought to the newest by the first write. An unknown one is rebuilt, since the
 * index is derived.
 */
const FORMATS = [STATEMENTS, ANALYSIS, [LENGTHS_TABLE], [UNCOUNTED_TABLE], ANALYSED_ANEW, ANALYSED_ANEW];
export const INDEX_FORMAT = FORMATS.length;
/** From here on `analysis` tells which chunks the newest analyser has read; before, it has read none. */
export const FORMAT_OF_ANALYSER = 6;
export const FORMAT_WITH_LENGTHS = 3;
export const FORMAT_WITH_UNCOUNTED = 4;

/**
 * Creates the tables in an empty file, or what a file of an earlier format lacks; true when it did. Inside the
 * caller's transaction.
 */
export function createTables(database: DatabaseSync): boolean {
  const format = formatOf(database);
  if (format >= INDEX_FORMAT) return false;
  for (const statement of FORMATS.slice(format).flat()) database.exec(statement);
  if (format < FORMAT_WITH_LENGTHS) fillLengths(database);
  database.exec(`PRAGMA user_version = ${INDEX_FORMAT}`);
  return true;
}

/** 0 = nothing in it yet. */
export function formatOf(database: DatabaseSync): number {
  return Number(database.prepare("PRAGMA user_version").get()?.["user_version"]);
}

/** An index of another version of Wharf is not guessed at. */
export function refuseOtherFormat(database: DatabaseSync): void {
  const format = formatOf(database);
  if (format < 1 || format > INDEX_FORMAT)
    throw new Error(`the search index has format ${format}, this Wharf reads ${INDEX_FORMAT}: run wharf reindex`);
}
