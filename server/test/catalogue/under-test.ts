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
  now(): number;
  /** Moves the clock of this test and of the catalogue. */
  passMs(ms: number): void;
  /**
   * Makes the calls of each wave at once. Where writers run in parallel, a wave begins when none of those before it can move any more, and none
   * commits before the last wave has come as far; then they commit one by one.
   */
  together<T>(...waves: readonly (readonly Call<T>[])[]): Promise<readonly PromiseSettledResult<T>[]>;
  /** Forgets every row. */
  empty(): Promise<void>;
  close(): Promise<void>;
}

export type Call<T> = () => Promise<T>;
