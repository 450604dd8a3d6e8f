import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { readConfig } from "./config.ts";
import { createLog } from "./log.ts";
import { startWharf } from "./start.ts";

const START = new URL("./start.ts", import.meta.url).href;

/** The packages that loading start.ts loads. */
async function packagesBefore(): Promise<ReadonlySet<string>> {
  const code = `import { registerHooks } from "node:module";
    registerHooks({ load: (url, context, next) => (process.stdout.write(url + "\\n"), next(url, context)) });
    await import(${JSON.stringify(START)});`;
  const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", code]);
  const names = stdout.split("\n").map((url) => /\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url)?.[1]);
  return new Set(names.filter((name) => name !== undefined));
}

test("threads and processes are started before the web framework, the schemas and Kysely are loaded", async () => {
  const loaded = await packagesBefore();
  assert.ok(loaded.has("pino"), "the list is of what was loaded");
  for (const name of ["fastify", "typebox", "kysely"]) assert.ok(!loaded.has(name), name);
});

test("every schema of every route can be compiled, which a start leaves to their first use", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "wharf-start-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const config = readConfig({ port: "0", dataDir: join(folder, "data"), workers: "1", sandbox: "off" }, {});
  const wharf = await startWharf(config, { log: createLog("silent"), allSchemas: true });
  await wharf.stop();
});
