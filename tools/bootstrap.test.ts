import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";

const run = promisify(execFile);

/** An npm that takes a while, and says in a log when it begins and ends. */
const FAKE_NPM = `
const { appendFileSync, mkdirSync, rmSync } = require("node:fs");
appendFileSync("npm.log", "begin ");
rmSync("node_modules", { recursive: true, force: true });
setTimeout(() => {
  mkdirSync("node_modules");
  appendFileSync("npm.log", "end ");
}, 500);
`;

/** A clone as far as the bootstrap looks at it, in a folder for temporary files of its own. */
function clone(t: { after(undo: () => void): void }) {
  const root = mkdtempSync(join(tmpdir(), "wharf-clone-"));
  t.after(() => rmSync(root, { recursive: true }));
  for (const folder of ["tools", "tmp"]) mkdirSync(join(root, folder));
  copyFileSync(new URL("bootstrap.mjs", import.meta.url), join(root, "tools", "bootstrap.mjs"));
  writeFileSync(join(root, "package-lock.json"), "{}");
  writeFileSync(join(root, "npm-cli.cjs"), FAKE_NPM);
  const env = { npm_execpath: join(root, "npm-cli.cjs"), TMPDIR: join(root, "tmp") };
  return {
    lock: join(root, "tmp", `wharf-install-${createHash("sha256").update(root).digest("hex").slice(0, 16)}`),
    bootstrap: () => run(process.execPath, [join(root, "tools", "bootstrap.mjs")], { env }),
    log: () => readFileSync(join(root, "npm.log"), "utf8").trim(),
  };
}

test("two first commands in one clone install once, one after the other", async (t) => {
  const { bootstrap, log } = clone(t);
  await Promise.all([bootstrap(), bootstrap(), bootstrap()]);
  assert.equal(log(), "begin end");
});

test("an installation that was killed holds up nobody", async (t) => {
  const { bootstrap, lock, log } = clone(t);
  const { pid } = await new Promise<{ pid: number | undefined }>((resolve) => {
    const child = execFile(process.execPath, ["--version"], () => resolve({ pid: child.pid }));
  });
  writeFileSync(lock, String(pid));
  await bootstrap();
  assert.equal(log(), "begin end");
});
