import type { DatabaseSync } from "node:sqlite";
import { type MessagePort, workerData } from "node:worker_threads";
import type { Kysely } from "kysely";
import { createClock } from "../clock.ts";
import { kyselyOver } from "../sqlite/kysely-sqlite.ts";
import { openDatabase } from "../sqlite/open-database.ts";
import type { Answer, Call } from "../sqlite/thread-protocol.ts";
import { failureOf, threadServer } from "../sqlite/thread-server.ts";
import { ReaderGate } from "../sqlite/wal-checkpoint.ts";
import { serialTx } from "./catalogue.ts";
import { storageCodeOf } from "./group-commit.ts";
import type { Operations } from "./registry.ts";
import type { Schema } from "./schema.ts";

/** The thread of the catalogue's reading connection: reads never wait behind a commit. Each read sees one snapshot. */

export interface ReaderThreadData {
  readonly path: string;
  readonly clockOffset: SharedArrayBuffer | undefined;
  readonly writerPort: MessagePort;
}

/** What is ready is sent after about so long. */
const ANSWER_AFTER_MS = 0.5;

interface Connection {
  readonly database: DatabaseSync;
  readonly db: Kysely<Schema>;
}

/** The thread's whole work; its entry file hands the registry in. */
export function runReaderThread(operations: Operations): void {
  const { path, clockOffset, writerPort }: ReaderThreadData = workerData;
  const server = threadServer();
  const clock = createClock(clockOffset);
  // Opened at the first read: this thread loads its code while the owner still makes or migrates the file.
  let connection: Connection | null = null;
  const gate = new ReaderGate(writerPort);
  const queue: Call[] = [];
  let running = false;
  let closing = false;

  const read = async (call: Call): Promise<Answer> => {
    const operation = operations.get(call.method);
    try {
      if (operation === undefined) throw new Error(`there is no operation ${call.method}`);
      connection ??= connect(path);
      connection.database.exec("BEGIN");
      return { id: call.id, output: await operation.run(serialTx(connection.db, clock.now()), call.input) };
    } catch (error) {
      return failureOf(call.id, error, storageCodeOf(error));
    } finally {
      if (connection?.database.isTransaction) connection.database.exec("COMMIT");
    }
  };

  const close = () => {
    connection?.database.close();
    process.exit(0);
  };

  const drain = async () => {
    running = true;
    while (queue.length > 0) {
      await gate.passable();
      server.answer(await readSome());
      // A turn of the event loop in between: the writer's "stand still" must be heard under any load.
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
    running = false;
    if (closing) close();
  };

  /** How long each operation took the last time, in ms. */
  const lastTook = new Map<string, number>();

  /**
   * Short reads together, for one message back: it costs as much as one of them. Nothing that is ready waits for a read
   * that was long the last time, or is new.
   */
  const readSome = async (): Promise<readonly Answer[]> => {
    const began = performance.now();
    const answers: Answer[] = [];
    for (let call = queue.shift(); call !== undefined; call = queue.shift()) {
      const before = performance.now();
      answers.push(await read(call));
      const now = performance.now();
      lastTook.set(call.method, now - before);
      const [next] = queue;
      const nextTakes = next === undefined ? 0 : (lastTook.get(next.method) ?? Number.POSITIVE_INFINITY);
      if (now - began + nextTakes > ANSWER_AFTER_MS) break;
    }
    return answers;
  };

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

function connect(path: string): Connection {
  const database = openDatabase(path, { readOnly: true });
  return { database, db: kyselyOver<Schema>(database) };
}
