import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { type TestContext, test } from "node:test";
import { promisify } from "node:util";

const ROOT = join(import.meta.dirname, "..");
const PROGRAM = join(ROOT, "bin/wharf");

/** Starts a server, stops it, and returns what Node found in its cache: it says so of each file that it looks for. */
function starts(t: TestContext, argv: readonly string[]) {
  const folder = mkdtempSync(join(tmpdir(), "wharf-compile-cache-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const env = { NODE_COMPILE_CACHE: join(folder, "cache"), NODE_DEBUG_NATIVE: "COMPILE_CACHE" };
  return async () => {
    const command = [...argv, "serve", "--port", "0", "--data-dir", join(folder, "data"), "--json"];
    const server = spawn(process.execPath, command, { env, stdio: ["ignore", "pipe", "pipe"] });
    t.after(() => server.kill("SIGKILL"));
    const said = text(server.stderr);
    await once(server.stdout, "data");
    server.kill("SIGTERM");
    const asked = (await said).matchAll(ASKED);
    return Array.from(asked, ([, found, of, code]) => ({ of, kept: found === "retrieving" || code === "accepted" }));
  };
}

/** For TypeScript what is left without types, for JavaScript what V8 made of it. */
const ASKED =
  /(?:(retrieving|no) transpile cache for StrippedTypeScript|V8 code cache for ESM) \S+\/([^/\s]+\.m?[tj]s)\b(?: was (\w+))?/g;

for (const [what, argv, ofThread] of [
  ["its source", [join(ROOT, "cli/main.ts")], "owner-thread.ts"],
  ["the built program", [PROGRAM], "catalogue-owner.mjs"],
] as const)
  test(`a second start of a server from ${what} compiles nothing again, in no thread`, async (t) => {
    const start = starts(t, argv);
    const first = await start();
    assert.ok(
      first.some(({ kept }) => !kept),
      "the first start finds nothing",
    );
    const second = await start();
    assert.ok(
      second.some(({ of }) => of === ofThread),
      "threads look there, too",
    );
    assert.deepEqual(
      second.filter(({ kept }) => !kept),
      [],
    );
  });

test("bin/wharf has Node keep what it compiled in the folder of the program that it runs", async () => {
  const env = { NODE_DEBUG_NATIVE: "COMPILE_CACHE" };
  const { stderr } = await promisify(execFile)(process.execPath, [PROGRAM, "--version"], { env });
  assert.match(stderr, /node_modules\/\.program\/[\w-]+\/compiled\//);
});
