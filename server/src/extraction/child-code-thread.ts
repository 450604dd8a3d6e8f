import { readFileSync } from "node:fs";
import { stripTypeScriptTypes } from "node:module";
import { dirname, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { parentPort, workerData } from "node:worker_threads";

/** The thread of `loadChildCode`: given the path of an entry, answers once, and ends. */
parentPort?.postMessage(Buffer.from(JSON.stringify(strippedSources(String(workerData))), "utf8"));

function strippedSources(entry: string): Readonly<Record<string, string>> {
  const sources: Record<string, string> = {};
  const waiting = [entry];
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    const url = pathToFileURL(path).href;
    if (url in sources) continue;
    const source = readFileSync(path, "utf8");
    sources[url] = stripTypeScriptTypes(source);
    const folder = dirname(path);
    // `from "./x.ts"` and `import("./x.ts")`: the style guide's only ways to import.
    const imports = source.matchAll(/(?:\bfrom |\bimport\()"(\.{1,2}\/[^"]+\.ts)"/g);
    waiting.push(...[...imports].map(([, from = ""]) => resolve(folder, from)));
  }
  return sources;
}
