// Which program bin/wharf runs: the one that was built from exactly what is in the tree, or the source itself. Plain
// JavaScript: it decides whether TypeScript has to be loaded at all.
//
// What is built is a cache. It lies beside the packages, because whoever may write there could change the program as
// well; nobody needs it, and whoever changes a package by hand removes it (node_modules/.program).

import { createRequire } from "node:module";
import { join } from "node:path";
import { alone, leavesCaches, modules, programs, record, root } from "./bootstrap.mjs";

// Not imported: bootstrap.mjs says why.
const require = createRequire(import.meta.url);
const { createHash } = require("node:crypto");
const { accessSync, constants, existsSync, mkdirSync, readFileSync, utimesSync } = require("node:fs");

const LONGEST_MS = 60_000;
/** How often a process says that its program runs. */
export const SAID_EVERY_MS = 60 * 60_000;

/**
 * The folder of the program that was built from what is in the tree now; null = there is none. It reads every source
 * and every file that was built: neither an old program nor a damaged one is run.
 */
export function builtProgram() {
  try {
    const { folder, sources, files, digest } = JSON.parse(readFileSync(record, "utf8"));
    const built = join(programs, folder);
    const read = (from, paths) => paths.map((path) => [path, readFileSync(join(from, path))]);
    return digestOf(read(root, sources), read(built, files)) === digest ? built : null;
  } catch {
    // There is none, or a part of it, or a source is gone.
    return null;
  }
}

/** As `builtProgram`; builds it when there is none and it can be built. */
export function programToRun() {
  return builtProgram() ?? (canBuild() ? build() : null);
}

/**
 * Says in `program`'s folder that it runs, now and as long as this process does: builds of other versions leave it
 * where it is, since a server loads some of its parts late.
 */
export function sayItRuns(program) {
  const say = () => {
    try {
      utimesSync(program, new Date(), new Date());
    } catch {
      // It is somebody else's program. Then the newest four are kept, as ever.
    }
  };
  say();
  setInterval(say, SAID_EVERY_MS).unref();
}

/** Of what went in and what came out, and of what else decides what comes out. */
export function digestOf(sources, files) {
  const hash = createHash("sha256").update(`${process.version} ${root}\n`);
  for (const [path, bytes] of [...sources, ...files]) hash.update(`${path} ${bytes.length}\n`).update(bytes);
  return hash.digest("hex");
}

function canBuild() {
  try {
    if (!leavesCaches()) return false;
    for (const folder of [modules, programs]) if (existsSync(folder)) accessSync(folder, constants.W_OK);
    return existsSync(join(modules, "esbuild"));
  } catch {
    return false;
  }
}

/**
 * Once, when several start at the same time. A build that fails says why; then the source runs. The lock lies where the
 * program will: in a folder for everybody's files, anybody could hold up a start.
 */
function build() {
  const waiting = "wharf: waiting for another start that builds the program …";
  try {
    mkdirSync(programs, { recursive: true });
    alone({ lock: join(programs, "building"), longestMs: LONGEST_MS, waiting }, () => {
      if (builtProgram() !== null) return;
      const { spawnSync } = require("node:child_process");
      const argv = [join(root, "tools", "build-program.ts")];
      const options = { cwd: root, stdio: ["ignore", "ignore", "inherit"], timeout: LONGEST_MS, killSignal: "SIGKILL" };
      spawnSync(process.execPath, argv, options);
    });
  } catch (error) {
    // No lock, so no build: the disk is full.
    console.error(`wharf: the program could not be built, and its source is run: ${error.message}`);
  }
  return builtProgram();
}
