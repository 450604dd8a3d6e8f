// The pre-step of every npm script and of bin/wharf: brings the packages of the lockfile and the pinned Node 24, where
// only Node 18 or newer and npm exist. Plain JavaScript for Node 18; needs nothing installed.
//
// npm under an old Node leaves out native optional packages silently. So Node 24 comes first, alone, and then runs npm
// itself.
//
// Nothing is taken away from what runs beside it, a server or its tests, not for a moment: missing development
// packages are added in place, and everything else is installed in a folder of its own that then takes the old one's
// place. (`npm ci` begins by removing node_modules.)

import { createRequire } from "node:module";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

// An import of one of these makes everything that it exports, streams and WebCrypto too, which is a fifth of the time
// of `wharf --help`. Those that are needed by an installation alone are loaded there.
const require = createRequire(import.meta.url);
const { createHash } = require("node:crypto");
const {
  closeSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} = require("node:fs");

const EXIT_CONFIG = 78;
const NODE_MAJOR = 24;
const NODE_MINOR = 15;
const LOOK_MS = 200;
const LONGEST_MS = 15 * 60_000;
const NPM_FLAGS = ["--ignore-scripts", "--no-audit", "--no-fund", "--include=optional"];
const here = fileURLToPath(import.meta.url);
export const root = dirname(dirname(here));
export const modules = join(root, "node_modules");
const stamp = join(modules, ".lockfile-sha256");
const pinnedNode = join(modules, ".bin", "node");

/** Holds a folder for each program that was built (program.mjs). */
export const programs = join(modules, ".program");
/** What says which of them is run. */
export const record = join(programs, "program.json");

/**
 * Where Node keeps our code without types and compiled, from one start to the next, when the source is run
 * (program.mjs), for every process that is told so by NODE_COMPILE_CACHE. Beside the packages: whoever may write there
 * could change the program as well. Where the user of a server may not, it starts without, and a new installation
 * begins a new one.
 */
export const compileCache = join(modules, ".compile-cache");

/**
 * Whether this user may leave anything beside the packages. Root does only where they are root's: who owns them could
 * not remove it, and so not install the next version.
 */
export function leavesCaches() {
  return process.getuid?.() !== 0 || statSync(modules).uid === 0;
}

/**
 * Every process that this one starts keeps its code compiled there, and this one from now on, unless an operator said
 * where, or nothing may be left there.
 */
export function keepCompiled(folder) {
  if (process.env.NODE_COMPILE_CACHE !== undefined || !leavesCaches()) return;
  process.env.NODE_COMPILE_CACHE = folder;
  require("node:module").enableCompileCache?.(folder);
}

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === here) {
  bringPackages(process.argv[2] === "--production" ? "production" : "all");
  if (!newEnough(process.version) && !newEnough(versionOf(pinnedNode))) endWithoutNode();
}

/**
 * `level`: "production" is what a server and the command line need; "all" also brings what tests and checks do. Ends
 * the process when it cannot.
 */
export function bringPackages(level) {
  try {
    bring(level);
  } catch (error) {
    endWith(error.message);
  }
}

/** The pinned one, or this one where the packages bring none; ends the process when it is too old. */
export function nodeToRun() {
  if (existsSync(pinnedNode)) return pinnedNode;
  return newEnough(process.version) ? process.execPath : endWithoutNode();
}

/** Neither this Node will do, nor the pinned one, which is not there or not for this machine. */
export function endWithoutNode() {
  endWith(
    `Node ${NODE_MAJOR}.${NODE_MINOR} or newer is needed, and none comes with the packages for ${process.platform}-${process.arch}: install it, then run this again.`,
  );
}

function endWith(message) {
  console.error(`wharf: ${message}`);
  process.exit(EXIT_CONFIG);
}

function bring(level) {
  const lockfile = readFileSync(join(root, "package-lock.json"));
  const wanted = sha256(lockfile);
  if (suffices(installedLevel(wanted), level)) return;
  const waiting = "wharf: waiting for an installation that runs already …";
  // Not in the folder: there are no packages yet, and a clone holds what Git knows.
  const lock = join(tmpdir(), `wharf-install-${sha256(root).slice(0, 16)}`);
  alone({ lock, longestMs: LONGEST_MS, waiting }, () => {
    const installed = installedLevel(wanted);
    if (suffices(installed, level)) return;
    console.error("wharf: installing packages (once for each version of the lockfile) …");
    if (installed === "production") addDevelopmentPackages(wanted);
    else install(level, wanted, JSON.parse(lockfile.toString("utf8")));
  });
}

/**
 * What of this lockfile is there: null, "production", "all", or "adding": all of production, and development packages
 * of which some may be half there. The stamp is the lockfile's digest, and the level where it is not "all"; earlier
 * versions knew no other.
 */
function installedLevel(wanted) {
  if (!existsSync(stamp)) return null;
  const [digest, level = "all"] = readFileSync(stamp, "utf8").split(" ");
  return digest === wanted ? level : null;
}

function suffices(installed, level) {
  return installed === "all" || (level === "production" && installed !== null);
}

function stampText(wanted, level) {
  return level === "all" ? wanted : `${wanted} ${level}`;
}

/**
 * One installation of this folder at a time, and one build of its program: a first start and a first test in two
 * terminals would otherwise both fill it. Says that it is `waiting`, once. The lock names its holder, so that one who
 * died holds up nobody; nor does one who lives, for longer than `longestMs`. Throws where there can be no lock.
 */
export function alone({ lock, longestMs, waiting }, work) {
  for (let waited = 0; !take(lock); waited += LOOK_MS) {
    if (!isHeld(lock, longestMs)) rmSync(lock, { force: true });
    else if (waited === 0) console.error(waiting);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, LOOK_MS);
  }
  try {
    work();
  } finally {
    rmSync(lock, { force: true });
  }
}

function take(lock) {
  let file;
  try {
    file = openSync(lock, "wx");
  } catch (error) {
    if (error.code === "EEXIST") return false;
    throw error;
  }
  try {
    writeSync(file, String(process.pid));
    return true;
  } catch (error) {
    // The disk is full: a lock without a holder would be waited for.
    rmSync(lock, { force: true });
    throw error;
  } finally {
    closeSync(file);
  }
}

/**
 * By a process that lives, and has not held it for longer than the work takes (its number may be another's by now: it
 * is ours where a container was killed and started again, and gives each start the same number).
 */
function isHeld(lock, longestMs) {
  try {
    const pid = Number(readFileSync(lock, "utf8"));
    if (pid === process.pid || Date.now() - statSync(lock).mtimeMs > longestMs) return false;
    // Taken a moment ago, not yet written.
    if (!Number.isInteger(pid) || pid < 1) return true;
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === "EPERM";
  }
}

/** In place: npm leaves alone what is there and as the lockfile says. */
function addDevelopmentPackages(wanted) {
  const node = newEnough(process.version) ? process.execPath : pinnedNode;
  writeFileSync(stamp, stampText(wanted, "adding"));
  run(node, [npmCli(), "install", "--no-save", "--include=dev", ...NPM_FLAGS], root, "npm install failed");
  writeFileSync(stamp, stampText(wanted, "all"));
}

function tmpdir() {
  return require("node:os").tmpdir();
}

/** Anew, beside what is there. Development packages that are there stay there. */
function install(level, wanted, lockfile) {
  const hasDevelopment = Object.entries(lockfile.packages).some(
    ([path, { dev }]) => dev && existsSync(join(root, path)),
  );
  const installed = hasDevelopment ? "all" : level;
  const scratch = mkdtempSync(join(tmpdir(), "wharf-node-"));
  // In this folder, for a rename must not cross file systems. One that was left by an installation that was killed
  // goes first.
  const fresh = join(root, "node_modules.new");
  try {
    rmSync(fresh, { recursive: true, force: true });
    mkdirSync(fresh);
    for (const name of ["package.json", "package-lock.json"]) copyFileSync(join(root, name), join(fresh, name));
    const node = newEnough(process.version) ? process.execPath : fetchNode(lockfile, scratch);
    // Nothing that is installed runs code of its own: no package of ours needs an install script.
    const ci = [npmCli(), "ci", installed === "all" ? "--include=dev" : "--omit=dev", ...NPM_FLAGS];
    run(node, ci, fresh, "npm ci failed");
    if (replaced(modules, join(fresh, "node_modules"), join(fresh, "old"))) keepPrograms(join(fresh, "old"));
    else run(node, ci, root, "npm ci failed");
    writeFileSync(stamp, stampText(wanted, installed));
  } finally {
    for (const folder of [scratch, fresh]) rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * `made` takes the place of `folder`, which goes to `old`: two renames, some microseconds in which there is none.
 * False where `folder` cannot be moved, because it is the mount point of a volume.
 */
function replaced(folder, made, old) {
  try {
    if (existsSync(folder)) renameSync(folder, old);
  } catch (error) {
    if (error.code === "EBUSY" || error.code === "EXDEV") return false;
    throw error;
  }
  renameSync(made, folder);
  return true;
}

/** A server that runs may load a part of its program later. The record goes: it is of other packages. */
function keepPrograms(old) {
  const kept = join(old, ".program");
  if (!existsSync(kept) || existsSync(programs)) return;
  rmSync(join(kept, "program.json"), { force: true });
  renameSync(kept, programs);
}

/** The pinned Node of this platform into `scratch`, checked against the lockfile's integrity by npm. */
function fetchNode(lockfile, scratch) {
  const name = `node-${process.platform}-${process.arch}`;
  const entry = lockfile.packages[`node_modules/${name}`];
  if (entry === undefined)
    throw new Error(
      `Node ${NODE_MAJOR}.${NODE_MINOR} or newer is needed on ${process.platform}-${process.arch}: install it, then run this again.`,
    );
  const manifest = { name: "wharf-node", version: "0.0.0", private: true, dependencies: { [name]: entry.version } };
  const { optional: _, ...required } = entry;
  const packages = { "": manifest, [`node_modules/${name}`]: required };
  writeFileSync(join(scratch, "package.json"), JSON.stringify(manifest));
  writeFileSync(
    join(scratch, "package-lock.json"),
    JSON.stringify({ name: manifest.name, version: manifest.version, lockfileVersion: 3, requires: true, packages }),
  );
  run(process.execPath, [npmCli(), "ci", ...NPM_FLAGS], scratch, `cannot install ${name}`);
  return join(scratch, "node_modules", name, "bin", "node");
}

/** npm tells its scripts where it is; without it (bin/wharf in a fresh clone) it is beside Node, or on the PATH. */
function npmCli() {
  const told = process.env.npm_execpath;
  if (told !== undefined && /npm-cli\.c?js$/.test(told)) return told;
  const beside = [
    join(dirname(process.execPath), "..", "lib", "node_modules", "npm", "bin", "npm-cli.js"),
    join(dirname(process.execPath), "node_modules", "npm", "bin", "npm-cli.js"),
    "/usr/share/nodejs/npm/bin/npm-cli.js",
    "/usr/share/npm/bin/npm-cli.js",
    ...(process.env.PATH ?? "").split(delimiter).map((folder) => npmOf(folder)),
  ].find(existsSync);
  if (beside === undefined) throw new Error("npm was not found: run npm start instead.");
  return beside;
}

/** The script that the command `npm` of a folder leads to. */
function npmOf(folder) {
  const command = join(folder, "npm");
  const script = existsSync(command) ? realpathSync(command) : "";
  return script.endsWith("npm-cli.js") ? script : "";
}

function run(command, args, cwd, failure) {
  const { spawnSync } = require("node:child_process");
  const result = spawnSync(command, args, { cwd, stdio: ["ignore", "ignore", "inherit"] });
  if (result.status !== 0) throw new Error(`${failure}: see the lines above.`);
}

function versionOf(node) {
  if (!existsSync(node)) return "";
  const { spawnSync } = require("node:child_process");
  return spawnSync(node, ["--version"], { encoding: "utf8" }).stdout ?? "";
}

function sha256(data) {
  return createHash("sha256").update(data).digest("hex");
}

function newEnough(version) {
  const [major, minor] = version.replace(/^v/, "").split(".").map(Number);
  return major > NODE_MAJOR || (major === NODE_MAJOR && minor >= NODE_MINOR);
}
