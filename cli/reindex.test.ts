import assert from "node:assert/strict";
import { readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { EXIT } from "./exit-codes.ts";
import { run, startTestServer, temporaryFolder } from "./test-support.ts";

test("reindex fills a lost index while the server is stopped, and the next start finds everything at once", async (t) => {
  const server = await startTestServer();
  t.after(() => server.remove());
  const path = join(await temporaryFolder(t), "note.txt");
  await writeFile(path, "Ships longer than forty metres take a pilot.");
  const upload = ["upload", path, "--bucket", "b", "--create-missing-buckets", "--wait", "--json"];
  assert.equal((await run(upload, server.env)).exitCode, EXIT.ok);

  const running = await run(["reindex", "--data-dir", server.dataDir]);
  assert.equal(running.exitCode, EXIT.config);
  assert.match(running.stderr, /^wharf: Another Wharf server runs on [^\n]+\n$/);

  await server.end();
  const index = join(server.dataDir, "index");
  for (const name of await readdir(index)) await rm(join(index, name));
  const reindexed = await run(["reindex", "--data-dir", server.dataDir]);
  assert.equal(reindexed.exitCode, EXIT.ok, reindexed.stderr);
  assert.equal(reindexed.stdout, "Indexed 1 files of 1 teams in 1 passages.\n");
  const unknown = await run(["reindex", "--team", "nobody", "--json", "--data-dir", server.dataDir]);
  assert.equal(unknown.exitCode, EXIT.usage);

  await server.begin();
  const found = await run(["search", "forty metres", "--bucket", "b"], server.env);
  assert.match(found.stdout, /^note\.txt, page 1 /m);
});
