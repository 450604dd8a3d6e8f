/** What differs between the databases in a table definition. */
export interface Dialect {
  readonly integer: "integer" | "bigint";
  /** Appended to CREATE TABLE: SQLite checks column types only in STRICT tables. */
  readonly strict: " STRICT" | "";
}

export interface Migration {
  readonly version: number;
  readonly name: string;
  /** Immutable once released; forward only. */
  readonly statements: (dialect: Dialect) => readonly string[];
}
