import { readdirSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { processMs } from "../processes/processor-time.ts";

/** A word of the texts and in how many of them it stands. */
export interface FoundWord {
  readonly word: string;
  readonly chunks: number;
}

const RESULTS = 10;

/**
 * What anybody has in an afternoon: the passages of a server's index in one FTS5 table with its default tokenizer, the
 * bucket beside them, `bm25`. In this process, without HTTP, threads or a catalogue.
 *
 * A bucket can be kept in three ways: as a column that is not indexed, which is the obvious one; in a table of its own
 * that is joined, as whoever changes buckets needs it; or as a word of the index, which whoever knows FTS5 well would
 * try for speed, with a table of its own here, so that the others do not have its words.
 */
export class PlainFts5 {
  readonly #database: DatabaseSync;

  private constructor(database: DatabaseSync) {
    this.#database = database;
  }

  /** `small`: the file that is in the bucket "small". */
  static over(dataDir: string, folder: string, small: string): PlainFts5 {
    const index = join(dataDir, "index");
    const [file = ""] = readdirSync(index).filter((name) => name.endsWith(".db"));
    // Without a write-ahead log, from which reading is slower, and with the cache that Wharf's readers have.
    const database = new DatabaseSync(join(folder, "plain.db"));
    database.exec("PRAGMA journal_mode = OFF; PRAGMA cache_size = -65536; PRAGMA temp_store = MEMORY");
    database.exec("CREATE VIRTUAL TABLE plain USING fts5(text, bucket UNINDEXED)");
    database.exec("CREATE VIRTUAL TABLE worded USING fts5(text, bucket, content='')");
    database.exec("CREATE TABLE buckets (id integer PRIMARY KEY, bucket text NOT NULL) STRICT");
    database.prepare("ATTACH ? AS wharf").run(join(index, file));
    database.exec("BEGIN");
    for (const into of [
      "plain (rowid, text, bucket) SELECT id, text,",
      "worded (rowid, text, bucket) SELECT id, text,",
      "buckets (id, bucket) SELECT id,",
    ])
      database.prepare(`INSERT INTO ${into} iif(file = ?, 'small', 'large') FROM wharf.chunks`).run(small);
    database.exec("COMMIT; DETACH wharf");
    for (const table of ["plain", "worded"]) database.exec(`INSERT INTO ${table} (${table}) VALUES ('optimize')`);
    return new PlainFts5(database);
  }

  /** Of a–z alone, by rising number of chunks, from `least`. */
  words(least: number): readonly FoundWord[] {
    this.#database.exec("CREATE VIRTUAL TABLE temp.told USING fts5vocab(main, plain, row)");
    const rows = this.#database.prepare("SELECT term, doc FROM temp.told WHERE doc >= ? ORDER BY doc, term").all(least);
    return rows
      .map((row) => ({ word: String(row["term"]), chunks: Number(row["doc"]) }))
      .filter(({ word }) => /^[a-z]{2,}$/.test(word));
  }

  /**
   * Processor time of each query: OR of its words, the ten best. `bucket`: how the bucket is kept, if one is wanted.
   */
  processorMs(queries: readonly string[], bucket: "none" | "column" | "joined" | "word"): readonly number[] {
    const statement = this.#database.prepare(SQL[bucket]);
    return queries.map((query) => {
      const words = query
        .split(" ")
        .map((word) => `"${word}"`)
        .join(" OR ");
      const match = bucket === "word" ? `bucket : small AND text : (${words})` : words;
      const began = processMs();
      statement.all(match, RESULTS);
      return processMs() - began;
    });
  }

  close(): void {
    this.#database.close();
  }
}

const SQL = {
  none: "SELECT rowid FROM plain WHERE plain MATCH ? ORDER BY bm25(plain) LIMIT ?",
  column: "SELECT rowid FROM plain WHERE plain MATCH ? AND bucket = 'small' ORDER BY bm25(plain) LIMIT ?",
  joined: `SELECT plain.rowid FROM plain JOIN buckets ON buckets.id = plain.rowid
           WHERE plain MATCH ? AND buckets.bucket = 'small' ORDER BY bm25(plain) LIMIT ?`,
  word: "SELECT rowid FROM worded WHERE worded MATCH ? ORDER BY bm25(worded, 1, 0) LIMIT ?",
} as const;
