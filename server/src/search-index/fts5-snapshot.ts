import type { DatabaseSync, StatementSync } from "node:sqlite";
import { LengthFactors } from "./bm25.ts";
import { type Lengths, readLengths } from "./fts5-lengths.ts";
import { Fts5Postings } from "./fts5-postings.ts";
import { FORMAT_OF_ANALYSER, FORMAT_WITH_LENGTHS, FORMAT_WITH_UNCOUNTED } from "./fts5-schema.ts";
import { readCounts } from "./fts5-terms.ts";
import { ALL_IDS, type IdRange } from "./id-ranges.ts";
import type { TeamLists } from "./kept-lists.ts";
import type { Postings } from "./posting-list.ts";

/** A team's file as rankings see it. What they read is kept from one to the next, until somebody has committed. */
export class Fts5Snapshots {
  readonly #version: StatementSync;
  readonly #totals: StatementSync;
  readonly #outdated: StatementSync;
  readonly #lastId: StatementSync;
  readonly #openCounts: ReturnType<typeof readCounts>;
  readonly #postings: Fts5Postings;
  readonly #openLengths: () => Lengths;
  readonly #lists: TeamLists;
  #known: { readonly version: unknown; readonly snapshot: Fts5Snapshot } | null = null;

  /** `lists`: what is kept of this file's, for this instance alone. */
  constructor(database: DatabaseSync, format: number, lists: TeamLists) {
    const prepare = (text: string) => {
      const statement = database.prepare(text);
      statement.setReturnArrays(true);
      return statement;
    };
    this.#version = prepare("PRAGMA data_version");
    this.#totals = prepare("SELECT chunks, tokens FROM totals");
    this.#outdated = prepare(
      format >= FORMAT_OF_ANALYSER
        ? "SELECT 1 FROM analysis JOIN chunks ON chunks.id > analysis.done AND chunks.id <= analysis.last LIMIT 1"
        : "SELECT 1 FROM chunks LIMIT 1",
    );
    this.#lastId = prepare("SELECT max(id) FROM chunks");
    this.#openCounts = readCounts(database, format >= FORMAT_WITH_UNCOUNTED);
    this.#postings = new Fts5Postings(database);
    this.#openLengths = readLengths(database, format >= FORMAT_WITH_LENGTHS);
    this.#lists = lists;
  }

  /** What the caller's transaction sees: for use within it. */
  current(): Fts5Snapshot {
    const version = cells(this.#version.get())[0];
    if (this.#known !== null && this.#known.version === version) return this.#known.snapshot;
    this.#lists.clear();
    const [chunks, tokens] = cells(this.#totals.get()).map(Number);
    const team = { chunks: chunks ?? 0, tokens: tokens ?? 0 };
    const segments = this.#postings.open();
    const told = {
      team,
      isOutdated: this.#outdated.get() !== undefined,
      lastId: Number(cells(this.#lastId.get())[0]),
      lengths: this.#openLengths(),
      factors: new LengthFactors(team.tokens / team.chunks),
    };
    const snapshot = new Fts5Snapshot(told, {
      countOf: this.#openCounts(),
      listOf: (wanted) => this.#postings.read(segments, wanted),
      lists: this.#lists,
    });
    this.#known = { version, snapshot };
    return snapshot;
  }
}

export interface Team {
  readonly chunks: number;
  readonly tokens: number;
}

interface Told {
  readonly team: Team;
  /** Whether some chunks hold the tokens of an earlier analyser. */
  readonly isOutdated: boolean;
  /** Of the newest chunk. */
  readonly lastId: number;
  readonly lengths: Lengths;
  readonly factors: LengthFactors;
}

interface Asked {
  readonly countOf: (term: string) => number;
  readonly listOf: (wanted: Parameters<Fts5Postings["read"]>[1]) => Postings;
  readonly lists: TeamLists;
}

export class Fts5Snapshot implements Told {
  readonly team: Team;
  readonly isOutdated: boolean;
  readonly lastId: number;
  readonly lengths: Lengths;
  readonly factors: LengthFactors;
  readonly #asked: Asked;
  readonly #counts = new Map<string, number>();

  constructor({ team, isOutdated, lastId, lengths, factors }: Told, asked: Asked) {
    this.team = team;
    this.isOutdated = isOutdated;
    this.lastId = lastId;
    this.lengths = lengths;
    this.factors = factors;
    this.#asked = asked;
  }

  /** How many chunks hold the term or hint. */
  count(term: string): number {
    const known = this.#counts.get(term);
    if (known !== undefined) return known;
    if (this.#counts.size >= MOST_COUNTS) this.#counts.clear();
    const count = this.#asked.countOf(term);
    this.#counts.set(term, count);
    return count;
  }

  /**
   * For one query: the lists of terms, as far as they are in the ranges and perhaps further. Whole ones are kept for
   * later queries.
   */
  reading(ranges: readonly IdRange[]): (term: string) => Postings {
    const { lists, listOf } = this.#asked;
    const known = new Map<string, Postings>();
    const read = (term: string) => {
      const isWhole = ranges === ALL_IDS;
      const most = isWhole ? this.team.chunks : MOST_EXPECTED_IN_PART;
      const postings = listOf({ term, ranges, chunks: Math.min(Math.max(this.count(term), 0), most) });
      if (isWhole) lists.keep(term, postings);
      return postings;
    };
    return (term) => {
      const found = known.get(term) ?? lists.get(term) ?? read(term);
      known.set(term, found);
      return found;
    };
  }
}

/** A longer part makes itself more room. */
const MOST_EXPECTED_IN_PART = 256;

/** Some hundred bytes each. */
const MOST_COUNTS = 10_000;

/** A row of a statement that returns arrays, which node:sqlite types as objects. */
function cells(row: unknown): readonly unknown[] {
  return Array.isArray(row) ? row : [];
}
