import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { chmod, mkdir, open, readdir, rm, stat, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { after, before, beforeEach, describe, test } from "node:test";
import { Api } from "../server/test/support/api.ts";
import { Batches } from "../server/test/support/batch.ts";
import { at, listAt, textAt } from "../server/test/support/json.ts";
import { EXIT } from "./exit-codes.ts";
import { run, startTestServer, type TestServer } from "./test-support.ts";

/** `check: state`, without what is as it should be. */
async function unwell(dataDir: string, ...flags: readonly string[]): Promise<readonly string[]> {
  const { json, exitCode } = await run([
    "doctor",
    "--json",
    "--data-dir",
    dataDir,
    "--disk-reserve-bytes",
    "0",
    ...flags,
  ]);
  const findings = at(json, "findings");
  assert.ok(Array.isArray(findings));
  assert.equal(exitCode, at(json, "healthy") === true ? EXIT.ok : EXIT.failure);
  return findings
    .filter((found) => textAt(found, "state") !== "ok")
    .map((found) => `${textAt(found, "check")}: ${textAt(found, "state")}`);
}

describe("doctor", () => {
  let server: TestServer;
  let fileId: string;
  before(async () => {
    server = await startTestServer();
  });
  after(() => server.remove());
  beforeEach(async () => {
    const api = new Api(server.url, server.key);
    fileId = await api.indexed(`Ships longer than forty metres take a pilot. ${randomUUID()}`, { bucket: "b" });
  });

  /** The file's stored original. */
  async function originalPath(): Promise<string> {
    const database = new DatabaseSync(join(server.dataDir, "catalogue.db"), { readOnly: true });
    const key = String(database.prepare("SELECT blob_key FROM files WHERE id = ?").get(fileId)?.["blob_key"]);
    database.close();
    const name = key.split("/").slice(1).join(".");
    const names = await readdir(join(server.dataDir, "blobs"), { recursive: true });
    return join(server.dataDir, "blobs", names.find((path) => path.endsWith(name)) ?? "");
  }

  /** Stops the server, lets `harm` do what it will, and starts it again when the test is over. */
  async function stopped(work: () => Promise<void>): Promise<void> {
    await server.end();
    try {
      await work();
    } finally {
      await server.begin();
    }
  }

  test("a running server's folder is healthy, and it says that a server runs", async () => {
    assert.deepEqual(await unwell(server.dataDir), []);
    const plain = await run(["doctor", "--deep", "--data-dir", server.dataDir]);
    assert.match(plain.stdout, /^ok +server +A server runs on this folder\.$/m);
    assert.match(plain.stdout, /^ok +originals +All \d+ originals .* every byte of them compared\.$/m);
    const repair = await run(["doctor", "--repair", "--data-dir", server.dataDir]);
    assert.equal(repair.exitCode, EXIT.config);
    assert.match(repair.stderr, /Another Wharf server runs/);
  });

  test("an index that lacks a file is a problem, and --repair queues the file for the next start", async () => {
    await stopped(async () => {
      for (const name of await readdir(join(server.dataDir, "index"))) await rm(join(server.dataDir, "index", name));
      assert.deepEqual(await unwell(server.dataDir), ["index: problem"]);
      assert.deepEqual(await unwell(server.dataDir, "--repair"), ["index: repaired"]);
    });
    const status = await run(["status", fileId, "--wait", "--json"], server.env);
    assert.equal(status.exitCode, EXIT.ok, status.stderr);
    assert.deepEqual(await unwell(server.dataDir), []);
  });

  test("a damaged index file is a problem whose remedy is reindex, and --repair goes on past it", async () => {
    await stopped(async () => {
      const [name = ""] = (await readdir(join(server.dataDir, "index"))).filter((path) => path.endsWith(".db"));
      const file = await open(join(server.dataDir, "index", name), "r+");
      const { size } = await file.stat();
      for (let page = 4096; page < size; page += 4096) await file.write(Buffer.alloc(64, 0xa5), 0, 64, page);
      await file.close();
      const found = await unwell(server.dataDir);
      assert.ok(found.includes("index files: problem"), String(found));
      const database = new DatabaseSync(join(server.dataDir, "catalogue.db"));
      database.exec("UPDATE files SET labels_dirty = 1 WHERE state = 'indexed'");
      database.close();
      const repaired = await unwell(server.dataDir, "--repair");
      assert.deepEqual(repaired, ["index files: problem", "labels: problem", "index: problem"]);
      assert.equal((await run(["reindex", "--data-dir", server.dataDir])).exitCode, EXIT.ok);
      assert.deepEqual(await unwell(server.dataDir, "--repair"), ["labels: repaired"]);
    });
  });

  test("a lost original, one of another length and, with --deep, one flipped bit are problems", async () => {
    const path = await originalPath();
    const flip = async () => {
      const file = await open(path, "r+");
      const byte = Buffer.alloc(1);
      await file.read(byte, 0, 1, 3);
      await file.write(Buffer.of((byte[0] ?? 0) ^ 1), 0, 1, 3);
      await file.close();
    };
    await flip();
    assert.deepEqual(await unwell(server.dataDir), []);
    assert.deepEqual(await unwell(server.dataDir, "--deep"), ["originals: problem"]);
    await flip();
    assert.deepEqual(await unwell(server.dataDir, "--deep"), []);
    await truncate(path, 3);
    assert.deepEqual(await unwell(server.dataDir), ["originals: problem"]);
    await rm(path);
    assert.deepEqual(await unwell(server.dataDir), ["originals: problem"]);
    const deleted = await run(["files", "delete", fileId, "--json"], server.env);
    assert.equal(deleted.exitCode, EXIT.ok, deleted.stderr);
    assert.deepEqual(await unwell(server.dataDir), []);
  });

  test("what belongs to nothing is a note, and --repair removes it; wrong counters are counted again", async () => {
    await stopped(async () => {
      const shard = join(server.dataDir, "blobs", "segments", "00");
      await writeFile(join(shard, ".tmp-left-1"), "left by a crash");
      const original = await originalPath();
      await writeFile(original.replace(/[0-9a-f]{64}$/, "0".repeat(64)), "of a session that has ended");
      const database = new DatabaseSync(join(server.dataDir, "catalogue.db"));
      database.exec("UPDATE buckets SET active_chunks = 99; UPDATE teams SET open_sessions = 3");
      database.close();
      assert.deepEqual(await unwell(server.dataDir), ["counters: problem", "orphans: note"]);
      assert.deepEqual(await unwell(server.dataDir, "--repair"), ["counters: repaired", "orphans: repaired"]);
      assert.deepEqual(await unwell(server.dataDir), []);
      assert.ok((await stat(original)).size > 0);
    });
  });

  test("an item of a batch that points nowhere, a mark that was left, and words of a deleted file in an answer are found and mended", async () => {
    const api = new Api(server.url, server.key);
    const batches = new Batches(api);
    const made = await batches.send(
      batches.bodyOf(
        [
          { id: "lost", bytes: "x" },
          { id: "kept", bytes: "y" },
        ],
        { bucket: "b" },
      ),
    );
    const batchId = textAt(made.json, "batch_id");
    const asked = await api.call("POST", "/v1/responses", { body: { input: "Which ships take a pilot?" } });
    const responseId = textAt(asked.json, "id");
    assert.match(textAt(asked.json, "output_text"), /pilot/);
    await stopped(async () => {
      const database = new DatabaseSync(join(server.dataDir, "catalogue.db"));
      const change = (sql: string) => assert.ok(Number(database.prepare(sql).run().changes) > 0, sql);
      change(
        "DELETE FROM upload_sessions WHERE id = (SELECT session_id FROM batch_items WHERE client_file_id = 'lost')",
      );
      change("UPDATE teams SET open_sessions = open_sessions - 1");
      change("UPDATE files SET labels_dirty = 1 WHERE state = 'indexed'");
      // As if the answer had been overlooked when the file went, some time ago.
      change(`INSERT INTO response_quotes (file_id, response_id) VALUES ('file_gone', '${responseId}')`);
      database.close();
      assert.deepEqual(await unwell(server.dataDir), ["batches: problem", "labels: note", "answers: problem"]);
      assert.deepEqual(await unwell(server.dataDir, "--repair"), [
        "batches: repaired",
        "labels: repaired",
        "answers: repaired",
      ]);
      assert.deepEqual(await unwell(server.dataDir), []);
    });
    const [lost, kept] = listAt(await new Batches(new Api(server.url, server.key)).status(batchId), "items");
    assert.deepEqual([at(lost, "status"), at(lost, "error", "code")], ["rejected", "session_not_found"]);
    assert.equal(at(kept, "status"), "pending");
  });

  test("sign-ins of a team that is gone, and what is kept beyond its time, are found and removed", async () => {
    const asked = await new Api(server.url, server.key).call("POST", "/v1/responses", { body: { input: "A pilot?" } });
    assert.equal(asked.status, 200);
    const hash = (digit: string) => digit.repeat(64);
    await stopped(async () => {
      const database = new DatabaseSync(join(server.dataDir, "catalogue.db"));
      database.exec(`PRAGMA foreign_keys = OFF;
        INSERT INTO dashboard_links (hash, team_id, scopes, expires_at) VALUES ('${hash("1")}', 'team_gone', '[]', 9e12);
        INSERT INTO dashboard_sessions (id, team_id, hash, scopes, created_at, expires_at)
          VALUES ('dash_gone', 'team_gone', '${hash("2")}', '[]', 1, 9e12);
        INSERT INTO dashboard_links (hash, team_id, scopes, expires_at) SELECT '${hash("3")}', id, '[]', 1 FROM teams;
        INSERT INTO dashboard_sessions (id, team_id, hash, scopes, created_at, expires_at)
          SELECT 'dash_late', id, '${hash("4")}', '[]', 1, 1 FROM teams;
        UPDATE responses SET expires_at = 1;
        INSERT INTO batches (id, team_id, fingerprint, created_at, last_used_at)
          SELECT 'batch_late', id, '${hash("5")}', 1, 1 FROM teams;`);
      database.close();
      assert.deepEqual(await unwell(server.dataDir), ["sign-ins: problem", "retention: note"]);
      const { stdout } = await run(["doctor", "--data-dir", server.dataDir]);
      assert.match(stdout, /2 links or sessions of the dashboard are of teams that are gone/);
      assert.match(stdout, /Past their time are 1 batches, \d+ kept answers, 2 sign-ins of the dashboard/);
      assert.deepEqual(await unwell(server.dataDir, "--repair"), ["sign-ins: repaired", "retention: repaired"]);
      assert.deepEqual(await unwell(server.dataDir), []);
      const after = new DatabaseSync(join(server.dataDir, "catalogue.db"), { readOnly: true });
      for (const left of [
        "dashboard_links",
        "dashboard_sessions",
        "responses WHERE expires_at = 1",
        "batches WHERE id = 'batch_late'",
      ])
        assert.equal(after.prepare(`SELECT count(*) AS "rows" FROM ${left}`).get()?.["rows"], 0, left);
      after.close();
    });
  });

  test("files that others may read, a foreign file and an interrupted rebuild are said", async () => {
    await stopped(async () => {
      await chmod(join(server.dataDir, "secret"), 0o644);
      await writeFile(join(server.dataDir, "notes.txt"), "");
      const [name = ""] = (await readdir(join(server.dataDir, "index"))).filter((path) => path.endsWith(".db"));
      await writeFile(join(server.dataDir, "index", name.replace(/db$/, "rebuild")), "");
      assert.deepEqual(await unwell(server.dataDir), ["modes: problem", "folders: note", "index files: problem"]);
      await run(["reindex", "--data-dir", server.dataDir]);
      await chmod(join(server.dataDir, "secret"), 0o600);
      await rm(join(server.dataDir, "notes.txt"));
      assert.deepEqual(await unwell(server.dataDir), []);
    });
  });
});

test("a damaged catalogue is said in a sentence and nothing else is guessed at", async (t) => {
  const server = await startTestServer();
  t.after(() => server.remove());
  await server.end();
  const file = await open(join(server.dataDir, "catalogue.db"), "r+");
  await file.write(Buffer.alloc(512, 0xff), 0, 512, 4096);
  await file.close();
  assert.deepEqual(await unwell(server.dataDir), ["catalogue: problem"]);
});

test("a blob folder that is not there is not made", async (t) => {
  const server = await startTestServer();
  t.after(() => server.remove());
  await server.end();
  const blobs = join(server.dataDir, "blobs");
  await rm(blobs, { recursive: true });
  await mkdir(blobs, { mode: 0o700 });
  assert.deepEqual(await unwell(server.dataDir), ["folders: problem"]);
  assert.deepEqual(await readdir(blobs), []);
});
