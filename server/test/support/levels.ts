import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { setTimeout as wait } from "node:timers/promises";

/** What a process holds, as Linux counts it in /proc. */
export interface Levels {
  readonly rssBytes: number;
  /** Open files and sockets, without the blob store's folders: those stay open once used, up to limits.openFolders. */
  readonly descriptors: number;
}

/** Rejects when the process is gone. */
export function levelsOf(pid: number): Levels {
  const status = readFileSync(`/proc/${pid}/status`, "latin1");
  const rssKib = Number(/^VmRSS:\s*(\d+) kB$/m.exec(status)?.[1] ?? 0);
  const opened = readdirSync(`/proc/${pid}/fd`).map((fd) => targetOf(`/proc/${pid}/fd/${fd}`));
  const descriptors = opened.filter((target) => target !== null && !BLOB_FOLDER.test(target)).length;
  return { rssBytes: rssKib * 1024, descriptors };
}

const BLOB_FOLDER = /\/blobs\/(?:segments|originals|text)(?:\/[0-9a-f]{2})?$/;

/** Null when it was closed meanwhile. */
function targetOf(path: string): string | null {
  try {
    return readlinkSync(path);
  } catch {
    return null;
  }
}

/** How much more than before still counts as the same level. */
export interface LevelSlack {
  /** Default 64 MiB: V8 keeps some of a heap that it needed once. */
  readonly rssBytes?: number;
  /** Default 24: index files of teams, pipes of children that are being started. */
  readonly descriptors?: number;
}

/**
 * Waits until the process holds no more than before, but for the slack; says what it holds when that does not come.
 * Collectors and kept connections take their time, so the wait is generous (60 s by default) and ends as soon as it
 * may.
 */
export async function backToLevel(
  pid: number,
  before: Levels,
  { rssBytes = 64 * 1024 * 1024, descriptors = 24 }: LevelSlack = {},
  withinMs = 60_000,
): Promise<Levels> {
  const until = performance.now() + withinMs;
  for (;;) {
    const now = levelsOf(pid);
    if (now.rssBytes <= before.rssBytes + rssBytes && now.descriptors <= before.descriptors + descriptors) return now;
    if (performance.now() > until) throw new Error(`not back to its level: ${shown(now)}, before ${shown(before)}`);
    await wait(250);
  }
}

function shown({ rssBytes, descriptors }: Levels): string {
  return `${Math.round(rssBytes / 2 ** 20)} MiB and ${descriptors} descriptors`;
}
