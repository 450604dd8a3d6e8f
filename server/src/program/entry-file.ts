import { basename } from "node:path";

/**
 * The file that a thread or a process of ours begins with. `source` is it when the server runs from its source; the
 * built program has a file of that name in its own folder (tools/build-program.ts lists them).
 */
export function entryFile(source: URL): URL {
  return builtFile(`${basename(source.pathname, ".ts")}.mjs`) ?? source;
}

/** A file of the built program; null when this runs from its source. */
export function builtFile(name: string): URL | null {
  return import.meta.url.endsWith(".ts") ? null : new URL(name, import.meta.url);
}
