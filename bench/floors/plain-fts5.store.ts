import { readdirSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

/** A word of the texts and in how many of them it stands. */
export interface FoundWord {
  readonly word: string;
  readonly chunks: number;
}

const RESULTS = 10;

/**
 * What anybody has in an afternoon: the passages of a server's index in one FTS5 table with its default tokenizer, the
 * bucket beside them, `bm25`. In this process, without HTTP, threads or a catalogue.
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
    database.exec("CREATE TABLE buckets (id integer PRIMARY KEY, bucket text NOT NULL) STRICT");
    database.prepare("ATTACH ? AS wharf").run(join(index, file));
    database.exec("BEGIN");
    for (const into of ["plain (rowid, text, bucket) SELECT id, text,", "buckets (id, bucket) SELECT id,"])
      database.prepare(`INSERT INTO ${into} iif(file = ?, 'small', 'large') FROM wharf.chunks`).run(small);
    database.exec("COMMIT; DETACH wharf; INSERT INTO plain (plain) VALUES ('optimize')");
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

  /** How long each query takes: OR of its words, the ten best. `bucket`: as a column of the table, or joined. */
  latenciesMs(queries: readonly string[], bucket: "none" | "column" | "joined"): readonly number[] {
    const statement = this.#database.prepare(SQL[bucket]);
    return queries.map((query) => {
      const words = query.split(" ").map((word) => `"${word}"`);
      const began = performance.now();
      statement.all(words.join(" OR "), RESULTS);
      return performance.now() - began;
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
} as const;
