import { readdirSync, readFileSync } from "node:fs";
import { descendants } from "../../server/test/faults/processes.ts";

/** Seconds of processor time, of each part of a running server. */
export interface ServerTime {
  /** HTTP, the byte end-point, the workers that claim tasks. */
  readonly main: number;
  /** The catalogue's and the index's threads. */
  readonly storage: number;
  /** Processes that read documents, with the one that starts them, also those that have ended. */
  readonly readers: number;
  /** The runtime's own threads in the server process: file access, digests, compiling, collecting garbage. */
  readonly runtime: number;
}

/** What the process and all below it have used so far. */
export function serverTime(pid: number): ServerTime {
  const threads = readdirSync(`/proc/${pid}/task`).map((thread) => statOf(`/proc/${pid}/task/${thread}`));
  const main = secondsOf(`/proc/${pid}/task/${pid}`);
  // Node's name of each thread of `new Worker`.
  const storage = sum(threads.filter((stat) => stat?.name === "WorkerThread").map((stat) => stat?.own ?? 0));
  return {
    main,
    storage,
    readers: sum(descendants(pid).map((child) => secondsOf(`/proc/${child}`, "with what it waited for"))),
    runtime: Math.max(0, secondsOf(`/proc/${pid}`) - main - storage),
  };
}

/** Seconds that a process and all below it have used so far, also those that have ended. */
export function treeTime(pid: number): number {
  return sum([pid, ...descendants(pid)].map((each) => secondsOf(`/proc/${each}`, "with what it waited for")));
}

/** Of the commands that this process ran and waited for, with all that these waited for. */
export function commandsTime(): number {
  return statOf("/proc/self")?.waitedFor ?? 0;
}

/**
 * Milliseconds of processor time that this process has used so far. Of work that waits for nothing it is what that
 * takes on a quiet machine, also on one that is not.
 */
export function processMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

export function since(before: ServerTime, after: ServerTime): ServerTime {
  return {
    main: after.main - before.main,
    storage: after.storage - before.storage,
    readers: after.readers - before.readers,
    runtime: after.runtime - before.runtime,
  };
}

/** The kernel's clock of user time: a hundredth of a second on every machine that Linux runs on today. */
const TICKS_PER_SECOND = 100;

function secondsOf(folder: string, also?: "with what it waited for"): number {
  const stat = statOf(folder);
  if (stat === null) return 0;
  return stat.own + (also === undefined ? 0 : stat.waitedFor);
}

/** null when it is gone. A child that ended counts in its parent's `waitedFor`, so nothing is lost with it. */
function statOf(folder: string): { readonly name: string; readonly own: number; readonly waitedFor: number } | null {
  try {
    const stat = readFileSync(`${folder}/stat`, "utf8");
    const [from, to] = [stat.indexOf("(") + 1, stat.lastIndexOf(")")];
    const fields = stat.slice(to + 2).split(" ");
    const seconds = (...at: readonly number[]) => sum(at.map((field) => Number(fields[field]))) / TICKS_PER_SECOND;
    return { name: stat.slice(from, to), own: seconds(11, 12), waitedFor: seconds(13, 14) };
  } catch {
    return null;
  }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
