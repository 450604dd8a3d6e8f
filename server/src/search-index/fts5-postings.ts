import type { DatabaseSync, StatementSync } from "node:sqlite";
import { BODY_WEIGHT, TITLE_WEIGHT } from "./bm25.ts";
import { firstRowidAt, firstTermAt, Leaf } from "./fts5-leaf.ts";
import type { IdRange } from "./id-ranges.ts";
import { PAGE_BYTES, type Place, PostingList, type Postings } from "./posting-list.ts";

/** FTS5 begins the terms of its main index with it; prefix indexes, of which there are none, have other digits. */
const MAIN_INDEX = "0";
/** Rows of `words_data` that belong to one segment. */
const PAGES = 2 ** 37;

/**
 * The lists of FTS5's inverted index, read from its segments in the format that the head of SQLite's fts5_index.c
 * documents and its file format keeps. `bm25()` takes 0.5 to 1 µs a chunk, for it looks up each chunk's length in a
 * table and lays out each position; these lists and fts5-lengths.ts take 20 ns (docs/decisions/0039-postings.md).
 *
 * FTS5 writes, merges and removes as ever. Each read is of one snapshot, by a statement of the caller's transaction.
 */
export class Fts5Postings {
  readonly #structure: StatementSync;
  readonly #firstLeaves: StatementSync;
  readonly #lastLeaf: StatementSync;
  readonly #leaf: StatementSync;
  readonly #leaves: StatementSync;

  constructor(database: DatabaseSync) {
    const prepare = (text: string) => {
      const statement = database.prepare(text);
      statement.setReturnArrays(true);
      return statement;
    };
    this.#structure = prepare("SELECT block FROM words_data WHERE id = 10");
    // Of each segment the page where the term would begin. `pgno` is twice the page, and whether its list has an index.
    // The page may have gone into an unfinished merge: then it is the next one.
    this.#firstLeaves = prepare(
      `SELECT segment.value, data.id, data.block FROM json_each(?1) AS segment JOIN words_data AS data ON data.id = (
         SELECT id FROM words_data WHERE id >= segment.value * ${PAGES} + coalesce((
           SELECT pgno / 2 FROM words_idx WHERE segid = segment.value AND term <= ?2 ORDER BY term DESC LIMIT 1
         ), 1) ORDER BY id LIMIT 1)`,
    );
    // Where a later term begins.
    this.#lastLeaf = prepare("SELECT pgno / 2 FROM words_idx WHERE segid = ? AND term > ? ORDER BY term LIMIT 1");
    this.#leaf = prepare("SELECT block FROM words_data WHERE id = ?");
    this.#leaves = prepare("SELECT block FROM words_data WHERE id >= ? AND id <= ? ORDER BY id");
  }

  /** Of the snapshot that the caller's transaction sees: use it no longer than that. */
  open(): Segments {
    return segmentsOf(blobOf(cells(this.#structure.get())[0])).filter(({ last }) => last > 0);
  }

  /** The term's list; of ids outside the ranges it says nothing. `chunks`: about as many as it will have. */
  read(
    segments: Segments,
    { term, ranges, chunks }: { readonly term: string; readonly ranges: readonly IdRange[]; readonly chunks: number },
  ): Postings {
    const list = new PostingList(chunks);
    const key = Buffer.from(`${MAIN_INDEX}${term}`);
    const ids = JSON.stringify(segments.map(({ id }) => id));
    const firstLeaves = new Map(this.#firstLeaves.all(ids, key).map((row) => [cells(row)[0], cells(row)] as const));
    for (const segment of segments) {
      const [, leafId, block] = firstLeaves.get(segment.id) ?? [];
      list.beginSegment();
      if (block !== undefined && Number(leafId) <= segment.id * PAGES + segment.last)
        this.#readSegment(segment, key, { id: Number(leafId), block }, new DoclistReader(list, ranges));
      list.endSegment();
    }
    return list.finish();
  }

  #readSegment(
    { id, last }: Segment,
    key: Uint8Array,
    first: { readonly id: number; readonly block: unknown },
    reader: DoclistReader,
  ): void {
    if (!reader.begin(new Leaf(blobOf(first.block)), key)) return;
    const lastLeaf = id * PAGES + Number(cells(this.#lastLeaf.get(id, key))[0] ?? last);
    for (let next = first.id + 1; next <= lastLeaf; ) {
      const from = reader.wantedFrom;
      if (from === Number.POSITIVE_INFINITY) return;
      const begin = from > reader.id ? this.#lastLeafBefore(from, next, lastLeaf) : next;
      if (begin > next) reader.passOver();
      next = begin;
      for (const row of this.#leaves.iterate(begin, lastLeaf)) {
        next += 1;
        if (!reader.goOn(new Leaf(blobOf(cells(row)[0])))) return;
        if (reader.wantedFrom > from) break;
      }
    }
    if (reader.isUnfinished) throw new Error(`segment ${id} of the search index ends within a list`);
  }

  /** Of these leaves of one list the last that is known to begin with an id up to `id`, otherwise the first. */
  #lastLeafBefore(id: number, first: number, last: number): number {
    const isBefore = (leaf: number) => {
      const block = cells(this.#leaf.get(leaf))[0];
      return block !== undefined && firstRowidOf(new Leaf(blobOf(block))) <= id;
    };
    let low = first;
    let step = 1;
    for (; low + step <= last && isBefore(low + step); step *= 2) low += step;
    for (let high = Math.min(low + step, last + 1); high - low > 1; ) {
      const middle = Math.floor((low + high) / 2);
      if (isBefore(middle)) low = middle;
      else high = middle;
    }
    return low;
  }
}

/** Infinity: the leaf begins no entry. */
function firstRowidOf(leaf: Leaf): number {
  leaf.at = firstRowidAt(leaf);
  return leaf.at === 0 ? Number.POSITIVE_INFINITY : leaf.varint();
}

/** One term's list, from the leaf that holds the term over as many leaves as it goes on: the entries in the ranges. */
class DoclistReader {
  readonly #list: PostingList;
  readonly #ranges: Iterator<IdRange>;
  /** The range that the next id may be in, or that comes next. */
  #from = 0;
  #to = 0;
  /** Bytes of a position list that goes on in the next leaf. */
  #left = 0;
  #parts: Uint8Array[] = [];
  #id = 0;

  constructor(list: PostingList, ranges: readonly IdRange[]) {
    this.#list = list;
    this.#ranges = ranges.values();
    this.#nextRange(0);
  }

  get isUnfinished(): boolean {
    return this.#left > 0;
  }

  /** The last id that was read. */
  get id(): number {
    return this.#id;
  }

  /** Ids below it are not wanted any more; Infinity: none is. */
  get wantedFrom(): number {
    return this.#from;
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

  /** The next leaf is not the next one of the list. */
  passOver(): void {
    this.#left = 0;
  }

  #entries(leaf: Leaf, end: number): boolean {
    const { bytes, size } = leaf;
    if (bytes.length > PAGE_BYTES) throw new Error("the search index has a page of another size");
    const list = this.#list;
    list.page(bytes);
    let id = this.#id;
    let at = leaf.at;
    while (at < end) {
      const distance = bytes[at] ?? 0;
      if (distance < 128) {
        id += distance;
        at += 1;
      } else {
        leaf.at = at;
        id += leaf.varint();
        at = leaf.at;
      }
      if (id >= this.#to) this.#nextRange(id);
      const place = at;
      // As positionBytes reads it.
      const doubled = bytes[at] ?? 0;
      let to = at + 1 + (doubled >> 1);
      if (doubled < 128) at += 1;
      else {
        leaf.at = at;
        to = positionBytes(leaf) + leaf.at;
        at = leaf.at;
      }
      if (to > size) {
        this.#id = id;
        this.#parts = [bytes.subarray(place, size)];
        this.#left = to - size;
        return true;
      }
      if (id >= this.#from) list.add(id, frequencyIn(bytes, at, to), place);
      at = to;
    }
    this.#id = id;
    return end === size;
  }

  #rest(leaf: Leaf): void {
    const to = Math.min(HEADER_BYTES + this.#left, leaf.size);
    this.#parts.push(leaf.bytes.subarray(HEADER_BYTES, to));
    this.#left -= to - HEADER_BYTES;
    if (this.#left > 0 || this.#id < this.#from) return;
    const whole = new Leaf(Buffer.concat(this.#parts));
    this.#list.page(whole.bytes);
    positionBytes(whole);
    this.#list.add(this.#id, frequencyIn(whole.bytes, whole.at, whole.bytes.length), 0);
  }

  #nextRange(id: number): void {
    while (id >= this.#to) {
      const { done, value } = this.#ranges.next();
      this.#from = done ? Number.POSITIVE_INFINITY : value.from;
      this.#to = done ? Number.POSITIVE_INFINITY : value.to;
    }
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

/**
 * Weights by the columns of `words`: title, body, hints. A hint is never a word, so its weight only says that
 * it is there.
 */
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

export type Segments = readonly Segment[];

interface Segment {
  readonly id: number;
  /** Its last page; 0 = all of them have gone into an unfinished merge. */
  readonly last: number;
}

/**
 * Of the structure record, oldest first: those of a higher level are older, within a level they stand in their order.
 */
function segmentsOf(record: Uint8Array): Segments {
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
