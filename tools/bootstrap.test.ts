import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";

const run = promisify(execFile);

/**
 * An npm that takes a while, has a package of each kind, and says in a log what it was asked, whether the packages of
 * before were there all the time, and when it ended. `ci` begins by removing what is there, as npm's does.
 */
const FAKE_NPM = `
const { appendFileSync, existsSync, mkdirSync, rmSync } = require("node:fs");
const { join } = require("node:path");
const log = (text) => appendFileSync(join(__dirname, "npm.log"), text);
const had = existsSync(join(__dirname, "node_modules/product"));
const dev = process.argv.includes("--include=dev");
log(process.argv[2] + (dev ? " all" : process.argv.includes("--omit=dev") ? " production" : "") + " ");
if (process.argv[2] === "ci") rmSync("node_modules", { recursive: true, force: true });
if (existsSync(join(__dirname, "fails"))) process.exit(1);
setTimeout(() => {
  mkdirSync("node_modules/product", { recursive: true });
  if (dev) mkdirSync("node_modules/tool", { recursive: true });
  log(had && !existsSync(join(__dirname, "node_modules/product")) ? "TOOK AWAY " : "end ");
}, 300);
`;

const LOCKFILE = JSON.stringify({ packages: { "node_modules/product": {}, "node_modules/tool": { dev: true } } });
const OTHER_LOCKFILE = `${LOCKFILE}\n`;

/** A clone as far as the bootstrap looks at it, in a folder for temporary files of its own. */
function clone(t: { after(undo: () => void): void }) {
  const root = mkdtempSync(join(tmpdir(), "wharf-clone-"));
  t.after(() => rmSync(root, { recursive: true }));
  for (const folder of ["tools", "tmp"]) mkdirSync(join(root, folder));
  copyFileSync(new URL("bootstrap.mjs", import.meta.url), join(root, "tools", "bootstrap.mjs"));
  writeFileSync(join(root, "package.json"), "{}");
  writeFileSync(join(root, "package-lock.json"), LOCKFILE);
  writeFileSync(join(root, "npm-cli.cjs"), FAKE_NPM);
  const env = { npm_execpath: join(root, "npm-cli.cjs"), TMPDIR: join(root, "tmp") };
  const bootstrap = (...flags: string[]) =>
    run(process.execPath, [join(root, "tools", "bootstrap.mjs"), ...flags], { env });
  return {
    root,
    lock: join(root, "tmp", `wharf-install-${createHash("sha256").update(root).digest("hex").slice(0, 16)}`),
    /** What `npm start` and bin/wharf do first … */
    start: () => bootstrap("--production"),
    /** … and what `npm test` and `npm run check` do. */
    test: () => bootstrap(),
    /** What was asked of npm, and whether each came to an end. */
    log: () => (existsSync(join(root, "npm.log")) ? readFileSync(join(root, "npm.log"), "utf8").trim() : ""),
    packages: () => readdirSync(join(root, "node_modules")).filter((name) => !name.startsWith(".")),
    file: (path: string, text: string) => {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), text);
    },
  };
}

type Clone = ReturnType<typeof clone>;

const STAMP = "node_modules/.lockfile-sha256";

const CASES: readonly (readonly [
  what: string,
  steps: (clone: Clone) => Promise<unknown>,
  log: string,
  packages: readonly string[],
])[] = [
  ["a start in a fresh clone brings no development packages", ({ start }) => start(), "ci production end", ["product"]],
  ["a test in a fresh clone brings all", ({ test }) => test(), "ci all end", ["product", "tool"]],
  ["a start behind a start brings nothing", ({ start }) => start().then(start), "ci production end", ["product"]],
  [
    "a start behind a test brings and removes nothing",
    (c) => c.test().then(c.start),
    "ci all end",
    ["product", "tool"],
  ],
  [
    "a test behind a start adds what is missing, in place",
    (c) => c.start().then(c.test).then(c.test),
    "ci production end install all end",
    ["product", "tool"],
  ],
  [
    "a stamp of the bootstrap that knew no levels stands for all",
    async ({ file, start, test }) => {
      file(STAMP, createHash("sha256").update(LOCKFILE).digest("hex"));
      await start();
      await test();
    },
    "",
    [],
  ],
  [
    "another lockfile is installed beside the old packages, and development packages that are there stay",
    async ({ file, start, test }) => {
      await test();
      file("package-lock.json", OTHER_LOCKFILE);
      await start();
    },
    "ci all end ci all end",
    ["product", "tool"],
  ],
  [
    "another lockfile without development packages stays without",
    async ({ file, start }) => {
      await start();
      file("package-lock.json", OTHER_LOCKFILE);
      await start();
    },
    "ci production end ci production end",
    ["product"],
  ],
  [
    "an installation that failed leaves the packages of before, and the next one begins anew",
    async ({ file, root, start, packages }) => {
      await start();
      file("package-lock.json", OTHER_LOCKFILE);
      file("fails", "");
      await assert.rejects(start(), /npm ci failed/);
      assert.deepEqual(packages(), ["product"]);
      rmSync(join(root, "fails"));
      await start();
    },
    "ci production end ci production ci production end",
    ["product"],
  ],
  [
    "an addition that was cut off is no hindrance to a start; a test makes all of it anew",
    async ({ file, root, start, test }) => {
      await start();
      file("fails", "");
      await assert.rejects(test(), /npm install failed/);
      rmSync(join(root, "fails"));
      await start();
      // Half of a package: npm would take it for whole.
      mkdirSync(join(root, "node_modules/tool"));
      await test();
    },
    "ci production end install all ci all end",
    ["product", "tool"],
  ],
  [
    "what a killed installation left goes",
    async ({ file, root, start }) => {
      file("node_modules.new/node_modules/half/package.json", "{}");
      await start();
      assert.equal(existsSync(join(root, "node_modules.new")), false);
    },
    "ci production end",
    ["product"],
  ],
];

for (const [what, steps, log, packages] of CASES) {
  test(what, async (t) => {
    const made = clone(t);
    await steps(made);
    assert.equal(made.log(), log);
    assert.deepEqual(made.packages(), packages);
  });
}

test("two first commands in one clone install once, one after the other", async (t) => {
  const { start, log } = clone(t);
  await Promise.all([start(), start(), start()]);
  assert.equal(log(), "ci production end");
});

test("a first start and a first test at once take nothing from each other", async (t) => {
  const { start, test: runTest, log, packages } = clone(t);
  await Promise.all([start(), runTest()]);
  assert.match(log(), /^(?:ci production end install all end|ci all end)$/);
  assert.deepEqual(packages(), ["product", "tool"]);
});

test("an installation that was killed holds up nobody", async (t) => {
  const { start, lock, log } = clone(t);
  const { pid } = await new Promise<{ pid: number | undefined }>((resolve) => {
    const child = execFile(process.execPath, ["--version"], () => resolve({ pid: child.pid }));
  });
  writeFileSync(lock, String(pid));
  await start();
  assert.equal(log(), "ci production end");
});

test("an installation that was killed holds up nobody, nor does its number when it is this one's own", async (t) => {
  const { root, lock, log } = clone(t);
  const inContainer = `echo -n $$ > ${lock}; exec ${process.execPath} ${join(root, "tools/bootstrap.mjs")}`;
  const env = { npm_execpath: join(root, "npm-cli.cjs"), TMPDIR: join(root, "tmp") };
  await run("/bin/sh", ["-c", inContainer], { env, timeout: 20_000 });
  assert.equal(log(), "ci all end");
});

test("another installation leaves a server that runs its program, and later starts none of it", async (t) => {
  const { root, start, file } = clone(t);
  await start();
  file("node_modules/.program/folder/later.mjs", "");
  file("node_modules/.program/program.json", "{}");
  file("package-lock.json", OTHER_LOCKFILE);
  await start();
  assert.deepEqual(readdirSync(join(root, "node_modules/.program"), { recursive: true }).sort(), [
    "folder",
    "folder/later.mjs",
  ]);
});

test("a pinned Node that this machine cannot run is told in a sentence, by bin/wharf too", async (t) => {
  const { root, start, file } = clone(t);
  await start();
  file("node_modules/.bin/node", "not for this machine");
  file("cli/main.ts", "");
  mkdirSync(join(root, "bin"));
  copyFileSync(new URL("../bin/wharf", import.meta.url), join(root, "bin/wharf"));
  await assert.rejects(run(process.execPath, [join(root, "bin/wharf")], { env: {} }), (error) => {
    assert.match(String(error), /wharf: Node 24\.15 or newer is needed/);
    assert.ok(error instanceof Error && "code" in error);
    assert.equal(error.code, 78);
    return true;
  });
});
