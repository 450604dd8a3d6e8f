import { statSync } from "node:fs";
import type { DatabaseSync } from "node:sqlite";
import type { MessagePort } from "node:worker_threads";
import { SQLITE_CODES, sqliteCodeOf } from "./open-database.ts";

/**
 * Keeps write-ahead logs short. A log only begins anew while nobody reads: under a busy reader it grew by 940 MB in
 * 12 s, and a checkpoint that waits for readers stops all writes (5 s). So the writer copies the log into the database
 * beside its readers, then asks them to stand still between two reads; when all of them do, it copies the rest, cuts
 * the log without waiting for anybody, and lets them go. Cutting is beginning anew in the same file, which costs
 * nothing, and every 15 s truncating it, which took 9 to 25 ms for 16 MiB (docs/decisions/0005-catalogue-threads.md).
 */

/**
 * The writer cuts the log when so many bytes of it are not in the database yet. Of 4 MiB, indexing 25 MB takes 1.12 ×
 * as long.
 */
export const WAL_CHECKPOINT_BYTES = 16 * 1024 * 1024;

/** Deleted content leaves the log's file within this time (contract: 60 s after a delete). */
export const WAL_TRUNCATE_MS = 15_000;

type ToReader = "stand still" | "go on";
type ToWriter = "here" | "still";

/** A database's log, or several as one. Both calls are synchronous and throw when the disk fails. */
export interface Log {
  /** Copies it into the database while readers go on. */
  copy(): void;
  /** Copies the rest and begins it anew, or truncates it; readers stand still. */
  cut(): void;
}

/**
 * The writer's end of the handshake, with every thread that reads the same databases. One that has not started yet is
 * not waited for.
 */
export class WriterGate {
  readonly #readers = new Set<MessagePort>();
  /** Those that were asked and still move. */
  readonly #moving = new Set<MessagePort>();
  readonly #fatal: (error: unknown) => void;
  #waiting: Log | null = null;

  /** `fatal`: the disk failed, and the process must end. */
  constructor(readers: readonly MessagePort[], fatal: (error: unknown) => void) {
    this.#fatal = fatal;
    for (const reader of readers) {
      reader.on("message", (message: ToWriter) => {
        if (message === "here") this.#readers.add(reader);
        else this.#still(reader);
      });
      reader.unref();
    }
  }

  /** Readers are asked to stand still, and the log is not cut yet. */
  get isUnderWay(): boolean {
    return this.#waiting !== null;
  }

  /**
   * Copies the log now and cuts it as soon as all readers stand still at once; one request at a time, and none
   * after one that failed: a failed sync is never retried.
   */
  shorten(log: Log): void {
    if (this.#waiting !== null) return;
    this.#waiting = log;
    if (!this.#succeeds(() => log.copy())) return;
    for (const reader of this.#readers) this.#moving.add(reader);
    if (this.#moving.size === 0) this.#cutNow(log);
    else this.#say("stand still");
  }

  #still(reader: MessagePort): void {
    this.#moving.delete(reader);
    if (this.#moving.size === 0 && this.#waiting !== null) this.#cutNow(this.#waiting);
  }

  #cutNow(log: Log): void {
    if (this.#succeeds(() => log.cut())) this.#waiting = null;
    this.#say("go on");
  }

  #succeeds(work: () => void): boolean {
    try {
      work();
      return true;
    } catch (error) {
      this.#fatal(error);
      return false;
    }
  }

  #say(message: ToReader): void {
    for (const reader of this.#readers) reader.postMessage(message);
  }
}

/** The reader's end: it awaits `passable()` between two reads. */
export class ReaderGate {
  #closed: PromiseWithResolvers<void> | null = null;

  constructor(port: MessagePort) {
    const say = (message: ToWriter) => port.postMessage(message);
    say("here");
    port.on("message", (message: ToReader) => {
      if (message === "stand still") {
        this.#closed ??= Promise.withResolvers<void>();
        say("still");
        return;
      }
      this.#closed?.resolve();
      this.#closed = null;
    });
    port.unref();
  }

  /** null when the way is free: the usual case costs nothing. */
  passable(): Promise<void> | null {
    return this.#closed?.promise ?? null;
  }
}

/** Size of the file of the database's write-ahead log in bytes; 0 when there is none. */
export function walBytes(databasePath: string): number {
  return statSync(`${databasePath}-wal`, { throwIfNoEntry: false })?.size ?? 0;
}

/** Whether so much of the log is not in the database yet that it should be cut. */
export function isLogLong(database: DatabaseSync): boolean {
  const { log, checkpointed } = walCheckpoint(database, "NOOP");
  return (log - checkpointed) * PAGE_BYTES > WAL_CHECKPOINT_BYTES;
}

/** SQLite's own default, which none of our databases changes. */
const PAGE_BYTES = 4096;

/** Copies the log into the database as far as nobody reads an older state, and leaves it as it is. As `truncateLog`. */
export function copyLog(database: DatabaseSync): boolean {
  return isCheckpointed(database, "PASSIVE");
}

/** Copies what is left, and has the next commit write the log from its beginning. As `truncateLog`. */
export function restartLog(database: DatabaseSync): boolean {
  return isCheckpointed(database, "RESTART");
}

/**
 * Copies what is left and truncates the log. False when another process reads just now, or the disk has no room for the
 * database to grow: the log still holds everything, and it is tried again later. Throws when the disk fails: a failed
 * fsync is never retried, so the caller ends the process.
 */
export function truncateLog(database: DatabaseSync): boolean {
  return isCheckpointed(database, "TRUNCATE");
}

function isCheckpointed(database: DatabaseSync, mode: "PASSIVE" | "RESTART" | "TRUNCATE"): boolean {
  database.exec("PRAGMA busy_timeout = 0");
  try {
    return !walCheckpoint(database, mode).busy;
  } catch (error) {
    if (sqliteCodeOf(error) === SQLITE_CODES.FULL) return false;
    throw error;
  } finally {
    database.exec("PRAGMA busy_timeout = 5000");
  }
}

/** `log`, `checkpointed`: frames of the log, and those of them that are in the database. NOOP changes nothing. */
function walCheckpoint(database: DatabaseSync, mode: "NOOP" | "PASSIVE" | "RESTART" | "TRUNCATE") {
  const row = database.prepare(`PRAGMA wal_checkpoint(${mode})`).get();
  return { busy: row?.["busy"] !== 0, log: Number(row?.["log"]), checkpointed: Number(row?.["checkpointed"]) };
}
