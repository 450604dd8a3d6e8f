import type { Kysely } from "kysely";
import type { Catalogue } from "../../src/catalogue/catalogue.ts";
import type { Schema } from "../../src/catalogue/schema.ts";
import type { IdSource } from "../../src/ids.ts";

/** A catalogue with what its tests need beside it. */
export interface CatalogueUnderTest {
  readonly catalogue: Catalogue;
  /** A connection of its own, for what tests look at. */
  readonly db: Kysely<Schema>;
  readonly ids: IdSource;
  /** All of them but the migrations' own. */
  readonly tables: readonly string[];
  now(): number;
  /** Moves the clock of this test and of the catalogue. */
  passMs(ms: number): void;
  /**
   * Until `empty`, no time passes by itself where writers run in parallel: what they do in one moment stays one moment
   * on a slow machine. Where they do not, there is nothing to keep together, and the clock goes on.
   */
  holdClock(): void;
  /**
   * Makes the calls of each wave at once. Where writers run in parallel, a wave begins when none of those before it can
   * move any more, and none commits before the last wave has come as far, and `then` was called; after that they commit
   * one by one. Where they do not, `then` is called between the first wave and the others.
   */
  together<T>(
    waves: readonly (readonly Call<T>[])[],
    then?: () => void | Promise<void>,
  ): Promise<readonly PromiseSettledResult<T>[]>;
  /** Makes the calls while storage fails below all of them, and mends it. */
  failing<T>(calls: readonly Call<T>[]): Promise<readonly PromiseSettledResult<T>[]>;
  /** Forgets every row. */
  empty(): Promise<void>;
  close(): Promise<void>;
}

export type Call<T> = () => Promise<T>;

/**
 * What is there, and who may come to change it at the same time: each of them beside each, and beside itself. A call is
 * made in two steps, so that ids are given in a known order: `make` says what will be called, and the call is made
 * later.
 */
export interface Rivals {
  readonly name: string;
  /** One of each pair is one of these, where that is all that the scene is about. */
  readonly about?: readonly string[];
  /** Pairs, the first one a step ahead, that an engine without locks is seen to get wrong. */
  readonly naive: readonly string[];
  prepare(on: CatalogueUnderTest): Promise<Making>;
}

export type Making = Readonly<Record<string, () => Call<unknown>>>;
