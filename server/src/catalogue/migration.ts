/** What differs between the databases in a table definition. */
export interface Dialect {
  readonly integer: "integer" | "bigint";
  /** Appended to CREATE TABLE: SQLite checks column types only in STRICT tables. */
  readonly strict: " STRICT" | "";
}

/** Text to text, the same each time. */
export type SqlFunction = (text: string) => string;

export interface Migration {
  readonly version: number;
  readonly name: string;
  /**
   * What its statements call by name: SQL has neither Unicode's normal forms nor SHA-256. Frozen with the migration:
   * it imports nothing that may change later.
   */
  readonly functions?: Readonly<Record<string, SqlFunction>>;
  /** Immutable once released; forward only. */
  readonly statements: (dialect: Dialect) => readonly string[];
}
