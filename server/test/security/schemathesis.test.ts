import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { inheritedEnvironment } from "../support/config.ts";
import { textAt } from "../support/json.ts";
import { CONFIG, NEEDS_OWN_SERVER, openTarget } from "../support/target.ts";

/** Schemathesis, a public tester of OpenAPI descriptions (`.ci/run` installs it where there is a Python). */

const INSTALLED = spawnSync("schemathesis", ["--version"]).status === 0;
const RUN_SECONDS = CONFIG.long ? 600 : 60;
const REQUEST_SECONDS = 20;
/** Its own end, after the time that it was given: reports of a busy machine take a while. */
const ENDS_WITHIN_MS = (RUN_SECONDS + 120) * 1000;

/** Checks whose rule is another one here, and why. */
const OTHER_RULES: Readonly<Record<string, string>> = {
  positive_data_acceptance:
    "schemas state types; a limit with an error code of its own is judged behind them (http/route.ts)",
  use_after_free: "a deleted file is found for 30 days, as deleted (contract §7)",
};

test("Schemathesis finds no answer that the description does not know, no 5xx, and no operation without its key", {
  skip: NEEDS_OWN_SERVER || (INSTALLED ? false : "schemathesis is not installed"),
  timeout: ENDS_WITHIN_MS + 60_000,
}, async (t) => {
  const { api } = await openTarget();
  const fileIds = await Promise.all(
    Array.from({ length: 6 }, (_, index) => api.indexed(`a text about harbour ${index}`)),
  );
  const taskIds = await Promise.all(fileIds.map(async (id) => textAt((await api.file(id)).json, "task", "id")));
  const sessions = await Promise.all(fileIds.map(() => api.create(5)));
  const known: Readonly<Record<string, readonly string[]>> = {
    file_id: fileIds,
    task_id: taskIds,
    session_id: sessions.map(({ id }) => id),
    signature: sessions.map(({ url }) => url.slice(url.lastIndexOf("/") + 1)),
  };
  const folder = await mkdtemp(join(tmpdir(), "wharf-schemathesis-"));
  try {
    const config = join(folder, "schemathesis.toml");
    await writeFile(config, configure(known));
    const said = await run(folder, ["--config-file", config, "run", `${api.base}/openapi.json`, ...options(api.key)]);
    t.diagnostic(said.output.slice(said.output.lastIndexOf("SUMMARY")));
    assert.equal(said.code, 0, said.output);
    assert.equal((await api.get("/v1/connection")).status, 200);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

function options(key: string): readonly string[] {
  return [
    ...["--header", `Authorization: Bearer ${key}`],
    ...["--exclude-checks", Object.keys(OTHER_RULES).join(",")],
    ...["--max-time", String(RUN_SECONDS)],
    ...["--request-timeout", String(REQUEST_SECONDS)],
    ...["--seed", String(CONFIG.seed)],
    ...["--warnings", "off"],
  ];
}

/** Most ids are of something that is there: otherwise every answer is 404. */
function configure(known: Readonly<Record<string, readonly string[]>>): string {
  const dictionaries = Object.entries(known).map(
    ([name, values]) => `[dictionaries.${name}]\nvalues = ${JSON.stringify(values)}\n`,
  );
  const parameters = Object.keys(known).map((name) => `"path.${name}" = { dictionary = "${name}", probability = 0.8 }`);
  return `${dictionaries.join("\n")}\n[parameters]\n${parameters.join("\n")}\n`;
}

async function run(
  cwd: string,
  args: readonly string[],
): Promise<{ readonly code: number | null; readonly output: string }> {
  // It keeps examples of earlier runs under its working directory.
  const child = spawn("schemathesis", args, {
    cwd,
    env: { ...inheritedEnvironment(), NO_COLOR: "1", PYTHONUTF8: "1" },
    stdio: ["ignore", "pipe", "pipe"],
    timeout: ENDS_WITHIN_MS,
  });
  let output = "";
  const keep = (piece: Buffer) => {
    output += piece;
  };
  child.stdout.on("data", keep);
  child.stderr.on("data", keep);
  await once(child, "close");
  return { code: child.exitCode, output };
}
