import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as wait } from "node:timers/promises";

/** What /proc says of processes: for tests that kill the right one, and see that none is left. */

/** All descendants of a process, their start files read at one moment. */
export function descendants(pid: number): readonly number[] {
  const children = new Map<number, number[]>();
  for (const name of readdirSync("/proc")) {
    const parent = parentOf(name);
    if (parent !== null) children.set(parent, [...(children.get(parent) ?? []), Number(name)]);
  }
  const found: number[] = [];
  const queue = [pid];
  for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
    const own = children.get(next) ?? [];
    found.push(...own);
    queue.push(...own);
  }
  return found;
}

/**
 * What the start of a child takes at most, in the kernel's hundredths of a second: one that is just starting is not at
 * work.
 */
const START_TICKS = 25;

/**
 * Descendants that used CPU time between two looks, and not for their start: the extraction child at work. The busiest
 * first.
 */
export async function busyDescendants(pid: number): Promise<readonly number[]> {
  const before = new Map(descendants(pid).map((child) => [child, cpuTicks(child) ?? 0]));
  await wait(150);
  return [...before]
    .map(([child, ticks]) => ({ child, ticks, used: (cpuTicks(child) ?? 0) - ticks }))
    .filter(({ ticks, used }) => ticks > START_TICKS && used > 0)
    .sort((one, other) => other.used - one.used)
    .map(({ child }) => child);
}

export function isAlive(pid: number): boolean {
  const state = statFields(String(pid))?.[0];
  return state !== undefined && state !== "Z";
}

/** Waits for something to become true; says what it was when it does not. */
export async function eventually(
  what: string,
  withinMs: number,
  check: () => boolean | Promise<boolean>,
): Promise<void> {
  const until = performance.now() + withinMs;
  while (!(await check())) {
    if (performance.now() > until) throw new Error(`not within ${withinMs} ms: ${what}`);
    await wait(50);
  }
}

function parentOf(name: string): number | null {
  const fields = /^\d+$/.test(name) ? statFields(name) : null;
  return fields === null ? null : Number(fields[1]);
}

function cpuTicks(pid: number): number | null {
  const fields = statFields(String(pid));
  return fields === null ? null : Number(fields[11]) + Number(fields[12]);
}

/** The fields of /proc/<pid>/stat from the third (state) on; null when the process is gone. */
function statFields(pid: string): readonly string[] | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  } catch {
    return null;
  }
}
