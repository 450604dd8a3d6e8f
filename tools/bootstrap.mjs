// The pre-step of every npm script: brings the packages of the lockfile and the pinned Node 24, where only Node 18 or newer and npm exist.
// Plain JavaScript for Node 18; needs nothing installed.
//
// npm under an old Node leaves out native optional packages silently. So Node 24 comes first, alone, and then runs `npm ci` itself.

import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const EXIT_CONFIG = 78;
const NODE_MAJOR = 24;
const NODE_MINOR = 15;
const LOOK_MS = 200;
const LONGEST_MS = 15 * 60_000;
const root = dirname(dirname(fileURLToPath(import.meta.url)));
const stamp = join(root, "node_modules", ".lockfile-sha256");
const pinnedNode = join(root, "node_modules", ".bin", "node");

try {
  main();
} catch (error) {
  console.error(`wharf: ${error.message}`);
  process.exit(EXIT_CONFIG);
}

function main() {
  const lockfile = readFileSync(join(root, "package-lock.json"));
  const wanted = sha256(lockfile);
  const installed = () => existsSync(stamp) && readFileSync(stamp, "utf8") === wanted;
  if (!installed())
    alone(() => {
      if (installed()) return;
      install(JSON.parse(lockfile.toString("utf8")));
      writeFileSync(stamp, wanted);
    });
  if (newEnough(versionOf(pinnedNode)) || newEnough(process.version)) return;
  throw new Error(
    `Node ${NODE_MAJOR}.${NODE_MINOR} or newer is needed, and none comes with the packages for ${process.platform}-${process.arch}: install it, then run this again.`,
  );
}

/**
 * One installation of this folder at a time: `npm ci` begins by removing node_modules, also from under an `npm start` in another terminal. The lock
 * names its holder, so that one who died holds up nobody.
 */
function alone(work) {
  const lock = join(tmpdir(), `wharf-install-${sha256(root).slice(0, 16)}`);
  for (let waited = 0; !take(lock); waited += LOOK_MS) {
    if (!isHeld(lock)) rmSync(lock, { force: true });
    else if (waited === 0) console.error("wharf: waiting for an installation that runs already …");
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, LOOK_MS);
  }
  try {
    work();
  } finally {
    rmSync(lock, { force: true });
  }
}

function take(lock) {
  try {
    writeFileSync(lock, String(process.pid), { flag: "wx" });
    return true;
  } catch (error) {
    if (error.code === "EEXIST") return false;
    throw error;
  }
}

/** By a process that lives, and has not held it for longer than any installation takes (its number may be another's by now). */
function isHeld(lock) {
  try {
    const pid = Number(readFileSync(lock, "utf8"));
    if (Date.now() - statSync(lock).mtimeMs > LONGEST_MS) return false;
    // Taken a moment ago, not yet written.
    if (!Number.isInteger(pid) || pid < 1) return true;
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === "EPERM";
  }
}

function install(lockfile) {
  console.error("wharf: installing packages (once for each version of the lockfile) …");
  const scratch = mkdtempSync(join(tmpdir(), "wharf-node-"));
  try {
    const node = newEnough(process.version) ? process.execPath : fetchNode(lockfile, scratch);
    // Nothing that is installed runs code of its own: no package of ours needs an install script.
    run(node, [npmCli(), "ci", "--ignore-scripts", "--no-audit", "--no-fund"], root, "npm ci failed");
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
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
  run(
    process.execPath,
    [npmCli(), "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
    scratch,
    `cannot install ${name}`,
  );
  return join(scratch, "node_modules", name, "bin", "node");
}

/** npm tells its scripts where it is; without it (bin/wharf in a fresh clone) it is beside Node. */
function npmCli() {
  const told = process.env.npm_execpath;
  if (told !== undefined && /npm-cli\.c?js$/.test(told)) return told;
  const beside = [
    join(dirname(process.execPath), "..", "lib", "node_modules", "npm", "bin", "npm-cli.js"),
    join(dirname(process.execPath), "node_modules", "npm", "bin", "npm-cli.js"),
    "/usr/share/nodejs/npm/bin/npm-cli.js",
    "/usr/share/npm/bin/npm-cli.js",
  ].find(existsSync);
  if (beside === undefined) throw new Error("npm was not found: run npm start instead.");
  return beside;
}

function run(command, args, cwd, failure) {
  const result = spawnSync(command, args, { cwd, stdio: ["ignore", "ignore", "inherit"] });
  if (result.status !== 0) throw new Error(`${failure}: see the lines above.`);
}

function versionOf(node) {
  if (!existsSync(node)) return "";
  return spawnSync(node, ["--version"], { encoding: "utf8" }).stdout ?? "";
}

function sha256(data) {
  return createHash("sha256").update(data).digest("hex");
}

function newEnough(version) {
  const [major, minor] = version.replace(/^v/, "").split(".").map(Number);
  return major > NODE_MAJOR || (major === NODE_MAJOR && minor >= NODE_MINOR);
}
