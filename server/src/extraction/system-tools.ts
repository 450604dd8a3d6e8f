import { spawnSync } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { join } from "node:path";
import { LIMITS } from "../limits.ts";

/**
 * A tool of the system by its absolute path, or null. PATH is not asked: a reader's environment is empty, and the
 * server's is anybody's.
 */
export function tool(name: string): string | null {
  const found = ["/usr/bin", "/bin", "/usr/sbin", "/sbin"].map((folder) => join(folder, name)).find(isExecutable);
  return found ?? null;
}

/** Whether what these words put before a command can be had. */
export type Works = (prefix: readonly string[]) => boolean;

/** Believes every tool that is there. */
export const believed: Works = (prefix) => prefix.length > 0;

/**
 * A tool may be there and still be refused (containers forbid namespaces): it is tried on a command that does nothing.
 */
export function works(prefix: readonly string[]): boolean {
  const nothing = tool("true");
  const [command, ...args] = prefix;
  if (nothing === null || command === undefined) return false;
  return (
    spawnSync(command, [...args, nothing], { env: {}, stdio: "ignore", timeout: LIMITS.childStartMs }).status === 0
  );
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
