import { readFileSync } from "node:fs";
import { LIMITS } from "./limits.ts";

/**
 * Descriptors for what cannot do without them: 42 open search indexes in each of three threads, the catalogue, pipes
 * of children.
 */
const RESERVED = 512;
/** A connection that uploads or downloads has a file open, too; there is a tenth more of them for uploads. */
const PER_CONNECTION = 2.2;
/** Where the system does not tell. */
const USUAL_LIMIT = 4096;

export interface OpenFileShares {
  /** HTTP connections, at most limits.maxConnections. */
  readonly connections: number;
  /** Folders that one blob store keeps open, at most limits.openFolders. */
  readonly folders: number;
}

/**
 * Who gets how many of the `limit` files that a process may have open. Beyond it nothing works that opens one, so
 * nobody may use it up: clients least of all.
 */
export function shareOpenFiles(limit: number = openFileLimit()): OpenFileShares {
  const folders = Math.min(LIMITS.openFolders, Math.floor(limit / 8));
  const connections = Math.floor((limit - folders - RESERVED - LIMITS.reservedConnections) / PER_CONNECTION);
  return { folders, connections: Math.min(LIMITS.maxConnections, Math.max(connections, 16)) };
}

/** Node raises its limit to what the system allows when it starts. */
function openFileLimit(): number {
  try {
    const limit = /^Max open files\s+(\d+)/m.exec(readFileSync("/proc/self/limits", "latin1"))?.[1];
    return limit === undefined ? USUAL_LIMIT : Number(limit);
  } catch {
    return USUAL_LIMIT;
  }
}
