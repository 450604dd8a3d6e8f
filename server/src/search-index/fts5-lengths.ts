import type { DatabaseSync, StatementSync } from "node:sqlite";

/**
 * How many tokens each chunk has, for BM25: FTS5 keeps them in a table of a row a chunk, and looking up one takes as
 * long as counting fifty words. Here one row holds those of CHUNKS_PER_BLOCK neighbouring ids, two bytes each, the
 * lower one first. A chunk that went leaves its number behind, which nobody asks for.
 */
export const LENGTHS_TABLE = "CREATE TABLE lengths (block integer PRIMARY KEY NOT NULL, tokens blob NOT NULL) STRICT";

/** A row fits into one page: 100 rows tell of 100 000 chunks, and a write touches one or two. */
export const CHUNKS_PER_BLOCK = 1024;
const BYTES = 2;
const MOST_TOKENS = 0xffff;

export class LengthWrites {
  readonly #find: StatementSync;
  readonly #put: StatementSync;

  constructor(database: DatabaseSync) {
    this.#find = database.prepare("SELECT tokens FROM lengths WHERE block = ?");
    this.#put = database.prepare("INSERT OR REPLACE INTO lengths (block, tokens) VALUES (?, ?)");
  }

  /** Chunk id → tokens, of one write: it touches each row once. */
  put(lengths: ReadonlyMap<number, number>): void {
    for (const [block, changes] of Map.groupBy(lengths, ([id]) => Math.floor(id / CHUNKS_PER_BLOCK))) {
      const bytes = blobOf(this.#find.get(block)?.["tokens"]);
      for (const [id, tokens] of changes) put(bytes, id % CHUNKS_PER_BLOCK, tokens);
      this.#put.run(block, bytes);
    }
  }
}

/**
 * Fills the table of an index that was written without it, from FTS5's own: half a second for a million chunks, once.
 */
export function fillLengths(database: DatabaseSync): void {
  const older = findInSizes(database);
  const insert = database.prepare("INSERT INTO lengths (block, tokens) VALUES (?, ?)");
  const last = Number(database.prepare("SELECT max(id) AS last FROM words_docsize").get()?.["last"] ?? -1);
  for (let block = 0; block * CHUNKS_PER_BLOCK <= last; block++) insert.run(block, older(block));
}

/** Answers with the block's bytes, to be read with `lengthIn`. */
export type Lengths = (block: number) => Uint8Array;

export function lengthIn(block: Uint8Array, index: number): number {
  return (block[index * BYTES] ?? 0) | ((block[index * BYTES + 1] ?? 0) << 8);
}

/**
 * Each call gives a memory of its own, of one snapshot. `hasTable`: an earlier format has none, and is asked for FTS5's
 * own numbers.
 */
export function readLengths(database: DatabaseSync, hasTable: boolean): () => Lengths {
  const find = hasTable ? findInTable(database) : findInSizes(database);
  return () => {
    const known = new Map<number, Uint8Array>();
    return (block) => {
      const found = known.get(block) ?? find(block);
      if (known.size < BLOCKS_KEPT) known.set(block, found);
      return found;
    };
  };
}

/** 2 MB: of a million chunks. */
const BLOCKS_KEPT = 1000;

function findInTable(database: DatabaseSync): Lengths {
  const find = database.prepare("SELECT tokens FROM lengths WHERE block = ?");
  return (block) => blobOf(find.get(block)?.["tokens"]);
}

function findInSizes(database: DatabaseSync): Lengths {
  const sizes = database.prepare("SELECT id, sz FROM words_docsize WHERE id >= ? AND id < ?");
  return (block) => {
    const bytes = blobOf(undefined);
    const from = block * CHUNKS_PER_BLOCK;
    for (const row of sizes.iterate(from, from + CHUNKS_PER_BLOCK))
      put(bytes, Number(row["id"]) - from, tokensOfSizes(row["sz"]));
    return bytes;
  };
}

function put(block: Uint8Array, index: number, tokens: number): void {
  const most = Math.min(tokens, MOST_TOKENS);
  block[index * BYTES] = most & 0xff;
  block[index * BYTES + 1] = most >> 8;
}

/** FTS5's sizes of a row: a number for each column, seven bits a byte, the highest first. */
function tokensOfSizes(sizes: unknown): number {
  let sum = 0;
  let size = 0;
  for (const byte of blobOf(sizes)) {
    size = size * 128 + (byte & 127);
    if (byte >= 128) continue;
    sum += size;
    size = 0;
  }
  return sum;
}

function blobOf(value: unknown): Uint8Array {
  return value instanceof Uint8Array ? value : new Uint8Array(CHUNKS_PER_BLOCK * BYTES);
}
