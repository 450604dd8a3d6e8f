import type { DatabaseSync, StatementSync } from "node:sqlite";
import { BODY_WEIGHT, TITLE_WEIGHT } from "./bm25.ts";
import { firstRowidAt, firstTermAt, Leaf } from "./fts5-leaf.ts";
import { PostingList, type Postings } from "./posting-list.ts";

/**
 * The lists of FTS5's inverted index, read from its segments in the format that the head of SQLite's fts5_index.c
 * documents and its file format keeps. `bm25()` takes 0.5 to 1 µs a chunk, for it looks up each chunk's length in a
 * table and lays out each position; these lists and fts5-lengths.ts take 20 ns (docs/decisions/0039-postings.md).
 *
 * FTS5 writes, merges and removes as ever. Each read is of one snapshot, by a statement of the caller's transaction.
 */
export class Fts5Postings {
  readonly #structure: StatementSync;
  readonly #leafOf: StatementSync;
  readonly #leaves: StatementSync;

  constructor(database: DatabaseSync) {
    this.#structure = database.prepare("SELECT block FROM words_data WHERE id = 10");
    this.#leafOf = database.prepare(
      "SELECT pgno FROM words_idx WHERE segid = ? AND term <= ? ORDER BY term DESC LIMIT 1",
    );
    this.#leaves = database.prepare("SELECT block FROM words_data WHERE id >= ? AND id <= ? ORDER BY id");
    for (const statement of [this.#leafOf, this.#leaves]) statement.setReturnArrays(true);
  }

  /** Of the snapshot that the caller's transaction sees: keep it no longer than that. */
  open(): (term: string) => Postings {
    const segments = segmentsOf(blobOf(this.#structure.get()?.["block"]));
    const known = new Map<string, Postings>();
    return (term) => {
      const found = known.get(term) ?? this.#postings(segments, term);
      known.set(term, found);
      return found;
    };
  }

  #postings(segments: readonly Segment[], term: string): Postings {
    const list = new PostingList();
    const key = Buffer.from(`${MAIN_INDEX}${term}`);
    for (const segment of segments) {
      list.beginSegment();
      this.#readSegment(segment, key, list);
      list.endSegment();
    }
    return list.finish();
  }

  #readSegment({ id, last }: Segment, key: Uint8Array, list: PostingList): void {
    // Twice the page, and whether its list has an index. It may have gone into an unfinished merge: then the next one.
    const page = Math.floor(Number(cell(this.#leafOf.get(id, key)) ?? 2) / 2);
    const reader = new DoclistReader(list);
    for (const row of this.#leaves.iterate(id * PAGES + page, id * PAGES + last)) {
      const leaf = new Leaf(blobOf(cell(row)));
      if (!(reader.isOpen ? reader.goOn(leaf) : reader.begin(leaf, key))) return;
    }
    if (reader.isUnfinished) throw new Error(`segment ${id} of the search index ends within a list`);
  }
}

/** FTS5 begins the terms of its main index with it; prefix indexes, of which there are none, have other digits. */
const MAIN_INDEX = "0";
/** Rows of `words_data` that belong to one segment. */
const PAGES = 2 ** 37;

/** One term's list, from the leaf that holds the term over as many leaves as it goes on. */
class DoclistReader {
  readonly #list: PostingList;
  isOpen = false;
  /** Bytes of a position list that goes on in the next leaf. */
  #left = 0;
  #parts: Uint8Array[] = [];
  #id = 0;

  constructor(list: PostingList) {
    this.#list = list;
  }

  get isUnfinished(): boolean {
    return this.#left > 0;
  }

  /** Whether it goes on in the next leaf. */
  begin(leaf: Leaf, key: Uint8Array): boolean {
    const end = leaf.seek(key);
    if (end === null) return false;
    this.isOpen = true;
    return this.#entries(leaf, end);
  }

  goOn(leaf: Leaf): boolean {
    if (this.#left > 0) this.#rest(leaf);
    const firstRowid = firstRowidAt(leaf);
    const firstTerm = firstTermAt(leaf);
    if (firstRowid === 0) return firstTerm === null;
    leaf.at = firstRowid;
    // The first one of a leaf is not told by its distance.
    this.#id = 0;
    return this.#entries(leaf, firstTerm ?? leaf.size);
  }

  #entries(leaf: Leaf, end: number): boolean {
    while (leaf.at < end) {
      this.#id += leaf.varint();
      // Twice the length, and whether it stands for something older.
      const bytes = Math.floor(leaf.varint() / 2);
      const to = leaf.at + bytes;
      if (to > leaf.size) {
        this.#parts = [leaf.bytes.subarray(leaf.at, leaf.size)];
        this.#left = to - leaf.size;
        return true;
      }
      this.#list.add(this.#id, frequencyIn(leaf.bytes, leaf.at, to));
      leaf.at = to;
    }
    return end === leaf.size;
  }

  #rest(leaf: Leaf): void {
    const to = Math.min(HEADER_BYTES + this.#left, leaf.size);
    this.#parts.push(leaf.bytes.subarray(HEADER_BYTES, to));
    this.#left -= to - HEADER_BYTES;
    if (this.#left > 0) return;
    const positions = Buffer.concat(this.#parts);
    this.#list.add(this.#id, frequencyIn(positions, 0, positions.length));
  }
}

const HEADER_BYTES = 4;

/** Weights by the columns of `words`: title, body, hints. A hint is never a word, so its weight only says that it is there. */
const WEIGHTS = [TITLE_WEIGHT, BODY_WEIGHT, 1];
const COLUMN = 1;

/** Of one list of positions: numbers from 2, and before those of each column but the first a 1 and its number. */
function frequencyIn(bytes: Uint8Array, from: number, to: number): number {
  let weight = TITLE_WEIGHT;
  let frequency = 0;
  for (let at = from; at < to; ) {
    let byte = bytes[at++] ?? 0;
    if (byte === COLUMN) weight = WEIGHTS[bytes[at++] ?? 0] ?? 0;
    else {
      while (byte >= 128) byte = bytes[at++] ?? 0;
      frequency += weight;
    }
  }
  return frequency;
}

/** FTS5's own bounds. */
const MOST_LEVELS = 64;
const MOST_SEGMENTS = 2000;

interface Segment {
  readonly id: number;
  /** Its last page; 0 = all of them have gone into an unfinished merge. */
  readonly last: number;
}

/**
 * Of the structure record, oldest first: those of a higher level are older, within a level they stand in their order.
 */
function segmentsOf(record: Uint8Array): readonly Segment[] {
  if (record[HEADER_BYTES] === 0xff) throw new Error("the search index has a structure of another version of FTS5");
  const numbers = new Leaf(record);
  numbers.at = HEADER_BYTES;
  const next = (most = Number.POSITIVE_INFINITY) => {
    const number = numbers.varint();
    if (number > most) throw new Error("the search index has a damaged structure");
    return number;
  };
  const levels = next(MOST_LEVELS);
  // Segments of all levels, leaves ever written.
  next();
  next();
  const byLevel = Array.from({ length: levels }, () => {
    // Segments that an unfinished merge takes in.
    next();
    return Array.from({ length: next(MOST_SEGMENTS) }, () => {
      const id = next();
      // Its first page.
      next();
      return { id, last: next() };
    });
  });
  return byLevel.reverse().flat();
}

function cell(row: unknown): unknown {
  return Array.isArray(row) ? row[0] : undefined;
}

function blobOf(value: unknown): Uint8Array {
  if (value instanceof Uint8Array) return value;
  throw new Error("the search index lacks a page");
}
