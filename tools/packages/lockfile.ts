import { readFile } from "node:fs/promises";
import { join } from "node:path";

/** package-lock.json, as far as anybody here looks at it (lockfileVersion 3). */
export interface Lockfile {
  /** The whole file. */
  readonly file: Entry;
  /** By path: "" is the project itself, `node_modules/a/node_modules/b` a package that a alone sees. */
  readonly packages: ReadonlyMap<string, Entry>;
}

export type Entry = Readonly<Record<string, unknown>>;

/** Throws when `root` has no lockfile of that form. */
export async function readLockfile(root: string): Promise<Lockfile> {
  const file: unknown = JSON.parse(await readFile(join(root, "package-lock.json"), "utf8"));
  if (!isEntry(file) || !isEntry(file["packages"])) throw new Error("package-lock.json has no packages");
  const packages = Object.entries(file["packages"]).map(
    ([path, entry]) => [path, isEntry(entry) ? entry : {}] as const,
  );
  return { file, packages: new Map(packages) };
}

export function isEntry(value: unknown): value is Entry {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Name → version or range, of `dependencies` and the like. */
export function namesIn(entry: Entry, kind: string): readonly (readonly [name: string, range: unknown])[] {
  const found = entry[kind];
  return isEntry(found) ? Object.entries(found) : [];
}

/** The package's name: what stands behind the last `node_modules/`. */
export function nameOf(path: string): string {
  const at = path.lastIndexOf("node_modules/");
  return at < 0 ? path : path.slice(at + "node_modules/".length);
}
