import { type MessagePort, workerData } from "node:worker_threads";
import { createClock } from "../clock.ts";
import { kyselyOver } from "../sqlite/kysely-sqlite.ts";
import { openDatabase } from "../sqlite/open-database.ts";
import type { Call } from "../sqlite/thread-protocol.ts";
import { threadServer } from "../sqlite/thread-server.ts";
import { copyLog, isLogLong, restartLog, truncateLog, WAL_TRUNCATE_MS, WriterGate } from "../sqlite/wal-checkpoint.ts";
import { GroupCommit } from "./group-commit.ts";
import { migrate, SQLITE } from "./migrate.ts";
import type { Operations } from "./registry.ts";
import type { Schema } from "./schema.ts";

/**
 * The thread that owns the catalogue's writing connection. It gathers what is waiting into one commit. On the main
 * thread SQLite would block the server while the disk syncs (148 ms measured); here it costs its callers a hop (5 ms).
 */

export interface OwnerThreadData {
  readonly path: string;
  readonly clockOffset: SharedArrayBuffer | undefined;
  readonly readerPorts: readonly MessagePort[];
}

/** Most operations in one commit: bounds how long the last of them waits. */
const MAX_BATCH = 256;

/** The thread's whole work; its entry file hands the registry in. */
export async function runOwnerThread(operations: Operations): Promise<void> {
  const { path, clockOffset, readerPorts }: OwnerThreadData = workerData;
  const server = threadServer();
  const clock = createClock(clockOffset);
  const database = openDatabase(path);
  database.exec("BEGIN IMMEDIATE");
  await migrate(kyselyOver<Schema>(database), SQLITE, clock.now(), (name, run) =>
    database.function(name, { deterministic: true }, (text) => run(String(text))),
  );
  database.exec("COMMIT");

  const commits = new GroupCommit(database, (name) => operations.get(name), clock);
  let queue: Call[] = [];
  let running = false;
  let closing = false;
  let written = true;

  const fatal = (error: unknown) => {
    closing = true;
    queue = [];
    server.fatal(error instanceof Error ? `${error.message}: ${String(error.cause ?? "")}` : String(error));
  };

  const gate = new WriterGate(readerPorts, fatal);
  const copy = () => void copyLog(database);
  const restarted = { copy, cut: () => void restartLog(database) };
  const truncated = {
    copy,
    cut() {
      if (truncateLog(database)) written = false;
    },
  };

  const close = () => {
    clearInterval(truncating);
    try {
      truncateLog(database);
    } finally {
      database.close();
      process.exit(0);
    }
  };

  const drain = async () => {
    running = true;
    while (queue.length > 0) {
      const batch = queue.slice(0, MAX_BATCH);
      queue = queue.slice(MAX_BATCH);
      // An operation awaits nothing but its statements, which are synchronous: a turn of the event loop in between
      // means that one awaited something else, and another could have come in between.
      const overdue = setImmediate(() =>
        fatal(new Error(`an operation left its thread: ${batch.map((c) => c.method)}`)),
      );
      try {
        const began = performance.now();
        const answers = await commits.run(batch);
        clearImmediate(overdue);
        server.answer(answers, performance.now() - began);
      } catch (error) {
        clearImmediate(overdue);
        fatal(error);
        break;
      }
      written = true;
      if (isLogLong(database)) gate.shorten(restarted);
      // The reader's answer and new calls come in as messages: give them a turn.
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
    running = false;
    if (closing) close();
  };

  const truncating = setInterval(() => {
    if (written && !closing) gate.shorten(truncated);
  }, WAL_TRUNCATE_MS);

  server.listen({
    calls(calls) {
      queue.push(...calls);
      if (!running) void drain();
    },
    close() {
      closing = true;
      if (!running) close();
    },
  });
  server.ready();
}
