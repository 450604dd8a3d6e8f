import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import fc from "fast-check";
import { CHUNKS_PER_BLOCK, lengthIn, readLengths } from "./fts5-lengths.ts";
import { Fts5Postings, positionsAt } from "./fts5-postings.ts";
import { createTables } from "./fts5-schema.ts";
import { ALL_IDS } from "./id-ranges.ts";
import { entryOf, placeOf } from "./posting-list.ts";

const WORDS = ["a", "ab", "abc", "otter", "otterly", "w1", "w2", "w3", "größe", "東京"];
const IDS = 60;

const text = fc
  .array(fc.tuple(fc.constantFrom(...WORDS), fc.constantFrom(1, 1, 1, 2, 90)), { maxLength: 8 })
  .map((words) => words.flatMap(([word, times]) => Array.from({ length: times }, () => word)).join(" "));
const fields = fc.tuple(text, text, fc.constantFrom("bucket_a", "bucket_a bucket_b"));
const id = fc.integer({ min: 1, max: IDS });

type Step = (database: DatabaseSync) => void;

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.tuple(id, fields).map(
      ([rowid, values]): Step =>
        (database) => {
          if (database.prepare("SELECT 1 FROM words_content WHERE id = ?").get(rowid) === undefined)
            database.prepare("INSERT INTO words (rowid, title, body, hints) VALUES (?, ?, ?, ?)").run(rowid, ...values);
          else
            database.prepare("UPDATE words SET title = ?, body = ?, hints = ? WHERE rowid = ?").run(...values, rowid);
        },
    ),
  },
  {
    weight: 3,
    arbitrary: id.map(
      (rowid): Step =>
        (database) => {
          database.prepare("DELETE FROM words WHERE rowid = ?").run(rowid);
        },
    ),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom("'secure-delete', 1", "'secure-delete', 0", "'merge', 1", "'merge', -2").map(
      (setting): Step =>
        (database) =>
          database.exec(`INSERT INTO words (words, rank) VALUES (${setting})`),
    ),
  },
);

function numbers(json: unknown): unknown {
  return JSON.parse(String(json));
}

/** What a query wants of the lists; ids between two ranges are passed over. */
const ranges = fc
  .uniqueArray(fc.integer({ min: 1, max: IDS + 2 }), { maxLength: 6 })
  .map((bounds) => bounds.sort((a, b) => a - b))
  .map((bounds) => bounds.flatMap((from, at) => (at % 2 === 0 ? [{ from, to: bounds[at + 1] ?? IDS }] : [])));

/** `merging`: after so many segments; 0 = by the steps alone. */
const settings = fc.record({ page: fc.constantFrom(32, 64, 300, 4050), merging: fc.constantFrom(0, 2, 16) });

test("lists are what FTS5 itself tells, whatever was written, removed and merged, on however many pages", () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 60 }), settings, ranges, (steps, { page, merging }, some) => {
      const database = new DatabaseSync(":memory:");
      createTables(database);
      database.exec("CREATE VIRTUAL TABLE told USING fts5vocab(words, instance)");
      for (const setting of [`'pgsz', ${page}`, `'automerge', ${merging}`, `'crisismerge', ${merging === 2 ? 3 : 16}`])
        database.exec(`INSERT INTO words (words, rank) VALUES (${setting})`);
      const told = database.prepare(
        `SELECT doc, sum(CASE col WHEN 'title' THEN 4 ELSE 1 END) AS frequency
         FROM told WHERE term = ? GROUP BY doc ORDER BY doc`,
      );
      const toldPlaces = database.prepare(
        `SELECT json_group_array("offset" ORDER BY "offset") FILTER (WHERE col = 'title') AS title,
           json_group_array("offset" ORDER BY "offset") FILTER (WHERE col = 'body') AS body
         FROM told WHERE term = ? GROUP BY doc ORDER BY doc`,
      );
      const postings = new Fts5Postings(database);
      for (const each of steps) {
        each(database);
        const segments = postings.open();
        for (const word of [...WORDS, "bucket_a", "bucket_b", "absent"]) {
          const list = postings.read(segments, { term: word, ranges: ALL_IDS, chunks: 2 });
          const { count, ids, frequencies } = list;
          assert.deepEqual(
            Array.from({ length: count }, (_, at) => [ids[at], frequencies[at]]),
            told.all(word).map((row) => [row["doc"], row["frequency"]]),
            word,
          );
          assert.deepEqual(
            Array.from({ length: count }, (_, at) => positionsAt(placeOf(list, entryOf(list, ids[at] ?? 0)))),
            toldPlaces.all(word).map((row) => ({ title: numbers(row["title"]), body: numbers(row["body"]) })),
            word,
          );
          assert.equal(entryOf(list, IDS + 1), -1);
          const wanted = Array.from({ length: count }, (_, at) => [ids[at] ?? 0, frequencies[at]] as const).filter(
            ([id]) => some.some(({ from, to }) => from <= id && id < to),
          );
          const part = postings.read(segments, { term: word, ranges: some, chunks: 0 });
          assert.deepEqual(
            Array.from({ length: part.count }, (_, at) => [part.ids[at], part.frequencies[at]]),
            wanted,
            word,
          );
        }
      }
      database.close();
    }),
    { numRuns: 60 },
  );
});

test("lengths of an index that was written without them are FTS5's own, before and after its first write", () => {
  const database = new DatabaseSync(":memory:");
  createTables(database);
  const words = (count: number) => "w ".repeat(count);
  const insert = database.prepare("INSERT INTO words (rowid, title, body, hints) VALUES (?, ?, ?, ?)");
  const chunks = [
    [1, 3, 100, 2],
    [CHUNKS_PER_BLOCK - 1, 0, 0, 1],
    [CHUNKS_PER_BLOCK, 130, 20_000, 1],
    [5 * CHUNKS_PER_BLOCK, 0, 70_000, 0],
  ] as const;
  for (const [id, ...counts] of chunks) insert.run(id, ...counts.map(words));
  database.exec("DROP TABLE uncounted; DROP TABLE lengths; PRAGMA user_version = 2");
  const seen = (hasTable: boolean) => {
    const lengths = readLengths(database, hasTable)();
    return chunks.map(([id]) => lengthIn(lengths(Math.floor(id / CHUNKS_PER_BLOCK)), id % CHUNKS_PER_BLOCK));
  };
  assert.deepEqual(seen(false), [105, 1, 20_131, 65_535]);
  createTables(database);
  assert.deepEqual(seen(true), [105, 1, 20_131, 65_535]);
});
