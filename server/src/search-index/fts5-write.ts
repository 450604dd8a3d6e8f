import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { FileId } from "../ids.ts";
import { LIMITS } from "../limits.ts";
import { tokenText } from "./analyze.ts";
import { tokensOf } from "./bm25.ts";
import { LengthWrites } from "./fts5-lengths.ts";
import { TermCounts, TermWrites } from "./fts5-terms.ts";
import { hintTokens, withTags } from "./hints.ts";
import type { BuildLabels, ChunkWrite, FileNames, IndexedChunk } from "./search-index.ts";

/**
 * Writes to one team's file, on the writer thread, inside its transaction. All synchronous. What a call does to the
 * counts of terms waits for `finish`: documents that share a commit share most of their words, too.
 */
export class Fts5Writes {
  readonly #database: DatabaseSync;
  /** Of the calls of this transaction that have succeeded: the last thing that one does is to add its own. */
  #counts = new TermCounts();
  readonly #insertChunk: StatementSync;
  readonly #insertWords: StatementSync;
  readonly #deleteChunk: StatementSync;
  readonly #deleteWords: StatementSync;
  readonly #find: StatementSync;
  readonly #findBetween: StatementSync;
  readonly #wordsOf: StatementSync;
  readonly #ofFile: StatementSync;
  readonly #ofBuild: StatementSync;
  readonly #countUpTo: StatementSync;
  readonly #addTotals: StatementSync;
  readonly #outdated: StatementSync;
  readonly #updateWords: StatementSync;
  readonly #advance: StatementSync;
  readonly #mustMerge: StatementSync;
  readonly #userMerge: StatementSync;
  readonly #terms: TermWrites;
  readonly #lengths: LengthWrites;

  constructor(database: DatabaseSync) {
    this.#database = database;
    this.#insertChunk = database.prepare(
      `INSERT INTO chunks (file, build, position, page, char_start, char_end, text) VALUES (?, ?, ?, ?, ?, ?, ?)`,
    );
    this.#insertWords = database.prepare("INSERT INTO words (rowid, title, body, hints) VALUES (?, ?, ?, ?)");
    this.#deleteChunk = database.prepare("DELETE FROM chunks WHERE id = ?");
    this.#deleteWords = database.prepare("DELETE FROM words WHERE rowid = ?");
    this.#find = database.prepare("SELECT id FROM chunks WHERE file = ? AND build = ? AND position = ?");
    this.#findBetween = database.prepare(
      "SELECT 1 FROM chunks WHERE file = ? AND build = ? AND position BETWEEN ? AND ? LIMIT 1",
    );
    this.#wordsOf = database.prepare("SELECT title, body, hints FROM words WHERE rowid = ?");
    this.#ofFile = database.prepare("SELECT id FROM chunks WHERE file = ?1 AND (?2 IS NULL OR build = ?2) LIMIT ?3");
    this.#ofBuild = database.prepare(
      "SELECT id, position FROM chunks WHERE file = ? AND build = ? AND position > ? ORDER BY position LIMIT ?",
    );
    this.#countUpTo = database.prepare(
      "SELECT count(*) AS n FROM (SELECT 1 FROM chunks WHERE file = ?1 AND (?2 IS NULL OR build = ?2) LIMIT ?3)",
    );
    this.#addTotals = database.prepare("UPDATE totals SET chunks = chunks + ?, tokens = tokens + ?");
    this.#outdated = database.prepare(
      `SELECT chunks.id, chunks.file, chunks.text FROM analysis JOIN chunks
       ON chunks.id > analysis.done AND chunks.id <= min(analysis.last, ?)`,
    );
    this.#updateWords = database.prepare("UPDATE words SET title = ?, body = ?, hints = ? WHERE rowid = ?");
    this.#advance = database.prepare("UPDATE analysis SET done = min(max(done, ?), last)");
    this.#mustMerge = database.prepare(
      `SELECT unmerged FROM totals WHERE NOT EXISTS
       (SELECT 1 FROM analysis JOIN chunks ON chunks.id > analysis.done AND chunks.id <= analysis.last)`,
    );
    this.#userMerge = database.prepare("SELECT v FROM words_config WHERE k = 'usermerge'");
    this.#terms = new TermWrites(database);
    this.#lengths = new LengthWrites(database);
  }

  /** A transaction begins: nothing of one that was rolled back counts. */
  begin(): void {
    this.#counts = new TermCounts();
  }

  /** Before the transaction's commit. */
  finish(): void {
    const { chunks, tokens } = this.#counts;
    if (chunks !== 0 || tokens !== 0) this.#addTotals.run(chunks, tokens);
    this.#terms.change(this.#counts);
  }

  /** Whether terms of a long document wait for `countTerms`. */
  mustCountTerms(): boolean {
    return this.#terms.mustCount;
  }

  countTerms(): void {
    this.#terms.count();
  }

  write(write: ChunkWrite): void {
    const hints = hintTokens(write).join(" ");
    const counts = new TermCounts();
    const lengths = new Map<number, number>();
    const isNew = this.#isNew(write);
    for (const chunk of write.chunks) {
      const before = isNew ? undefined : this.#find.get(write.file, write.build, chunk.position);
      if (before !== undefined) this.#removeRow(Number(before["id"]), counts);
      const id = this.#insert(write, hints, chunk);
      lengths.set(id, counts.add([write.titleTokens, chunk.tokens, hints], 1));
    }
    this.#lengths.put(lengths);
    this.#counts.addAll(counts);
  }

  /**
   * Gives a bounded number of the build's chunks behind the position `after` these labels; the last one's position,
   * null at the end. Thorough as `remove` is, but sooner not: somebody waits for it (450 chunks: 2 s, and 0.1 s
   * otherwise). Of notes, which are most, a merge of the whole index for each change of a title would cost more.
   */
  label(labels: BuildLabels, after: number): number | null {
    const { file, build, titleTokens } = labels;
    const all = Number(this.#countUpTo.get(file, build, LIMITS.indexThoroughLabelChunks + 1)?.["n"]);
    const thorough = all <= LIMITS.indexThoroughLabelChunks;
    const batch = thorough ? LIMITS.indexThoroughRemovalBatch : LIMITS.chunksPerWrite;
    const hints = hintTokens(labels).join(" ");
    const counts = new TermCounts();
    const lengths = new Map<number, number>();
    const rows = this.#ofBuild.all(file, build, after, batch);
    if (!thorough) this.#setThorough(false);
    for (const row of rows) {
      const id = Number(row["id"]);
      const before = fieldsOf(this.#wordsOf.get(id));
      const now = [titleTokens, before[1], hints] as const;
      if (before[0] === now[0] && before[2] === now[2]) continue;
      counts.add(before, -1);
      lengths.set(id, counts.add(now, 1));
      this.#updateWords.run(...now, id);
    }
    if (!thorough) this.#setThorough(true);
    this.#lengths.put(lengths);
    this.#counts.addAll(counts);
    if (!thorough && lengths.size > 0) this.#setTraces(true);
    const last = rows.at(-1);
    return last === undefined || rows.length < batch ? null : Number(last["position"]);
  }

  /**
   * Makes the tokens of chunks up to `upTo` anew that an earlier analyser read. Their texts stay, so nothing has to
   * leave the inverted index at once: the old words go with a merge, once all chunks were read again.
   */
  readAgain(upTo: number, names: readonly FileNames[]): void {
    const nameOf = new Map<string, FileNames>(names.map((each) => [each.file, each]));
    const counts = new TermCounts();
    const lengths = new Map<number, number>();
    this.#setThorough(false);
    for (const row of this.#outdated.all(upTo)) {
      const id = Number(row["id"]);
      const before = fieldsOf(this.#wordsOf.get(id));
      const name = nameOf.get(String(row["file"]));
      const [title, hints] =
        name === undefined
          ? [before[0], before[2]]
          : [name.titleTokens, withTags(tokensOf(before[2]), name.tags).join(" ")];
      const after = [title, tokenText(String(row["text"])), hints] as const;
      counts.add(before, -1);
      lengths.set(id, counts.add(after, 1));
      this.#updateWords.run(...after, id);
    }
    this.#setThorough(true);
    this.#lengths.put(lengths);
    this.#advance.run(upTo);
    this.#setTraces(true);
    this.#counts.addAll(counts);
  }

  /**
   * Whether words that nothing holds any more wait for `merge`. Not while there are chunks to read again: each batch of
   * them makes a merge begin anew, with the whole index, so that it would not end before them. Reading 20 000 chunks
   * again took 45 s of processor with merges in between and a batch up to 224 ms; without 4.5 s and 20 ms.
   */
  mustMerge(): boolean {
    return this.#mustMerge.get()?.["unmerged"] === 1;
  }

  /**
   * Removes a bounded number of chunks of the file, of one build or (null) of all; true while there are more. A large
   * removal is not thorough: single words of it, without their order, stay in the inverted index until it is merged.
   */
  remove(file: FileId, build: string | null): boolean {
    const left = Number(this.#countUpTo.get(file, build, LIMITS.indexThoroughRemovalChunks + 1)?.["n"]);
    if (left === 0) return false;
    const thorough = left <= LIMITS.indexThoroughRemovalChunks;
    const batch = thorough ? LIMITS.indexThoroughRemovalBatch : LIMITS.chunksPerWrite;
    const counts = new TermCounts();
    if (!thorough) this.#setThorough(false);
    for (const row of this.#ofFile.all(file, build, batch)) this.#removeRow(Number(row["id"]), counts);
    if (!thorough) this.#setThorough(true);
    if (!thorough) this.#setTraces(true);
    this.#counts.addAll(counts);
    return left > batch;
  }

  /**
   * One bounded step of merging the whole index into one tree, which drops what removals left in it. True while
   * there is more.
   */
  merge(): boolean {
    const more = this.#mergeStep(-LIMITS.indexMergePages);
    if (!more) this.#setTraces(false);
    return more;
  }

  /**
   * One bounded step towards one tree a level, instead of up to four: a query looks into each for each of its words.
   * True while there is more. A tree goes up a level with another one of its size, so that each word is written once
   * more each time the index doubles, not each time somebody has written something.
   */
  mergeLevels(): boolean {
    if (Number(this.#userMerge.get()?.["v"]) !== LEAST_MERGED)
      this.#database.exec(`INSERT INTO words (words, rank) VALUES ('usermerge', ${LEAST_MERGED})`);
    return this.#mergeStep(LIMITS.indexMergePages);
  }

  /** FTS5 says whether it did something by changing rows. */
  #mergeStep(pages: number): boolean {
    const changes = () => Number(this.#database.prepare("SELECT total_changes() AS n").get()?.["n"]);
    const before = changes();
    this.#database.exec(`INSERT INTO words (words, rank) VALUES ('merge', ${pages})`);
    return changes() - before >= 2;
  }

  /** Nothing of it is there: a build is written once, unless its attempt is repeated. */
  #isNew({ file, build, chunks }: ChunkWrite): boolean {
    const [first, last] = [chunks[0]?.position ?? 0, chunks.at(-1)?.position ?? 0];
    return this.#findBetween.get(file, build, first, last) === undefined;
  }

  /** Its id. */
  #insert(write: ChunkWrite, hints: string, chunk: IndexedChunk): number {
    const { position, page, charStart, charEnd, text, tokens } = chunk;
    const { lastInsertRowid } = this.#insertChunk.run(
      write.file,
      write.build,
      position,
      page,
      charStart,
      charEnd,
      text,
    );
    this.#insertWords.run(lastInsertRowid, write.titleTokens, tokens, hints);
    return Number(lastInsertRowid);
  }

  #removeRow(id: number, counts: TermCounts): void {
    counts.add(fieldsOf(this.#wordsOf.get(id)), -1);
    this.#deleteWords.run(id);
    this.#deleteChunk.run(id);
  }

  #setThorough(on: boolean): void {
    // A literal: node:sqlite binds numbers as REAL, which FTS5 refuses here.
    this.#database.exec(`INSERT INTO words (words, rank) VALUES ('secure-delete', ${on ? 1 : 0})`);
  }

  #setTraces(unmerged: boolean): void {
    this.#database.prepare("UPDATE totals SET unmerged = ?").run(unmerged ? 1 : 0);
  }
}

/** Trees of a level that `mergeLevels` makes one of: FTS5's least, and by itself it waits for four. */
const LEAST_MERGED = 2;

function fieldsOf(row: Readonly<Record<string, unknown>> | undefined): readonly [string, string, string] {
  return [String(row?.["title"] ?? ""), String(row?.["body"] ?? ""), String(row?.["hints"] ?? "")];
}
