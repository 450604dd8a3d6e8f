import { type Compilable, type CompiledQuery, type Expression, type Kysely, sql } from "kysely";
import type { DialectName, Tx } from "./catalogue.ts";
import type { Schema } from "./schema.ts";

/**
 * A statement of a hot path: built and compiled once for each dialect, afterwards only bound. (Kysely builds and
 * compiles a query anew at each call. That costs three times what SQLite needs to run it: decision 0024.)
 *
 *     const bucketNames = prepared((db, $: Bind<{ teamId: TeamId }>) =>
 *       db.selectFrom("buckets").select("name").where("team_id", "=", $("teamId")));
 *     const rows = await bucketNames(tx, { teamId });
 *
 * `$("teamId")` is a parameter: an expression of the member's type, with no value yet, so that the compiler refuses to
 * compute with it. A sum like `now + 1` is made by the caller; a list for `in` comes with `preparedForList`; a choice
 * by what a value is needs plain Kysely; `= null` is written `is null`.
 */
export function prepared<Input extends object, Row>(
  build: (db: Kysely<Schema>, $: Bind<Input>) => Compilable<Row>,
): (tx: Pick<Tx, "db" | "dialect">, input: Input) => Promise<readonly Row[]> {
  const compiled: { [Dialect in DialectName]?: CompiledQuery<Row> } = {};
  return async ({ db, dialect }, input) => {
    let query = compiled[dialect];
    if (query === undefined) {
      query = build(db, (name) => new Parameter(name)).compile();
      compiled[dialect] = query;
    }
    const parameters = query.parameters.map((value) =>
      value instanceof Slot ? Reflect.get(input, value.name) : value,
    );
    const { rows } = await db.executeQuery<Row>({ ...query, parameters });
    return rows;
  };
}

/**
 * The same for a statement with a list for `in`: built once for each power of two of its length. What is left of that
 * is filled with the last item, which finds nothing new. Without an item there are no rows.
 *
 *     const namesOf = preparedForList((db, $: Bind<{ teamId: TeamId }>, ids: ListOf<BucketId>) =>
 *       db.selectFrom("buckets").select("name").where("team_id", "=", $("teamId")).where("id", "in", ids));
 *     const rows = await namesOf(tx, { teamId }, ids);
 */
export function preparedForList<Input extends object, Item, Row>(
  build: (db: Kysely<Schema>, $: Bind<Input>, items: ListOf<Item>) => Compilable<Row>,
): (tx: Pick<Tx, "db" | "dialect">, input: Input, items: readonly Item[]) => Promise<readonly Row[]> {
  const byLength = new Map<number, ReturnType<typeof prepared<Input & Items<Item>, Row>>>();
  return async (tx, input, items) => {
    const last = items.at(-1);
    if (last === undefined) return [];
    const places = Array.from({ length: 2 ** Math.ceil(Math.log2(items.length)) }, (_, at) => at);
    let statement = byLength.get(places.length);
    if (statement === undefined) {
      statement = prepared((db, $) => build(db, $, places.map($)));
      byLength.set(places.length, statement);
    }
    return statement(
      tx,
      Object.assign(
        places.map((at) => items[at] ?? last),
        input,
      ),
    );
  };
}

/** As many parameters as the list will be long. */
export type ListOf<Item> = readonly Expression<Item>[];

/** The items of a list by their numbers. */
interface Items<Item> {
  readonly [at: number]: Item;
}

/** A member of the input by its name, as a parameter of the statement. */
export type Bind<Input> = <Name extends keyof Input>(name: Name) => Expression<Input[Name]>;

/** Stands among the compiled statement's parameters until a call binds the member of that name. */
class Slot {
  readonly name: PropertyKey;

  constructor(name: PropertyKey) {
    this.name = name;
  }
}

/** An expression of one parameter. */
class Parameter<Value> implements Expression<Value> {
  readonly #slot: Slot;

  constructor(name: PropertyKey) {
    this.#slot = new Slot(name);
  }

  get expressionType(): Value | undefined {
    return undefined;
  }

  toOperationNode() {
    return sql<Value>`${this.#slot}`.toOperationNode();
  }

  /** The compiler refuses sums, but not a text or JSON made of one, which would bind nonsense. */
  [Symbol.toPrimitive](): never {
    return this.toJSON();
  }

  toJSON(): never {
    throw new TypeError(`$(${String(this.#slot.name)}) is not known before the statement runs: work with it outside`);
  }
}
