import { type Kysely, sql } from "kysely";
import { type Catalogue, LostRaceError, type Operation, type Tx } from "../../src/catalogue/catalogue.ts";
import { LOCK_KINDS, type Lock } from "../../src/catalogue/locks.ts";
import type { Schema } from "../../src/catalogue/schema.ts";
import { Wakeups } from "../../src/catalogue/wakeups.ts";
import { type ErrorCode, errorCodeOf, isRefusal, WharfError } from "../../src/errors.ts";
import type { Standstill } from "./standstill.ts";

export interface EngineOptions {
  readonly db: Kysely<Schema>;
  /** Milliseconds by which the tests have moved the database's clock. */
  readonly clockOffset: () => number;
  /** The time at which the tests hold the clock; null: it goes. */
  readonly heldAt: () => number | null;
  /** While it is there, commits wait for it. */
  readonly standstill: () => Standstill | null;
  /**
   * Without locks, with the time of the transaction's begin and without a second try: what the operations met before
   * they declared what serialises them. It is there so that the conformance suite is seen to fail.
   */
  readonly naive: boolean;
}

/** Transactions that meet each other this often are kept apart no more: the caller is told to try again. */
const MOST_TRIES = 20;

/**
 * The catalogue on PostgreSQL, for tests: READ COMMITTED; the declared locks, then the clock, then the operation; and
 * once more when another transaction was in the way. Reads see one snapshot, as SQLite's do.
 */
export function createPostgresEngine(options: EngineOptions): Catalogue {
  const { db } = options;
  const wakeups = new Wakeups();
  return {
    async run<I, O>(operation: Operation<I, O>, input: I): Promise<O> {
      if (operation.readOnly) return read(options, operation, input);
      const output = await again(options, () => write(options, operation, input));
      if (!isRefusal(output)) wakeups.wake(operation.wakes(input, output));
      return output;
    },
    listen: (topic, wake) => wakeups.listen(topic, wake),
    close: () => db.destroy(),
  };
}

async function read<I, O>(options: EngineOptions, operation: Operation<I, O>, input: I): Promise<O> {
  return options.db.connection().execute(async (connection) => {
    await sql.raw("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").execute(connection);
    try {
      const now = await databaseTime(options, connection);
      return await operation.run({ db: connection, now, dialect: "postgres", lock: refuseToLock }, input);
    } finally {
      await sql.raw("COMMIT").execute(connection);
    }
  });
}

async function refuseToLock(): Promise<never> {
  throw new Error("a read locks nothing");
}

async function write<I, O>(options: EngineOptions, operation: Operation<I, O>, input: I): Promise<O> {
  const standstill = options.standstill();
  return options.db.connection().execute(async (connection) => {
    standstill?.begin();
    try {
      await sql.raw("BEGIN ISOLATION LEVEL READ COMMITTED").execute(connection);
      const output = await operation.run(await begin(options, connection, operation.locks(input)), input);
      if (isRefusal(output)) await sql.raw("ROLLBACK").execute(connection);
      else {
        await standstill?.beforeCommit();
        await sql.raw("COMMIT").execute(connection);
      }
      return output;
    } catch (error) {
      // After an error of the connection itself there is nothing to roll back any more.
      await sql
        .raw("ROLLBACK")
        .execute(connection)
        .catch(() => {});
      throw error;
    } finally {
      standstill?.end();
    }
  });
}

/** The declared locks, then the time: whoever waited for a lock must not decide by a time before what it waited for. */
async function begin(options: EngineOptions, db: Kysely<Schema>, declared: readonly Lock[]): Promise<Tx> {
  const held = new HeldLocks(db);
  if (!options.naive) await held.take(declared);
  const now = await databaseTime(options, db);
  const lock = options.naive ? async () => {} : (...found: readonly Lock[]) => held.take(found);
  return { db, now, dialect: "postgres", lock };
}

async function databaseTime({ clockOffset, heldAt }: EngineOptions, db: Kysely<Schema>): Promise<number> {
  const held = heldAt();
  if (held !== null) return held;
  const { rows } = await sql<{ now: number }>`
    SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint AS now`.execute(db);
  return (rows[0]?.now ?? 0) + clockOffset();
}

/** Advisory locks of one transaction, which end with it. */
class HeldLocks {
  readonly #db: Kysely<Schema>;
  /** Place in LOCK_KINDS of the last kind that was taken. */
  #last = -1;
  readonly #names = new Set<string>();

  constructor(db: Kysely<Schema>) {
    this.#db = db;
  }

  /** Refuses what would be taken out of order: two operations could then wait for each other. */
  async take(locks: readonly Lock[]): Promise<void> {
    const known = await this.#lookUp(locks);
    for (const kind of LOCK_KINDS) {
      const ofKind = known.filter((lock) => lock.kind === kind && !this.#names.has(`${kind} ${lock.id}`));
      const ids = new Set(ofKind.map((lock) => lock.id));
      if (ids.size === 0) continue;
      const place = LOCK_KINDS.indexOf(kind);
      if (place <= this.#last) throw new Error(`the lock ${kind} is taken after ${LOCK_KINDS[this.#last]}`);
      this.#last = place;
      const names = [...ids].sort().map((id) => `${kind} ${id}`);
      for (const name of names) this.#names.add(name);
      // One row after the other, in this order: a volatile function of the select list runs after the sort.
      await sql`SELECT pg_advisory_xact_lock(hashtextextended(name, 0))
        FROM unnest(${names}::text[]) WITH ORDINALITY AS wanted (name, place) ORDER BY place`.execute(this.#db);
    }
  }

  /**
   * A task's file never changes, so it may be read before anything is locked. A task that is not there locks nothing.
   */
  async #lookUp(locks: readonly Lock[]): Promise<readonly Lock[]> {
    const known: Lock[] = [];
    for (const lock of locks) {
      if (lock.ofTask !== true) {
        known.push(lock);
        continue;
      }
      const { rows } = await sql<{ id: string }>`SELECT file_id AS id FROM tasks WHERE id = ${lock.id}`.execute(
        this.#db,
      );
      known.push(...rows.map(({ id }) => ({ kind: lock.kind, id })));
    }
    return known;
  }
}

/** Another transaction was in the way; this one has left nothing, and may well succeed the next time. */
const SERIALIZATION_FAILURE = "40001";
const DEADLOCK_DETECTED = "40P01";

async function again<T>({ naive }: EngineOptions, run: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await run();
    } catch (error) {
      const code = errorCodeOf(error);
      const inTheWay = code === SERIALIZATION_FAILURE || code === DEADLOCK_DETECTED || error instanceof LostRaceError;
      if (inTheWay && !naive && tries < MOST_TRIES) continue;
      const storage = storageCodeOf(error);
      throw storage === null ? error : new WharfError(storage, { cause: error });
    }
  }
}

/**
 * The client's error code for trouble of the database; null for a defect of the operation. SQLSTATE classes of
 * PostgreSQL's appendix A.
 */
function storageCodeOf(error: unknown): ErrorCode | null {
  const code = errorCodeOf(error) ?? "";
  if (code === "53100") return "storage_full";
  const isGone = error instanceof Error && /Connection terminated|not queryable/.test(error.message);
  const classes = ["08", "40", "53", "57", "58"];
  return isGone || classes.includes(code.slice(0, 2)) ? "storage_unavailable" : null;
}
