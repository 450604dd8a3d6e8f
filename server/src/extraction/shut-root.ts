import { realpathSync } from "node:fs";
import { isAbsolute } from "node:path";

/** A folder or file that a reader finds in its root, at the same path as outside. */
export interface RootEntry {
  readonly path: string;
  /** Node and its libraries; the rest cannot be executed. */
  readonly run: boolean;
}

/**
 * What a reader's root holds: Node, the libraries that it is linked with, and `readable`, which is the program. Outer
 * folders come before what lies in them, and nothing twice: Node itself mostly lies in `node_modules`.
 */
export function rootEntries(readable: readonly string[]): readonly RootEntry[] {
  const run = [process.execPath, ...sharedObjects()].map((path) => ({ path, run: true }));
  const read = readable
    .filter((path) => !readable.some((outer) => path.startsWith(`${outer}/`)))
    .map((path) => ({ path, run: false }));
  return [...read, ...run].sort((a, b) => a.path.length - b.path.length);
}

/** Each folder, and the one that it links to: a link is followed before anybody asks for permission. */
export function withTargets(folders: readonly string[]): readonly string[] {
  return [...new Set(folders.flatMap((folder) => [folder, realpathSync(folder)]))];
}

/**
 * A folder of every system to build the root upon, in a mount namespace of its own; what the root is made of must not
 * lie in it.
 */
export function placeForRoot(entries: readonly RootEntry[]): string | null {
  const free = (place: string) => isFolder(place) && !entries.some(({ path }) => path.startsWith(`${place}/`));
  return ["/mnt", "/media", "/srv", "/opt", "/home", "/var/tmp", "/tmp"].find(free) ?? null;
}

function isFolder(path: string): boolean {
  try {
    return realpathSync(path) === path;
  } catch {
    return false;
  }
}

/** By the names under which the loader looks for them. From a report, which takes 2 ms. */
function sharedObjects(): readonly string[] {
  const report: unknown = process.report.getReport();
  const found = typeof report === "object" && report !== null && "sharedObjects" in report ? report.sharedObjects : [];
  return Array.isArray(found) ? found.filter((path) => typeof path === "string" && isAbsolute(path)) : [];
}
