import type { DatabaseSync, StatementSync } from "node:sqlite";
import { LIMITS } from "../limits.ts";
import { tokensOf } from "./bm25.ts";

/**
 * In how many chunks each term occurs: `terms`, a row a term, and beside it what long documents have changed and nobody
 * has added to it yet. A PDF of 100 pages has 7 500 different terms, which take as long as all else of its writing:
 * they wait in one row, which is written with its chunks, and become rows when nobody waits for the writer any more. So
 * whoever reads counts both.
 */
export const UNCOUNTED_TABLE = "CREATE TABLE uncounted (changes text NOT NULL) STRICT";

export class TermWrites {
  readonly #add: StatementSync;
  readonly #drop: StatementSync;
  readonly #defer: StatementSync;
  readonly #addDeferred: StatementSync;
  readonly #dropDeferred: StatementSync;
  readonly #forgetDeferred: StatementSync;
  readonly #findDeferred: StatementSync;

  constructor(database: DatabaseSync) {
    // One statement for all of them: a third less than one for each (2.0 instead of 2.9 ms for 750 terms).
    const added = (from: string) =>
      database.prepare(
        `INSERT INTO terms (term, chunks) SELECT key, value FROM ${from} WHERE true
         ON CONFLICT (term) DO UPDATE SET chunks = chunks + excluded.chunks`,
      );
    const dropped = (from: string) =>
      database.prepare(`DELETE FROM terms WHERE chunks <= 0 AND term IN (SELECT key FROM ${from} WHERE value < 0)`);
    this.#add = added("json_each(?)");
    this.#drop = dropped("json_each(?)");
    this.#defer = database.prepare("INSERT INTO uncounted (changes) VALUES (?)");
    this.#addDeferred = added(DEFERRED);
    this.#dropDeferred = dropped(DEFERRED);
    this.#forgetDeferred = database.prepare("DELETE FROM uncounted");
    this.#findDeferred = database.prepare("SELECT 1 FROM uncounted");
  }

  /** Inside the transaction that has changed them. Only one transaction's changes ever wait. */
  change(counts: TermCounts): void {
    const { json, terms, someLess } = counts.changes();
    if (terms >= LIMITS.indexTermsCountedLater) {
      this.count();
      this.#defer.run(json);
    } else if (terms > 0) {
      this.#add.run(json);
      if (someLess) this.#drop.run(json);
    }
  }

  get mustCount(): boolean {
    return this.#findDeferred.get() !== undefined;
  }

  /** Adds what waits. */
  count(): void {
    if (!this.mustCount) return;
    this.#addDeferred.run();
    this.#dropDeferred.run();
    this.#forgetDeferred.run();
  }
}

const DEFERRED = "(SELECT each.key, each.value FROM uncounted, json_each(uncounted.changes) AS each)";

/** Answers with how many chunks hold a term; of a file of an earlier format, `terms` are all. */
export function readCounts(database: DatabaseSync, hasUncounted: boolean): () => (term: string) => number {
  const find = database.prepare("SELECT chunks FROM terms WHERE term = ?");
  const findWaiting = hasUncounted ? database.prepare("SELECT changes FROM uncounted") : null;
  return () => {
    const waiting = changesIn(findWaiting?.get()?.["changes"]);
    return (term) => Number(find.get(term)?.["chunks"] ?? 0) + (waiting.get(term) ?? 0);
  };
}

/** The writer's own JSON: terms and numbers. */
function changesIn(json: unknown): ReadonlyMap<string, number> {
  return typeof json === "string" ? new Map(Object.entries<number>(JSON.parse(json))) : NOTHING;
}

const NOTHING: ReadonlyMap<string, number> = new Map();

/** How many chunks more or fewer hold each term: gathered first, so that a batch touches each row of `terms` once. */
export class TermCounts {
  #terms = new Map<string, TermCount>();
  chunks = 0;
  tokens = 0;
  #added = 0;

  /** Counts each token of one chunk once, whatever field it stands in. Answers with how many tokens there are. */
  add(fields: readonly string[], change: 1 | -1): number {
    this.#added += 1;
    let tokens = 0;
    for (const field of fields)
      for (const token of tokensOf(field)) {
        tokens += 1;
        this.#count(token, change);
      }
    this.chunks += change;
    this.tokens += change * tokens;
    return tokens;
  }

  /** Takes over what the other one has counted, which is not used any more. */
  addAll(other: TermCounts): void {
    this.chunks += other.chunks;
    this.tokens += other.tokens;
    if (this.#terms.size === 0) {
      this.#terms = other.#terms;
      return;
    }
    for (const [term, count] of other.#terms) {
      const known = this.#terms.get(term);
      if (known === undefined) this.#terms.set(term, count);
      else known.change += count.change;
    }
  }

  /**
   * As JSON, term → change, as they came. In key order, neighbours of the table would be written together, but a
   * batch's terms fit into its cache (4 400 of them, 16 MiB): the sorting cost a quarter of the writing, and won
   * nothing in a table of 400 000.
   */
  changes(): { readonly json: string; readonly terms: number; readonly someLess: boolean } {
    let json = "";
    let terms = 0;
    let someLess = false;
    for (const [term, { change }] of this.#terms) {
      if (change === 0) continue;
      terms += 1;
      someLess ||= change < 0;
      json += `${json === "" ? "{" : ","}${JSON.stringify(term)}:${change}`;
    }
    return { json: `${json}}`, terms, someLess };
  }

  /** One look for each word: a set of each chunk's words first takes three. */
  #count(token: string, change: number): void {
    const known = this.#terms.get(token);
    if (known === undefined) this.#terms.set(token, { change, lastChunk: this.#added });
    else if (known.lastChunk !== this.#added) {
      known.lastChunk = this.#added;
      known.change += change;
    }
  }
}

interface TermCount {
  change: number;
  /** The chunk that was counted last, so that its next such word is not. */
  lastChunk: number;
}
