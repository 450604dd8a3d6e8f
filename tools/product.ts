import { isTest } from "./architecture/rules.ts";

/**
 * Whether `path` (from the root, with `/`) is code that a server or a client runs: what an installation without
 * development packages holds.
 */
export function isProduct(path: string): boolean {
  return /^(?:server\/src|cli|bin|sdk\/src)\//.test(path) ? !isTest(path) : LAUNCHES.has(path);
}

const LAUNCHES: ReadonlySet<string> = new Set(["tools/bootstrap.mjs", "tools/program.mjs", "tools/build-program.ts"]);
