import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { MIGRATIONS, NEWEST_VERSION, SQLITE } from "../server/src/catalogue/migrate.ts";
import { readConfig } from "../server/src/config.ts";
import { lockDataFolder, openDataFolder } from "../server/src/data-folder.ts";
import { createLog } from "../server/src/log.ts";
import { openDatabase } from "../server/src/sqlite/open-database.ts";
import { startWharf } from "../server/src/start.ts";
import { objectsIn, textIn, textsIn } from "./client/json.ts";
import { EXIT } from "./exit-codes.ts";
import { run, startTestServer, type TestServer, temporaryFolder } from "./test-support.ts";

describe("wharf keys beside a running server", () => {
  let server: TestServer;
  before(async () => {
    server = await startTestServer();
  });
  after(() => server.stop());

  async function connection(key: string): Promise<Response> {
    return fetch(`${server.url}/v1/connection`, { headers: { Authorization: `Bearer ${key}` } });
  }

  test("a key that is made counts at once, and one that is revoked no more (ALL-2, ALL-10)", async () => {
    const create = ["keys", "create", "--team", "legal", "--name", "importer", "--scopes", "files:read,search"];
    const made = await run([...create, "--json", "--data-dir", server.dataDir]);
    assert.equal(made.exitCode, EXIT.ok);
    assert.deepEqual(Object.keys(made.json ?? {}), ["key", "id", "team", "team_id", "name", "scopes"]);
    const key = textIn(made.json, "key") ?? "";
    const id = textIn(made.json, "id") ?? "";

    const answer = await connection(key);
    assert.equal(answer.status, 200);
    const body: unknown = await answer.json();
    assert.partialDeepStrictEqual(body, {
      team_id: textIn(made.json, "team_id"),
      key: { id, name: "importer", scopes: ["files:read", "search"] },
    });

    const revoked = await run(["keys", "revoke", id, "--json", "--data-dir", server.dataDir]);
    assert.equal(revoked.exitCode, EXIT.ok);
    assert.equal((await connection(key)).status, 401);
    const again = await run(["keys", "revoke", id, "--json", "--data-dir", server.dataDir]);
    assert.deepEqual(again.json, revoked.json);
  });

  test("the list shows every key of the team and never the key itself", async () => {
    const made = await run([
      "keys",
      "create",
      "--team",
      "sales",
      "--name",
      "crm",
      "--json",
      "--data-dir",
      server.dataDir,
    ]);
    const key = textIn(made.json, "key") ?? "";
    const list = await run(["keys", "list", "--team", "sales", "--json", "--data-dir", server.dataDir]);
    const [only, ...more] = objectsIn(list.json, "keys");
    assert.equal(more.length, 0);
    assert.equal(textIn(only ?? null, "name"), "crm");
    assert.equal(textIn(only ?? null, "last4"), key.slice(-4));
    assert.deepEqual(textsIn(only ?? null, "scopes"), ["files:write", "files:read", "search"]);

    const plain = await run(["keys", "list", "--data-dir", server.dataDir]);
    assert.ok(!plain.stdout.includes(key) && !list.stdout.includes(key));
    assert.match(plain.stdout, /^key_\w+ +sales +crm /m);
  });

  test("an unknown key id is refused", async () => {
    const revoked = await run(["keys", "revoke", "key_0", "--json", "--data-dir", server.dataDir]);
    assert.equal(revoked.exitCode, EXIT.failure);
  });
});

test("keys beside a server of an older version leave its schema alone, and bring it up to date without one", async (t) => {
  const dataDir = join(await temporaryFolder(t), "data");
  const folder = openDataFolder(dataDir);
  const old = openDatabase(folder.catalogue);
  old.exec("CREATE TABLE schema_migrations (version integer PRIMARY KEY, name text, applied_at integer)");
  for (const statement of MIGRATIONS.slice(0, 1).flatMap((first) => first.statements(SQLITE))) old.exec(statement);
  old.exec("INSERT INTO schema_migrations VALUES (1, 'initial', 1)");
  const schema = () => old.prepare("SELECT max(version) AS version FROM schema_migrations").get()?.["version"];
  t.after(() => old.close());

  const server = lockDataFolder(folder);
  const refused = await run(["keys", "list", "--data-dir", dataDir]);
  server.release();
  assert.deepEqual([refused.exitCode, schema()], [EXIT.config, 1]);
  assert.match(refused.stderr, /A server runs on .* with schema 1, .*: restart it with this Wharf first/);
  assert.equal((await run(["keys", "list", "--data-dir", dataDir])).exitCode, EXIT.ok);
  assert.equal(schema(), NEWEST_VERSION);
});

test("keys on a new folder make it, and then the first start prints no second key", async (t) => {
  const dataDir = join(await temporaryFolder(t), "data");
  const made = await run(["keys", "create", "--team", "legal", "--name", "first", "--json", "--data-dir", dataDir]);
  assert.equal(made.exitCode, EXIT.ok);
  const wharf = await startWharf(readConfig({ port: "0", dataDir, workers: "1" }, {}), { log: createLog("silent") });
  try {
    assert.equal(wharf.firstKey, null);
    const headers = { Authorization: `Bearer ${textIn(made.json, "key")}` };
    assert.equal((await fetch(`${wharf.url}/v1/connection`, { headers })).status, 200);
  } finally {
    await wharf.stop();
  }
});
