import type { DatabaseSync, StatementSync } from "node:sqlite";
import { BODY_WEIGHT, TITLE_WEIGHT } from "./bm25.ts";
import { firstRowidAt, firstTermAt, Leaf } from "./fts5-leaf.ts";
import { type Place, PostingList, type Postings } from "./posting-list.ts";

/**
 * The lists of FTS5's inverted index, read from its segments in the format that the head of SQLite's fts5_index.c
 * documents and its file format keeps. `bm25()` takes 0.5 to 1 µs a chunk, for it looks up each chunk's length in a
 * table and lays out each position; these lists and fts5-lengths.ts take 20 ns (docs/decisions/0039-postings.md).
 *
 * FTS5 writes, merges and removes as ever. Each read is of one snapshot, by a statement of the caller's transaction.
 */
export class Fts5Postings {
  readonly #structure: StatementSync;
  readonly #firstLeaf: StatementSync;
  readonly #laterLeaves: StatementSync;

  constructor(database: DatabaseSync) {
    this.#structure = database.prepare("SELECT block FROM words_data WHERE id = 10");
    // `pgno` is twice the page, and whether its list has an index. The page may have gone into an unfinished merge: then
    // it is the next one.
    this.#firstLeaf = database.prepare(
      `SELECT id, block FROM words_data WHERE id <= ?1 AND id >= ?2 + coalesce(
         (SELECT pgno / 2 FROM words_idx WHERE segid = ?3 AND term <= ?4 ORDER BY term DESC LIMIT 1), 1)
       ORDER BY id LIMIT 1`,
    );
    this.#laterLeaves = database.prepare("SELECT block FROM words_data WHERE id > ? AND id <= ? ORDER BY id");
    for (const statement of [this.#firstLeaf, this.#laterLeaves]) statement.setReturnArrays(true);
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
    const lastLeaf = id * PAGES + last;
    const [leafId, block] = cells(this.#firstLeaf.get(lastLeaf, id * PAGES, id, key));
    if (block === undefined) return;
    const reader = new DoclistReader(list);
    if (!reader.begin(new Leaf(blobOf(block)), key)) return;
    for (const row of this.#laterLeaves.iterate(Number(leafId), lastLeaf))
      if (!reader.goOn(new Leaf(blobOf(cells(row)[0])))) return;
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
    return end !== null && this.#entries(leaf, end);
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
    const { bytes, size } = leaf;
    const list = this.#list;
    list.page(bytes);
    while (leaf.at < end) {
      this.#id += leaf.varint();
      const at = leaf.at;
      const to = positionBytes(leaf) + leaf.at;
      if (to > size) {
        this.#parts = [bytes.subarray(at, size)];
        this.#left = to - size;
        return true;
      }
      list.add(this.#id, frequencyIn(bytes, leaf.at, to), at);
      leaf.at = to;
    }
    return end === size;
  }

  #rest(leaf: Leaf): void {
    const to = Math.min(HEADER_BYTES + this.#left, leaf.size);
    this.#parts.push(leaf.bytes.subarray(HEADER_BYTES, to));
    this.#left -= to - HEADER_BYTES;
    if (this.#left > 0) return;
    const whole = new Leaf(Buffer.concat(this.#parts));
    this.#list.page(whole.bytes);
    positionBytes(whole);
    this.#list.add(this.#id, frequencyIn(whole.bytes, whole.at, whole.bytes.length), 0);
  }
}

/** How long the list of positions is that comes next. */
function positionBytes(leaf: Leaf): number {
  // Twice that, and whether it stands for something older.
  return Math.floor(leaf.varint() / 2);
}

/** In which places of a chunk's fields a term stands, counted in tokens. */
export interface Positions {
  readonly title: readonly number[];
  readonly body: readonly number[];
}

export function positionsAt({ bytes, at }: Place): Positions {
  const leaf = new Leaf(bytes);
  leaf.at = at;
  const to = positionBytes(leaf) + leaf.at;
  const fields: readonly number[][] = [[], [], []];
  let field = fields[0];
  let position = 0;
  while (leaf.at < to) {
    const number = leaf.varint();
    if (number === COLUMN) {
      field = fields[leaf.varint()];
      position = 0;
    } else {
      position += number - FIRST_POSITION;
      field?.push(position);
    }
  }
  return { title: fields[0] ?? [], body: fields[1] ?? [] };
}

const HEADER_BYTES = 4;

/** Weights by the columns of `words`: title, body, hints. A hint is never a word, so its weight only says that it is there. */
const WEIGHTS = [TITLE_WEIGHT, BODY_WEIGHT, 1];
const COLUMN = 1;
const FIRST_POSITION = 2;

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

/** A row of a statement that returns arrays, which node:sqlite types as objects. */
function cells(row: unknown): readonly unknown[] {
  return Array.isArray(row) ? row : [];
}

function blobOf(value: unknown): Uint8Array {
  if (value instanceof Uint8Array) return value;
  throw new Error("the search index lacks a page");
}
