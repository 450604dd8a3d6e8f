import { setImmediate as turnOfTheLoop } from "node:timers/promises";
import { type AdapterOptions, type Base, openAdapters } from "./adapters.ts";
import { createClock } from "./clock.ts";
import { Closers } from "./closers.ts";
import type { Config } from "./config.ts";
import { errorCodeOf, toError } from "./errors.ts";
import { createIdSource } from "./ids.ts";
import { createLog, type Log } from "./log.ts";
import type { Started } from "./main.ts";

export interface StartOptions extends AdapterOptions {
  readonly log?: Log;
  /** See Base. Default: false. */
  readonly allSchemas?: boolean;
}

export interface RunningWharf extends Started {
  /** Finishes running answers, returns tasks to the queue and closes everything. May be called twice. */
  stop(): Promise<void>;
}

/**
 * Starts the service: `wharf serve` and the tests call this one function. Threads and processes come first; they load
 * their code while this thread loads main.ts, a thousand files. Throws ConfigError for what the operator must change.
 */
export async function startWharf(config: Config, options: StartOptions = {}): Promise<RunningWharf> {
  const { allSchemas = false } = options;
  const log = options.log ?? createLog(config.logLevel);
  const clock = createClock(options.clockOffset);
  const closing = new Closers();
  const base: Base = { config, log, clock, ids: createIdSource(clock), closing, allSchemas };
  try {
    const adapters = openAdapters(base, options);
    // The first reader is asked for within this turn; loading holds the thread for a fifth of a second.
    await turnOfTheLoop();
    const { runWharf } = await import("./main.ts");
    const started = await runWharf(base, adapters);
    let stopped: Promise<void> | null = null;
    const stop = async () => {
      await closing.run();
      log.info({}, "stopped");
    };
    return { ...started, stop: () => (stopped ??= stop()) };
  } catch (error) {
    await closing.run();
    throw isFull(error) ? new Error(noRoom(config.dataDir), { cause: error }) : error;
  }
}

/** It may have crossed from a database's thread: then its code is gone. */
function isFull(error: unknown): boolean {
  return errorCodeOf(error) === "ENOSPC" || /database or disk is full/.test(toError(error).message);
}

/** No ConfigError: a supervisor tries again, and the server starts when there is room. */
function noRoom(dataDir: string): string {
  return `There is no room on the disk of ${dataDir}: a start needs about a megabyte, and deletes of files some more. Free it beside the data folder, or enlarge the disk; remove nothing in the folder.`;
}
