import type { Kysely } from "kysely";
import { type Lock, NO_LOCKS } from "./locks.ts";
import type { Schema } from "./schema.ts";

/**
 * The catalogue's port: run a named operation, durably.
 *
 * - **operation**: one transaction of the catalogue, written once beside its capability in the SQL that both databases
 *   accept. It is known by name, so that it can run in another thread.
 * - **refusal**: a returned value `{ refused: code, … }`. The engine then rolls the operation back: a refusal
 *   leaves no row.
 * - **topic**: what somebody may wait for (`file:<id>`, `tasks`). An operation names those that it touched; the engine
 *   wakes their waiters after the commit.
 */
export interface Catalogue {
  /**
   * Runs the operation and resolves once its transaction is on disk. Input and output are structured-clone data.
   * Rejects with WharfError `storage_full` or `storage_unavailable` when the database cannot take it: then nothing of
   * it is kept, and a retry is safe. Any other rejection is a defect of the operation; nothing is kept either.
   */
  run<I, O>(operation: Operation<I, O>, input: I): Promise<O>;
  /** Calls `wake` after each commit that touched the topic. Returns the way to stop listening. */
  listen(topic: string, wake: () => void): () => void;
  /** Finishes what was asked for, then closes the database. */
  close(): Promise<void>;
}

/**
 * What an operation works with. It awaits nothing but `db`, and does nothing random: ids and secrets come in its input.
 */
export interface Tx {
  readonly db: Kysely<Schema>;
  /** The time of the transaction, epoch milliseconds; read after the declared locks were there. */
  readonly now: number;
  readonly dialect: DialectName;
  /**
   * Locks what the operation has only found while it ran: of a later kind than all that it holds (locks.ts). What was
   * read of it before may have changed: read it again, or let a conditional update judge it.
   */
  lock(...found: readonly Lock[]): Promise<void>;
}

export type DialectName = "sqlite" | "postgres";

/** On a connection whose writers run one after another: there is nothing to lock. */
export function serialTx(db: Kysely<Schema>, now: number): Tx {
  return { db, now, dialect: "sqlite", lock: nothingToLock };
}

async function nothingToLock(): Promise<void> {}

/**
 * What the operation had found was gone when it had the lock: nothing is kept, and the engine runs it again. Never
 * thrown where writers run one after another.
 */
export class LostRaceError extends Error {
  override readonly name = "LostRaceError";
}

export interface Operation<I, O> {
  /** `capability.verb`, unique. */
  readonly name: string;
  /** Runs on a read-only connection, never behind a commit. */
  readonly readOnly: boolean;
  /** Reads many rows, at most limits.rowsPerRead: only other walks wait for it. */
  readonly walks: boolean;
  /**
   * What serialises it, as far as the input says. Everything that it reads in order to write must be under one of its
   * locks.
   */
  readonly locks: (input: I) => readonly Lock[];
  readonly run: (tx: Tx, input: I) => Promise<O>;
  /** Topics to wake after the commit. */
  readonly wakes: (input: I, output: O) => readonly string[];
}

export function writeOperation<I, O>(
  name: string,
  locks: (input: I) => readonly Lock[],
  run: (tx: Tx, input: I) => Promise<O>,
  wakes: (input: I, output: O) => readonly string[] = () => [],
): Operation<I, O> {
  return { name, readOnly: false, walks: false, locks, run, wakes };
}

/** A look-up: some rows by an index, as many as the request names. Every request waits for one, that of its key. */
export function readOperation<I, O>(name: string, run: (tx: Tx, input: I) => Promise<O>): Operation<I, O> {
  return { name, readOnly: true, walks: false, locks: NO_LOCKS, run, wakes: () => [] };
}

/** A read of many rows: a list, a filter, a sum, what a sweep looks at. */
export function walkOperation<I, O>(name: string, run: (tx: Tx, input: I) => Promise<O>): Operation<I, O> {
  return { ...readOperation(name, run), walks: true };
}

/** Topics, spelled in one place. */
export const TOPICS = {
  file: (id: string) => `file:${id}`,
  task: (id: string) => `task:${id}`,
  /** A key was revoked, or a session of the dashboard ended. */
  credential: (id: string) => `credential:${id}`,
  /** A task became due: workers look. */
  tasks: "tasks",
} as const;
