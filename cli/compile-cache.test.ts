import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { promisify } from "node:util";

const ROOT = join(import.meta.dirname, "..");

test("bin/wharf has Node keep what it compiled, beside the packages", async () => {
  await promisify(execFile)(process.execPath, [join(ROOT, "bin/wharf"), "--version"], { env: {} });
  assert.ok(existsSync(join(ROOT, "node_modules/.compile-cache")));
});

test("a second start of a server takes the types out of no file, in no thread", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "wharf-compile-cache-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const argv = [join(ROOT, "cli/main.ts"), "serve", "--port", "0", "--data-dir", join(folder, "data"), "--json"];
  // Node says of each file that it looks for in its cache whether it was there.
  const env = { NODE_COMPILE_CACHE: join(folder, "cache"), NODE_DEBUG_NATIVE: "COMPILE_CACHE" };
  const start = async () => {
    const server = spawn(process.execPath, argv, { env, stdio: ["ignore", "pipe", "pipe"] });
    t.after(() => server.kill("SIGKILL"));
    const said = text(server.stderr);
    await once(server.stdout, "data");
    server.kill("SIGTERM");
    const asked = (await said).matchAll(/(retrieving|no) transpile cache for StrippedTypeScript \S+\/([^/\s]+\.ts)/g);
    return Array.from(asked, ([, found, name]) => ({ name, kept: found === "retrieving" }));
  };
  const first = await start();
  assert.ok(
    first.some(({ kept }) => !kept),
    "the first start finds nothing",
  );
  const second = await start();
  assert.ok(
    second.some(({ name }) => name === "owner-thread.ts"),
    "threads look there, too",
  );
  assert.deepEqual(
    second.filter(({ kept }) => !kept),
    [],
  );
});
