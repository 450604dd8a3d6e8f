import { statSync } from "node:fs";
import type { DatabaseSync } from "node:sqlite";
import type { MessagePort } from "node:worker_threads";
import { SQLITE_CODES, sqliteCodeOf } from "./open-database.ts";

/**
 * Keeps write-ahead logs short. A log only shrinks while nobody reads: under a busy reader it grew by 940 MB in 12 s,
 * and a checkpoint that waits for readers stops all writes (5 s). So the writer asks its readers to stand still between
 * two reads; when all of them do, it checkpoints without waiting for anybody, and lets them go (log ≤ 17 MB, worst
 * pause 29 ms).
 */

/** The writer asks for a checkpoint past this size, in bytes. */
export const WAL_CHECKPOINT_BYTES = 16 * 1024 * 1024;

/**
 * Deleted content leaves the log within this time, also when nothing else is written (contract: 60 s after a delete).
 */
export const WAL_IDLE_CHECKPOINT_MS = 15_000;

type ToReader = "stand still" | "go on";
type ToWriter = "here" | "still";

/**
 * The writer's end of the handshake, with every thread that reads the same databases. One that has not started yet is
 * not waited for.
 */
export class WriterGate {
  readonly #readers = new Set<MessagePort>();
  /** Those that were asked and still move. */
  readonly #moving = new Set<MessagePort>();
  #waiting: (() => void) | null = null;

  constructor(readers: readonly MessagePort[]) {
    for (const reader of readers) {
      reader.on("message", (message: ToWriter) => {
        if (message === "here") this.#readers.add(reader);
        else this.#still(reader);
      });
      reader.unref();
    }
  }

  /** Runs `work` (synchronous) as soon as all readers stand still at once; at most one request is under way. */
  whenReadersAreStill(work: () => void): void {
    if (this.#waiting !== null) return;
    this.#waiting = work;
    for (const reader of this.#readers) this.#moving.add(reader);
    if (this.#moving.size === 0) this.#workNow();
    else this.#say("stand still");
  }

  #still(reader: MessagePort): void {
    this.#moving.delete(reader);
    if (this.#moving.size === 0) this.#workNow();
  }

  #workNow(): void {
    const work = this.#waiting;
    this.#waiting = null;
    try {
      work?.();
    } finally {
      this.#say("go on");
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

/** Size of the database's write-ahead log in bytes; 0 when there is none. */
export function walBytes(databasePath: string): number {
  return statSync(`${databasePath}-wal`, { throwIfNoEntry: false })?.size ?? 0;
}

/**
 * Moves the log into the database and truncates it. False when another process reads just now, or the disk has no room
 * for the database to grow: the log still holds everything, and it is tried again later. Throws when the disk fails: a
 * failed fsync is never retried, so the caller ends the process.
 */
export function checkpoint(database: DatabaseSync): boolean {
  database.exec("PRAGMA busy_timeout = 0");
  try {
    const row = database.prepare("PRAGMA wal_checkpoint(TRUNCATE)").get();
    return row?.["busy"] === 0;
  } catch (error) {
    if (sqliteCodeOf(error) === SQLITE_CODES.FULL) return false;
    throw error;
  } finally {
    database.exec("PRAGMA busy_timeout = 5000");
  }
}
