import assert from "node:assert/strict";
import { readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { openDatabase } from "../server/src/sqlite/open-database.ts";
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

test("reindex --outdated reads again what an older version read, beside a running server, while searches find it", async (t) => {
  const server = await startTestServer();
  t.after(() => server.remove());
  const folder = await temporaryFolder(t);
  const paths = ["old.txt", "new.txt", "failed.txt"].map((name) => join(folder, name));
  // No two of the same text: a search would show the one that was finalized first.
  for (const path of paths)
    await writeFile(path, path.includes("failed") ? " " : `Ships longer than forty metres take a pilot: ${path}.`);
  const upload = ["upload", ...paths, "--bucket", "b", "--create-missing-buckets", "--wait"];
  assert.equal((await run(upload, server.env)).exitCode, EXIT.someFailed);
  const outdated = ["reindex", "--outdated", "--json", "--data-dir", server.dataDir];
  assert.deepEqual(JSON.parse((await run(outdated)).stdout), { queued: 0, under_way: 0 });

  const catalogue = openDatabase(join(server.dataDir, "catalogue.db"));
  t.after(() => catalogue.close());
  catalogue.exec("UPDATE files SET extractor_version = 1 WHERE filename <> 'new.txt'");
  const tasksOf = (name: string) => {
    const tasks = "SELECT count(*) AS tasks FROM tasks JOIN files ON files.id = tasks.file_id WHERE filename = ?";
    return catalogue.prepare(tasks).get(name)?.["tasks"];
  };
  assert.equal(
    (await run(["reindex", "--outdated", "--team", "nobody", "--data-dir", server.dataDir])).exitCode,
    EXIT.usage,
  );
  const said = await run(["reindex", "--outdated", "--data-dir", server.dataDir]);
  assert.match(said.stdout, /^2 files are queued to be read again/, said.stderr);
  const found = await run(["search", "forty metres", "--bucket", "b"], server.env);
  assert.match(found.stdout, /^old\.txt, page 1 /m);
  assert.deepEqual(["old.txt", "new.txt", "failed.txt"].map(tasksOf), [2, 1, 2]);

  const read = catalogue.prepare("SELECT count(*) AS left FROM files WHERE extractor_version = 1");
  while (read.get()?.["left"] !== 0) await wait(50);
  assert.deepEqual(JSON.parse((await run(outdated)).stdout), { queued: 0, under_way: 0 });
});
