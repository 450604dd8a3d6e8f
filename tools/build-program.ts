import { randomUUID } from "node:crypto";
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { BUILT_READER_CODE, bundleReader, packedReaderCode } from "../server/src/extraction/reader-code.ts";
import { bundle } from "../server/src/program/bundle.ts";
import { programs, record } from "./bootstrap.mjs";
import { digestOf, SAID_EVERY_MS } from "./program.mjs";

/** The command line, by the name that its file has in the built program, … */
const MAIN = { main: "cli/main.ts" } as const;

/**
 * … and what threads and processes begin with. Bundled apart: shared with the command line, each would load twenty
 * files where three do, and a server fifteen more.
 */
const ENTRIES = {
  "catalogue-owner": "server/src/threads/catalogue-owner.ts",
  "catalogue-reader": "server/src/threads/catalogue-reader.ts",
  "fts5-writer-thread": "server/src/search-index/fts5-writer-thread.ts",
  "fts5-reader-thread": "server/src/search-index/fts5-reader-thread.ts",
  "spawner-process": "server/src/extraction/spawner-process.ts",
} as const;

const READER = "server/src/extraction/child.ts";

/** What else decides what is built. Packages are what the lockfile says (bootstrap.mjs). */
const BESIDES = ["package-lock.json", "tools/build-program.ts", "server/src/program/bundle.ts"];

/** So many are kept, and each that said since then that it runs: a server may load a part of its own later. */
const KEPT = 4;
const RUNS_MS = 3 * SAID_EVERY_MS;

/**
 * Builds the program (program.mjs says what for) into a folder of its own, and then makes the record say so: nobody
 * sees half of one. Call it alone.
 */
async function buildProgram(root: string): Promise<void> {
  const besides = await Promise.all(BESIDES.map(async (path) => [path, await readFile(join(root, path))] as const));
  const [main, entries, reader] = await Promise.all([
    bundle(root, MAIN),
    bundle(root, ENTRIES),
    bundleReader(READER, root),
  ]);
  const sources = [...new Map([...main.sources, ...entries.sources, ...reader.sources, ...besides])];
  const files = [
    ...[...main.files, ...entries.files].map(([name, text]) => [name, Buffer.from(text)] as const),
    [BUILT_READER_CODE, packedReaderCode(join(root, READER), reader)] as const,
  ];
  const folder = randomUUID();
  const digest = digestOf(sources, files);
  const names = (from: readonly (readonly [string, Buffer])[]) => from.map(([name]) => name);
  const text = JSON.stringify({ folder, digest, sources: names(sources), files: names(files) });
  try {
    await mkdir(join(programs, folder), { recursive: true });
    for (const [name, bytes] of files) await writeFile(join(programs, folder, name), bytes);
    await writeFile(join(programs, folder, "program.json"), text);
    await rename(join(programs, folder, "program.json"), record);
  } catch (error) {
    // The disk is full: each start that tries it would leave another half.
    await rm(join(programs, folder), { recursive: true, force: true });
    throw error;
  }
  await removeOld(folder);
}

async function removeOld(newest: string): Promise<void> {
  const others = (await readdir(programs, { withFileTypes: true })).filter(
    (entry) => entry.isDirectory() && entry.name !== newest,
  );
  const dated = await Promise.all(
    others.map(async ({ name }) => ({ path: join(programs, name), at: (await stat(join(programs, name))).mtimeMs })),
  );
  const old = dated.sort((a, b) => b.at - a.at).slice(KEPT - 1);
  for (const { path, at } of old) if (Date.now() - at > RUNS_MS) await rm(path, { recursive: true, force: true });
}

if (import.meta.main) {
  try {
    await buildProgram(join(import.meta.dirname, ".."));
  } catch (error) {
    console.error(
      `wharf: the program could not be built, and its source is run: ${error instanceof Error ? error.message : error}`,
    );
    process.exitCode = 1;
  }
}
