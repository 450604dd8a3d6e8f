import { createContext, Script } from "node:vm";

/**
 * Processor time of a piece of work on this thread, which waiting on a busy machine does not add to: the least of up
 * to `TRIES` runs, the first within the budget ends the search. A work that comes to no end is cut after `NO_END_MS`
 * and costs Infinity.
 */
export function costMs(work: () => unknown, budgetMs: number): number {
  let least = once(work);
  for (let tried = 1; tried < TRIES && least > budgetMs && least < NO_END_MS; tried++)
    least = Math.min(least, once(work));
  return least;
}

/** The same for a work that waits; one that comes to no end hangs its test. */
export async function asyncCostMs(work: () => Promise<unknown>, budgetMs: number): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let tried = 0; tried < TRIES && least > budgetMs; tried++) {
    const before = process.threadCpuUsage();
    await work();
    least = Math.min(least, spentMs(before));
  }
  return least;
}

const TRIES = 5;
const NO_END_MS = 10_000;
const SCRIPT = new Script("work()");
const CONTEXT: { work: () => unknown } = { work: () => undefined };
createContext(CONTEXT);

function once(work: () => unknown): number {
  const before = process.threadCpuUsage();
  try {
    CONTEXT.work = work;
    SCRIPT.runInContext(CONTEXT, { timeout: NO_END_MS });
  } catch (error) {
    // An Error of that context, not of ours.
    if (isObject(error) && "code" in error && error.code === "ERR_SCRIPT_EXECUTION_TIMEOUT")
      return Number.POSITIVE_INFINITY;
    throw error;
  }
  return spentMs(before);
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

function spentMs(before: NodeJS.CpuUsage): number {
  const { user, system } = process.threadCpuUsage(before);
  return (user + system) / 1000;
}

/**
 * Texts of about `chars` characters that a parser reads hard: a beginning, each one and each pair of the pieces over
 * and over, and an end that makes all of it wrong. Patterns that can divide a text in many ways need no more than that
 * to show.
 */
export function* pumped(grammar: Grammar, chars: number): Generator<string> {
  const { starts, pieces, ends } = grammar;
  const pumps = new Set([...pieces, ...pieces.flatMap((one) => pieces.map((other) => one + other))]);
  for (const start of starts)
    for (const pump of pumps)
      for (const end of ends) yield start + pump.repeat(Math.ceil((chars - start.length) / pump.length)) + end;
}

export interface Grammar {
  readonly starts: readonly string[];
  readonly pieces: readonly string[];
  readonly ends: readonly string[];
}
