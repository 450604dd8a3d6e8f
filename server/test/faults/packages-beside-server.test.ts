import assert from "node:assert/strict";
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { cp, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { Api } from "../support/api.ts";
import { inheritedEnvironment } from "../support/config.ts";
import { at, objectAt, textAt } from "../support/json.ts";

const REPOSITORY = join(import.meta.dirname, "../../..");
/** What a clone needs to start; without its tests, which nobody runs here. */
const CLONED = ["package.json", "package-lock.json", "openapi.json", "bin", "cli", "tools", "server/src"];

test("npm test beside a server from a fresh clone brings its packages and takes none of the server's, nor its Node", {
  timeout: 540_000,
}, async (t) => {
  const root = await mkdtemp(join(tmpdir(), "wharf-beside-"));
  const env = {
    ...inheritedEnvironment(),
    WHARF_PORT: "0",
    WHARF_DATA_DIR: join(root, "data"),
    WHARF_CREATES_PER_SECOND: "100000",
    WHARF_DISK_RESERVE_BYTES: "0",
    // What the repository's own installation left in npm's cache need not come again.
    npm_config_prefer_offline: "true",
  };
  for (const path of CLONED) await cp(join(REPOSITORY, path), join(root, path), { recursive: true });
  const server = spawn(process.execPath, [join(root, "bin/wharf"), "serve", "--json"], {
    env,
    stdio: ["ignore", "pipe", "pipe"],
  });
  t.after(async () => {
    if (server.exitCode === null) {
      server.kill("SIGTERM");
      await once(server, "exit");
    }
    await rm(root, { recursive: true, force: true, maxRetries: 3 });
  });
  const started = await startOf(server);
  if (typeof started === "string") return t.skip(`needs npm, and its cache or registry: ${started}`);
  const api = new Api(textAt(started, "url"), textAt(started, "first_key", "key"));

  const { production, development } = await packagesOf(root);
  const missing = (names: readonly string[]) => names.filter((name) => !existsSync(join(root, "node_modules", name)));
  assert.deepEqual(missing(production), []);
  assert.deepEqual(missing(development), development);

  const lockfile = await readFile(join(root, "package-lock.json"), "utf8");
  const taken = new Set<string>();
  const watch = setInterval(() => missing(production).forEach((name) => void taken.add(name)), 5);
  let brought = false;
  const bringing = promisify(execFile)(process.execPath, [join(root, "tools/bootstrap.mjs")], { env }).finally(() => {
    brought = true;
  });
  // Each is read by a child process, which the server starts from its own Node and packages.
  let indexed = 0;
  for (; !brought || indexed < 2; indexed++) await api.indexed(`number ${indexed}`);
  await bringing;
  clearInterval(watch);

  assert.deepEqual([...taken], []);
  assert.deepEqual(missing([...production, ...development]), []);
  assert.equal(await readFile(join(root, "package-lock.json"), "utf8"), lockfile);
  await api.indexed("after all");
});

/** What a start that came to its end printed, or what one that failed said of npm. */
async function startOf(server: ChildProcess): Promise<unknown> {
  let [printed, said] = ["", ""];
  server.stderr?.on("data", (piece) => {
    said += piece;
  });
  return new Promise((resolve, reject) => {
    server.once("exit", () => (/npm ci failed|npm was not found/.test(said) ? resolve(said) : reject(new Error(said))));
    server.stdout?.on("data", (piece) => {
      printed += piece;
      try {
        resolve(JSON.parse(printed));
      } catch {
        // Not all of it yet.
      }
    });
  });
}

/**
 * Names of what the lockfile puts at the top for this platform: the product's, with the Node that comes with it, and
 * those of development alone.
 */
async function packagesOf(root: string): Promise<{ production: readonly string[]; development: readonly string[] }> {
  const lockfile: unknown = JSON.parse(await readFile(join(root, "package-lock.json"), "utf8"));
  const top = Object.entries(objectAt(lockfile, "packages")).filter(([path]) =>
    /^node_modules\/(?!.*node_modules)/.test(path),
  );
  const names = (isWanted: (entry: unknown) => boolean) =>
    top.filter(([, entry]) => isWanted(entry)).map(([path]) => path.slice("node_modules/".length));
  const node = `node-${process.platform}-${process.arch}`;
  return {
    production: [
      ...names((entry) => [at(entry, "dev"), at(entry, "optional")].every((mark) => mark === undefined)),
      ...(names(() => true).includes(node) ? [node, ".bin/node"] : []),
    ],
    development: names((entry) => at(entry, "dev") === true && at(entry, "optional") === undefined),
  };
}
