import type { MessagePort } from "node:worker_threads";
import { ConfigError } from "../config.ts";
import { CATALOGUE, type ErrorCode, isRefusal, WharfError } from "../errors.ts";
import { type Failure, ThreadClient } from "../sqlite/thread-client.ts";
import type { Catalogue, Operation } from "./catalogue.ts";
import type { OwnerThreadData } from "./owner-thread.ts";
import type { ReaderThreadData } from "./reader-thread.ts";
import { Readers } from "./readers.ts";
import { Wakeups } from "./wakeups.ts";

export interface SqliteCatalogueOptions {
  /** The database file; its folder exists. */
  readonly path: string;
  /**
   * Files that run owner-thread.ts and reader-thread.ts with the registry of operations, which this folder
   * does not know.
   */
  readonly threads: { readonly owner: URL; readonly reader: URL };
  /** See `createClock`. */
  readonly clockOffset?: SharedArrayBuffer | undefined;
  /** A database thread died or a COMMIT failed: the process must end (exit 74). */
  readonly fatal: (error: Error) => void;
  /** After each commit, for metrics: how many operations it held, and how long it took. */
  readonly onCommit?: (operations: number, tookMs: number) => void;
}

/** The embedded catalogue: one thread writes with group commit, others read. Migrates to the newest schema first. */
export async function openSqliteCatalogue(options: SqliteCatalogueOptions): Promise<Catalogue> {
  const { path, threads, clockOffset, fatal } = options;
  const readers = new Readers({ open: (writerPort) => openReader(options, writerPort), fatal });
  const ownerData: OwnerThreadData = { path, clockOffset, readerPorts: readers.ports };
  const owner = new ThreadClient({
    entry: threads.owner,
    workerData: { ...ownerData },
    transfer: readers.ports,
    failed: rebuildError,
    fatal,
    onBatch: options.onCommit,
  });
  try {
    await Promise.all([owner.ready(), readers.ready()]);
  } catch (error) {
    // A thread that is left would keep the process from ending.
    await Promise.all([owner.close(), readers.close()]);
    throw isSchemaTooNew(error) ? new ConfigError(error.message) : error;
  }

  const wakeups = new Wakeups();
  return {
    async run<I, O>(operation: Operation<I, O>, input: I): Promise<O> {
      const thread = operation.readOnly ? readers.threadOf(operation) : owner;
      const output = outputOf(operation, await thread.call(operation.name, input));
      if (!isRefusal(output)) wakeups.wake(operation.wakes(input, output));
      return output;
    },
    listen: (topic, wake) => wakeups.listen(topic, wake),
    async close() {
      await readers.close();
      await owner.close();
    },
  };
}

function openReader(
  { path, threads, clockOffset, fatal }: SqliteCatalogueOptions,
  writerPort: MessagePort,
): ThreadClient {
  const readerData: ReaderThreadData = { path, clockOffset, writerPort };
  return new ThreadClient({
    entry: threads.reader,
    workerData: { ...readerData },
    transfer: [writerPort],
    failed: rebuildError,
    fatal,
  });
}

/** It crossed from the thread, so its class is gone. */
function isSchemaTooNew(error: unknown): error is Error {
  return error instanceof Error && error.name === "SchemaTooNewError";
}

/** The operation ran in the other thread under this name, so what came back is its output. */
function outputOf<I, O>(_operation: Operation<I, O>, output: unknown): O {
  return output as O;
}

function rebuildError(failure: Failure): Error {
  const cause = new Error(failure.message);
  cause.name = failure.name;
  cause.stack = failure.stack;
  return isErrorCode(failure.code) ? new WharfError(failure.code, { cause }) : cause;
}

function isErrorCode(code: string | null): code is ErrorCode {
  return code !== null && code in CATALOGUE;
}
