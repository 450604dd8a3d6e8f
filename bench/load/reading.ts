import { readFileSync } from "node:fs";
import { registerHooks } from "node:module";
import { basename, join } from "node:path";
import { pathToFileURL } from "node:url";
import { objectAt, textAt } from "../../server/test/support/json.ts";
import { median } from "../figures.ts";

/**
 * A process of its own that reads one document as readers do: `reading.ts <file> <code> [<code of another version>]`.
 * Prints milliseconds of processor time for each version. With one, of a process's first document, of which loading the
 * format's reader is a part; with two, of later ones, in turns. `code`: a checkout and its files without types, by URL.
 *
 * Cutting into passages and their words is left out: both are the search's, which changes for its own reasons.
 */
const [file = "", ...codes] = process.argv.slice(2);
/** The engine compiles what it reads with during the first of them. */
const WARM_MS = 300;
const TURN_MS = 15;
const TURNS = 12;

const STUBS: ReadonlyMap<string, string> = new Map([
  [
    "chunking/chunk-page.ts",
    `export function* chunkPage(text) { if (/\\S/.test(text)) yield { charStart: 0, charEnd: 0, text: "" }; }`,
  ],
  ["search-index/analyze.ts", `export const tokenText = () => ""; export const titleTokenText = () => "";`],
]);

const bytes = readFileSync(file);
const header = { filename: basename(file), title: "", declaredType: "", sizeBytes: bytes.length, pageByPage: false };
let isRead = true;

/** Reads it once, and says how long that took. */
type ReadOnce = () => Promise<number>;

async function version(path: string): Promise<ReadOnce> {
  const code: unknown = JSON.parse(readFileSync(path, "utf8"));
  const sources = new Map(Object.entries(objectAt(code, "sources")));
  registerHooks({
    load(url, context, next) {
      const stub = sources.has(url) ? STUBS.entries().find(([end]) => url.endsWith(end))?.[1] : undefined;
      const source: unknown = stub ?? sources.get(url);
      return typeof source === "string" ? { format: "module", source, shortCircuit: true } : next(url, context);
    },
  });
  const entry = pathToFileURL(join(textAt(code, "checkout"), "server/src/extraction/read-document.ts")).href;
  const { readDocument }: typeof import("../../server/src/extraction/read-document.ts") = await import(entry);
  return async () => {
    const began = process.cpuUsage();
    await readDocument({ header, bytes }, ({ kind }) => {
      if (kind === "fault") isRead = false;
    });
    const { user, system } = process.cpuUsage(began);
    return (user + system) / 1000;
  };
}

/** The mean of as many as `ms` milliseconds take. */
async function readFor(ms: number, readOnce: ReadOnce): Promise<number> {
  let used = 0;
  let times = 0;
  for (; isRead && (times === 0 || used < ms); times++) used += await readOnce();
  return used / times;
}

const versions: ReadOnce[] = [];
for (const code of codes) versions.push(await version(code));
const [only] = versions;
const taken: number[] = [];
if (versions.length === 1 && only !== undefined) taken.push(await only());
else {
  for (const readOnce of versions) await readFor(WARM_MS, readOnce);
  const turns: number[][] = versions.map(() => []);
  for (let turn = 0; turn < TURNS; turn++)
    for (const [at, readOnce] of versions.entries()) turns[at]?.push(await readFor(TURN_MS, readOnce));
  taken.push(...turns.map(median));
}
process.stdout.write(JSON.stringify({ isRead, taken }));
