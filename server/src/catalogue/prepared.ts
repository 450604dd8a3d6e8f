import type { Compilable, CompiledQuery, Kysely } from "kysely";
import type { Tx } from "./catalogue.ts";
import type { Schema } from "./schema.ts";

/**
 * A statement of a hot path: built and compiled once for each database, afterwards only bound. (Kysely builds and compiles a query
 * anew at each call. That costs three times what SQLite needs to run it: decision 0024.)
 *
 *     const bucketNames = prepared((db, $: { teamId: TeamId }) =>
 *       db.selectFrom("buckets").select("name").where("team_id", "=", $.teamId));
 *     const rows = await bucketNames(tx, { teamId });
 *
 * In `build`, `$.name` stands for the input's member of that name, whatever that will be: it is no value yet, and never null. It may go where
 * a value goes and nowhere else. A sum like `$.now + 1` is made by the caller; a list for `in`, or a choice by what `$.name` is, needs plain
 * Kysely; `= null` is written `is null`.
 */
export function prepared<Input extends object, Row>(
  build: (db: Kysely<Schema>, $: Input) => Compilable<Row>,
): (tx: Pick<Tx, "db">, input: Input) => Promise<readonly Row[]> {
  const compiled = new WeakMap<Kysely<Schema>, CompiledQuery<Row>>();
  return async ({ db }, input) => {
    let query = compiled.get(db);
    if (query === undefined) {
      query = build(db, slots<Input>()).compile();
      compiled.set(db, query);
    }
    const parameters = query.parameters.map((value) =>
      value instanceof Slot ? Reflect.get(input, value.name) : value,
    );
    const { rows } = await db.executeQuery<Row>({ ...query, parameters });
    return rows;
  };
}

/** Where a member of the input goes: Kysely takes it for a value, and hands it back among the parameters. */
class Slot {
  readonly name: PropertyKey;

  constructor(name: PropertyKey) {
    this.name = name;
  }

  /** A sum, a text or JSON made of one would bind nonsense. */
  [Symbol.toPrimitive](): never {
    return this.toJSON();
  }

  toJSON(): never {
    throw new TypeError(`$.${String(this.name)} is not known before the statement runs: work with it outside of build`);
  }
}

/** For each member that is asked for, its slot; the types say that it is the value, which it will be. */
function slots<Input extends object>(): Input {
  return new Proxy({}, { get: (_target, name) => new Slot(name) }) as Input;
}
