import type { DatabaseSync } from "node:sqlite";
import type { Clock } from "../clock.ts";
import { isRefusal } from "../errors.ts";
import { kyselyOver } from "../sqlite/kysely-sqlite.ts";
import { SQLITE_CODES, sqliteCodeOf } from "../sqlite/open-database.ts";
import type { Answer, Call } from "../sqlite/thread-protocol.ts";
import { failureOf } from "../sqlite/thread-server.ts";
import { serialTx } from "./catalogue.ts";
import type { RunnableOperation } from "./registry.ts";
import type { Schema } from "./schema.ts";

/**
 * An I/O error at COMMIT: what is on disk is unknown, and a failed fsync is never retried. The process ends (exit 74).
 */
class CommitFailedError extends Error {
  override readonly name = "CommitFailedError";
}

/** Finds an operation by name (registry.ts; a test may bring its own). */
export type OperationOf = (name: string) => Pick<RunnableOperation, "run"> | undefined;

/**
 * Runs what is waiting as one transaction: one fsync for all of it. Operations run strictly one after another, each in
 * a savepoint of its own (two that interleaved on one connection reported an acknowledged write that was gone).
 */
export class GroupCommit {
  readonly #database: DatabaseSync;
  readonly #db;
  readonly #operationOf: OperationOf;
  readonly #clock: Clock;

  constructor(database: DatabaseSync, operationOf: OperationOf, clock: Clock) {
    this.#database = database;
    this.#db = kyselyOver<Schema>(database);
    this.#operationOf = operationOf;
    this.#clock = clock;
  }

  /** Answers for all calls, once they are on disk. Throws CommitFailedError when the process must end. */
  async run(calls: readonly Call[]): Promise<readonly Answer[]> {
    const first = await this.#transaction(calls);
    if (first.answers !== null) return first.answers;
    // The whole batch was rolled back. Whoever did it is answered; the others merely shared the batch and run again
    // once, each alone, so that one of them cannot take the rest down again.
    const answers: Answer[] = [];
    for (const call of calls) {
      if (call.id === first.culprit) {
        answers.push(unavailable(call.id, first.error));
        continue;
      }
      const again = await this.#transaction([call]);
      answers.push(again.answers?.[0] ?? unavailable(call.id, again.error));
    }
    return answers;
  }

  async #transaction(calls: readonly Call[]): Promise<Outcome> {
    try {
      this.#database.exec("BEGIN IMMEDIATE");
    } catch (error) {
      return { answers: calls.map((call) => unavailable(call.id, error)), culprit: null, error: null };
    }
    const answers: Answer[] = [];
    const now = this.#clock.now();
    for (const call of calls) {
      const answer = await this.#operation(call, now);
      if (!this.#database.isTransaction) return { answers: null, culprit: call.id, error: answer.error };
      answers.push(answer.answer);
    }
    try {
      this.#database.exec("COMMIT");
      return { answers, culprit: null, error: null };
    } catch (error) {
      if (sqliteCodeOf(error) === SQLITE_CODES.IOERR) throw new CommitFailedError("COMMIT failed", { cause: error });
      if (this.#database.isTransaction) this.#database.exec("ROLLBACK");
      return { answers: null, culprit: calls.length === 1 ? (calls[0]?.id ?? null) : null, error };
    }
  }

  /** One operation in its savepoint. A refusal or an error leaves nothing of it. */
  async #operation(call: Call, now: number): Promise<{ readonly answer: Answer; readonly error: unknown }> {
    const operation = this.#operationOf(call.method);
    if (operation === undefined) {
      const error = new Error(`there is no operation ${call.method}`);
      return { answer: failureOf(call.id, error), error };
    }
    try {
      this.#database.exec("SAVEPOINT operation");
      const output = await operation.run(serialTx(this.#db, now), call.input);
      if (isRefusal(output)) this.#database.exec("ROLLBACK TO operation");
      this.#database.exec("RELEASE operation");
      return { answer: { id: call.id, output }, error: null };
    } catch (error) {
      if (this.#database.isTransaction) {
        this.#database.exec("ROLLBACK TO operation");
        this.#database.exec("RELEASE operation");
      }
      return { answer: failureOf(call.id, error, storageCodeOf(error)), error };
    }
  }
}

/** `answers` null: the whole batch was rolled back, by `culprit` when it is known. */
interface Outcome {
  readonly answers: readonly Answer[] | null;
  readonly culprit: number | null;
  readonly error: unknown;
}

function unavailable(id: number, error: unknown): Answer {
  return failureOf(id, error, storageCodeOf(error) ?? "storage_unavailable");
}

/** The client's error code for trouble of the storage below; null for a defect of the operation. */
export function storageCodeOf(error: unknown): "storage_full" | "storage_unavailable" | null {
  const code = sqliteCodeOf(error);
  if (code === null) return null;
  if (code === SQLITE_CODES.FULL) return "storage_full";
  const { IOERR, NOMEM, READONLY, CANTOPEN } = SQLITE_CODES;
  return code === IOERR || code === NOMEM || code === READONLY || code === CANTOPEN ? "storage_unavailable" : null;
}
