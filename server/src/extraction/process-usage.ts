import { existsSync, readdirSync, readFileSync } from "node:fs";

/** What a process uses, as the kernel counts it. */
export interface Usage {
  /** User and system time since the process began, in milliseconds (the kernel's unit is 10 ms). */
  readonly cpuMs: number;
  readonly rssBytes: number;
  /** Stopped by a signal or a debugger: it lives and does nothing. */
  readonly stopped: boolean;
}

/** USER_HZ: the unit of /proc, 100 on every Linux that Node runs on. */
const TICK_MS = 10;

/**
 * Null when the process is gone, or the system has no /proc. Synchronous on purpose: procfs answers from memory in some
 * 20 µs, while an asynchronous read waits in the thread pool behind fsyncs, just when the machine is busy and the watch
 * matters most.
 */
export function usageOf(pid: number): Usage | null {
  try {
    // As UTF-8, which Node reads without a buffer. Of a file whose size it cannot know it otherwise takes two of 64
    // KiB: the watch of 1 000 documents had the server's heap collected 47 times, now twice.
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const status = readFileSync(`/proc/${pid}/status`, "utf8");
    return parseUsage(stat, status);
  } catch {
    return null;
  }
}

/**
 * How long the process's first thread has waited for a processor since it began, in milliseconds; 0 when it is gone, or
 * the kernel does not count that.
 */
export function waitedMsOf(pid: number): number {
  try {
    // Nanoseconds on a processor, nanoseconds of waiting for one, turns.
    const [, waited] = readFileSync(`/proc/${pid}/schedstat`, "utf8").split(" ");
    const ms = Number(waited) / 1e6;
    return Number.isFinite(ms) ? ms : 0;
  } catch {
    return 0;
  }
}

/**
 * The second field of `stat` is the command in brackets and may hold anything: fields are counted behind the last
 * bracket.
 */
export function parseUsage(stat: string, status: string): Usage | null {
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const [state, userTicks, systemTicks] = [fields[0], Number(fields[11]), Number(fields[12])];
  // Absent in a zombie, which has no memory left.
  const rssKib = /^VmRSS:\s*(\d+) kB$/m.exec(status)?.[1];
  if (state === undefined || state === "Z" || rssKib === undefined || !Number.isFinite(userTicks + systemTicks))
    return null;
  return {
    cpuMs: (userTicks + systemTicks) * TICK_MS,
    rssBytes: Number(rssKib) * 1024,
    stopped: state === "T" || state === "t",
  };
}

/**
 * Where a chain of processes ends that have one child each: the reader behind the tools that shut it in, or `pid`
 * itself.
 */
export function innermost(pid: number): number {
  for (let last = pid; ; ) {
    const [child] = childrenOf(last);
    if (child === undefined) return last;
    last = child;
  }
}

function childrenOf(pid: number): readonly number[] {
  try {
    // A kernel may be built without this file; then every process is asked for its parent, which takes milliseconds.
    if (!existsSync("/proc/thread-self/children")) return childrenByParent(pid);
    const list = readFileSync(`/proc/${pid}/task/${pid}/children`, "latin1").trim();
    return list === "" ? [] : list.split(" ").map(Number);
  } catch {
    return [];
  }
}

function childrenByParent(pid: number): readonly number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((other) => parentOf(other) === pid);
}

function parentOf(pid: number): number | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
  } catch {
    return null;
  }
}
