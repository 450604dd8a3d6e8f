import type { DatabaseSync, SQLInputValue, StatementSync } from "node:sqlite";
import {
  type CompiledQuery,
  type DatabaseConnection,
  DefaultQueryExecutor,
  type Dialect,
  type Driver,
  Kysely,
  type QueryResult,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from "kysely";

/**
 * Kysely over one open `node:sqlite` connection. Statements are prepared once and kept; every call is synchronous
 * inside, so that an operation settles within microtasks. Rows come back as plain objects (node:sqlite makes them
 * without prototype).
 */
export function kyselyOver<Tables>(database: DatabaseSync): Kysely<Tables> {
  const connection = new SqliteConnection(database);
  const driver = new SingleConnectionDriver(connection);
  const dialect: Dialect = {
    createAdapter: () => new SqliteAdapter(),
    createDriver: () => driver,
    createIntrospector: (db) => new SqliteIntrospector(db),
    createQueryCompiler: () => new SqliteQueryCompiler(),
  };
  return new Kysely<Tables>({ config: { dialect }, dialect, driver, executor: new DirectExecutor(connection) });
}

/**
 * There is one connection, and nobody to share it with: a statement goes to it as it is. Kysely's own way there (take a
 * connection of the provider, run, transform by plugins, give back) is ten promises a statement, as much as SQLite
 * needs to run it.
 */
class DirectExecutor extends DefaultQueryExecutor {
  readonly #connection: SqliteConnection;

  constructor(connection: SqliteConnection) {
    const provider = {
      provideConnection: <T>(consumer: (to: DatabaseConnection) => Promise<T>) => consumer(connection),
    };
    super(new SqliteQueryCompiler(), new SqliteAdapter(), provider);
    this.#connection = connection;
  }

  override executeQuery<Row>(query: CompiledQuery): Promise<QueryResult<Row>> {
    return this.#connection.executeQuery<Row>(query);
  }
}

/** Bounds what a stream of ever-new statement texts (IN lists of many lengths) may hold. */
const MAX_STATEMENTS = 500;

interface Prepared {
  readonly statement: StatementSync;
  readonly returnsRows: boolean;
}

class SqliteConnection implements DatabaseConnection {
  readonly #database: DatabaseSync;
  readonly #prepared = new Map<string, Prepared>();

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  async executeQuery<Row>(query: CompiledQuery): Promise<QueryResult<Row>> {
    const { statement, returnsRows } = this.#prepare(query.sql);
    const parameters = query.parameters.map(toInput);
    if (!returnsRows) {
      const { changes, lastInsertRowid } = statement.run(...parameters);
      return { rows: [], numAffectedRows: BigInt(changes), insertId: BigInt(lastInsertRowid) };
    }
    const rows = statement.all(...parameters).map((row) => ({ ...row }) as unknown as Row);
    return { rows, numAffectedRows: BigInt(rows.length) };
  }

  // biome-ignore lint/correctness/useYield: the port asks for a generator; nothing here streams rows.
  async *streamQuery<Row>(): AsyncIterableIterator<QueryResult<Row>> {
    throw new Error("operations read whole results; they leave no iterator open");
  }

  #prepare(text: string): Prepared {
    const known = this.#prepared.get(text);
    if (known !== undefined) return known;
    if (this.#prepared.size >= MAX_STATEMENTS) this.#prepared.clear();
    const statement = this.#database.prepare(text);
    const prepared = { statement, returnsRows: statement.columns().length > 0 };
    this.#prepared.set(text, prepared);
    return prepared;
  }
}

class SingleConnectionDriver implements Driver {
  readonly #connection: SqliteConnection;

  constructor(connection: SqliteConnection) {
    this.#connection = connection;
  }

  async init(): Promise<void> {}
  async acquireConnection(): Promise<DatabaseConnection> {
    return this.#connection;
  }
  // Transactions belong to the engine (group commit), not to Kysely.
  async beginTransaction(): Promise<void> {
    throw new Error("an operation is a transaction already");
  }
  async commitTransaction(): Promise<void> {}
  async rollbackTransaction(): Promise<void> {}
  async releaseConnection(): Promise<void> {}
  async destroy(): Promise<void> {}
}

function toInput(value: unknown): SQLInputValue {
  if (value === null || typeof value === "string" || typeof value === "number" || typeof value === "bigint")
    return value;
  if (value instanceof Uint8Array) return value;
  throw new TypeError(`cannot bind ${value === undefined ? "undefined" : typeof value} to a statement`);
}
