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
 * compute with it. A sum like `now + 1` is made by the caller; a list for `in`, or a choice by what a value is, needs
 * plain Kysely; `= null` is written `is null`.
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
