import assert from "node:assert/strict";
import { readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { readConfig } from "../server/src/config.ts";
import { createLog } from "../server/src/log.ts";
import { startWharf } from "../server/src/start.ts";
import { Api } from "../server/test/support/api.ts";
import { textIn } from "./client/json.ts";
import { EXIT } from "./exit-codes.ts";
import { run, startTestServer, temporaryFolder } from "./test-support.ts";

test("backup beside a running server, then restore into a new folder: the file is found and its bytes are the same", async (t) => {
  const server = await startTestServer();
  t.after(() => server.remove());
  const api = new Api(server.url, server.key);
  const file = await api.indexed("Ships longer than forty metres take a pilot.", { bucket: "b" });
  const folder = await temporaryFolder(t);
  const backup = join(folder, "backup");

  const made = await run(["backup", backup, "--data-dir", server.dataDir, "--json"]);
  assert.equal(made.exitCode, EXIT.ok, made.stdout + made.stderr);
  assert.ok(Date.parse(textIn(made.json, "taken_at") ?? "") <= Date.now());
  assert.equal((await stat(backup)).mode & 0o777, 0o700);
  for (const name of ["catalogue.db", "secret", "manifest.json"])
    assert.equal((await stat(join(backup, name))).mode & 0o777, 0o600, name);
  assert.equal((await run(["doctor", "--deep", "--data-dir", server.dataDir])).exitCode, EXIT.ok);

  const again = await run(["backup", backup, "--data-dir", server.dataDir]);
  assert.equal(again.exitCode, EXIT.config);
  assert.match(again.stderr, /^wharf: .* is not empty: name a new folder for the backup\.\n$/);

  const restored = join(folder, "restored");
  const done = await run(["restore", backup, "--data-dir", restored]);
  assert.equal(done.exitCode, EXIT.ok, done.stderr);
  assert.match(done.stdout, /^Restored 2 objects [^\n]+\nIndexed 1 files of 1 teams in 1 passages\.\n$/);
  assert.equal((await run(["doctor", "--deep", "--data-dir", restored])).exitCode, EXIT.ok);
  const wharf = await startWharf(readConfig({ port: "0", dataDir: restored, workers: "1" }, {}), {
    log: createLog("silent"),
  });
  try {
    const there = new Api(wharf.url, server.key);
    assert.equal((await there.content(file)).text, "Ships longer than forty metres take a pilot.");
    const found = await run(["search", "forty metres", "--bucket", "b"], {
      WHARF_URL: wharf.url,
      WHARF_API_KEY: server.key,
    });
    assert.match(found.stdout, /^note\.txt, page 1 /m);
  } finally {
    await wharf.stop();
  }

  await rm(join(backup, "manifest.json"));
  const unended = await run(["restore", backup, "--data-dir", join(folder, "other")]);
  assert.equal(unended.exitCode, EXIT.failure);
  assert.match(unended.stderr, /^wharf: .* holds no manifest\.json: [^\n]+\n$/);
  assert.ok(!(await readdir(folder)).includes("other"));
});
