import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { getCompileCacheDir } from "node:module";
import { dirname, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { Worker } from "node:worker_threads";
import { ExtractorTrouble } from "./extractor.ts";
import { keep, readKept } from "./kept-code.ts";

/** TypeScript, or what is left of it without types, by URL. */
export type Sources = Readonly<Record<string, string>>;

export interface ChildCodeOptions {
  /** Where stripped code is kept for the next start; undefined = nowhere. Default: Node's compile cache, if it is on. */
  readonly keepIn?: string | undefined;
  /** Default: in a thread. */
  readonly strip?: (sources: Sources) => Promise<Sources>;
}

/**
 * The code of an extraction child, as launch.mjs reads it: the entry and every file of ours that the entry imports, at
 * its start or later, without types. Read from the files as they are at each start, so it is never out of date; kept
 * by what they hold, for stripping them takes 200 ms of processor time. Throws ExtractorTrouble.
 */
export async function loadChildCode(entry: string, options: ChildCodeOptions = {}): Promise<Buffer> {
  const { keepIn = getCompileCacheDir(), strip = stripInThread } = options;
  try {
    const sources = sourcesFrom(entry);
    if (keepIn === undefined) return packed(await strip(sources));
    const name = nameOf(sources);
    const kept = readKept(keepIn, name);
    if (kept !== null) return kept;
    const code = packed(await strip(sources));
    keep(keepIn, name, code);
    return code;
  } catch (cause) {
    throw new ExtractorTrouble("The code of the extraction children cannot be read.", { cause });
  }
}

function sourcesFrom(entry: string): Sources {
  const sources: Record<string, string> = {};
  const waiting = [entry];
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    const url = pathToFileURL(path).href;
    if (url in sources) continue;
    const source = readFileSync(path, "utf8");
    sources[url] = source;
    const folder = dirname(path);
    // `from "./x.ts"` and `import("./x.ts")`: the style guide's only ways to import.
    const imports = source.matchAll(/(?:\bfrom |\bimport\()"(\.{1,2}\/[^"]+\.ts)"/g);
    waiting.push(...[...imports].map(([, from = ""]) => resolve(folder, from)));
  }
  return sources;
}

/** Four bytes of length, JSON of where each URL's source begins and ends in the rest; four of the rest's length; the rest. */
function packed(sources: Sources): Buffer {
  const places: Record<string, readonly [start: number, end: number]> = {};
  const parts: Buffer[] = [];
  let sizeBytes = 0;
  for (const [url, source] of Object.entries(sources)) {
    const part = Buffer.from(source, "utf8");
    places[url] = [sizeBytes, sizeBytes + part.length];
    sizeBytes += part.length;
    parts.push(part);
  }
  const index = Buffer.from(JSON.stringify(places), "utf8");
  return Buffer.concat([length(index.length), index, length(sizeBytes), ...parts]);
}

function length(bytes: number): Buffer {
  const four = Buffer.alloc(4);
  four.writeUInt32LE(bytes);
  return four;
}

/** A thread of its own: the stripper holds its thread for a tenth of a second, and warns once that it may change. */
function stripInThread(sources: Sources): Promise<Sources> {
  const thread = new Worker(new URL("./child-code-thread.ts", import.meta.url), {
    workerData: sources,
    execArgv: ["--no-warnings"],
  });
  return new Promise((resolve, reject) => {
    thread.once("message", resolve);
    thread.once("error", reject);
  });
}

/** Also by Node's version: a newer one may strip otherwise. */
function nameOf(sources: Sources): string {
  return createHash("sha256")
    .update(JSON.stringify([process.version, sources]))
    .digest("hex");
}
