import { getPriority, setPriority } from "node:os";
import { workerData } from "node:worker_threads";
import { LIMITS } from "../limits.ts";
import type { Call } from "../sqlite/thread-protocol.ts";
import { threadServer } from "../sqlite/thread-server.ts";
import { WAL_TRUNCATE_MS, WriterGate } from "../sqlite/wal-checkpoint.ts";
import type { WriterThreadData } from "./fts5-protocol.ts";
import { Fts5Writer } from "./fts5-writer.ts";

/** The thread that writes all teams' index files: what waits for one team becomes one commit of its file. */

/** Logs that are truncated while readers stand still. */
const LOGS_AT_ONCE = 4;
/** Most calls taken from the queue at once: bounds how long the last of them waits. */
const MAX_BATCH = 64;

main(workerData);

function main({ dir, readerPorts }: WriterThreadData): void {
  yieldToAnswers();
  const server = threadServer();
  const writer = new Fts5Writer(dir);
  let queue: Call[] = [];
  let running = false;
  let closing = false;
  let isQuiet = false;

  const fatal = (error: unknown) => {
    closing = true;
    queue = [];
    server.fatal(error instanceof Error ? `${error.message}: ${String(error.cause ?? "")}` : String(error));
  };

  const gate = new WriterGate(readerPorts, fatal);
  /** So few logs at once that readers stand still for some milliseconds, however many teams there are. */
  const truncate = (teams: readonly string[]) => {
    const some = teams.slice(0, LOGS_AT_ONCE);
    if (some.length === 0 || closing) return resume();
    gate.shorten({
      copy: () => writer.copyLogs(some),
      cut() {
        writer.truncateLogs(some);
        setImmediate(truncate, teams.slice(LOGS_AT_ONCE));
      },
    });
  };

  const restart = (teams: readonly string[]) => {
    if (teams.length === 0) return;
    gate.shorten({
      copy: () => writer.copyLogs(teams),
      cut() {
        writer.restartLogs(teams);
        setImmediate(resume);
      },
    });
  };

  const close = () => {
    clearInterval(truncating);
    clearTimeout(quiet);
    writer.close();
    process.exit(0);
  };

  const resume = () => {
    if (!running && !closing) void work();
  };

  /**
   * Callers first; without any, one step of what they left to do, but not while readers stand still for it (25 ms); a
   * turn of the event loop between two.
   */
  const step = () => {
    if (queue.length === 0) return !gate.isUnderWay && (writer.idleStep() || (isQuiet && writer.quietStep()));
    const batch = queue.slice(0, MAX_BATCH);
    queue = queue.slice(MAX_BATCH);
    server.answer(writer.commit(batch));
    return true;
  };

  const work = async () => {
    running = true;
    try {
      while (!(closing && queue.length === 0) && step()) {
        restart(writer.longLogs());
        // The readers' answers and new calls come in as messages.
        await new Promise<void>((resolve) => setImmediate(resolve));
      }
    } catch (error) {
      fatal(error);
    }
    running = false;
    if (closing) close();
  };

  const truncating = setInterval(() => truncate(writer.logs()), WAL_TRUNCATE_MS);

  const quiet = setTimeout(() => {
    isQuiet = true;
    resume();
  }, LIMITS.indexQuietMs);

  server.listen({
    calls(calls) {
      isQuiet = false;
      quiet.refresh();
      queue.push(...calls);
      if (!running) void work();
    },
    close() {
      closing = true;
      if (!running) close();
    },
  });
  server.ready();
}

/**
 * In a burst of uploads what acknowledges them goes first; indexing takes what is left, at least a quarter beside one
 * busy thread, and is done as soon as it was: the work is the same. Linux gives each thread a priority of its own, and
 * 0 means the one that asks.
 */
function yieldToAnswers(): void {
  if (process.platform !== "linux") return;
  try {
    setPriority(0, Math.min(19, getPriority(0) + LIMITS.indexWriterYields));
  } catch {
    // A courtesy: a system that refuses has it compete as an equal.
  }
}
