import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { readClientConfig } from "../../server/src/config.ts";
import { Api } from "../client/api.ts";
import { objectsIn, textIn } from "../client/json.ts";
import { realTiming } from "../client/patience.ts";
import { EXIT } from "../exit-codes.ts";
import { run, startTestServer, type TestServer, temporaryFolder } from "../test-support.ts";
import { listEnded } from "./list-ended.ts";

describe("files that have ended", () => {
  let server: TestServer;
  let api: Api;
  before(async () => {
    server = await startTestServer();
    const { signal } = new AbortController();
    const config = readClientConfig({ url: undefined }, server.env);
    api = new Api({ config, signal, timing: realTiming, patienceMs: 0 });
  });
  after(async () => {
    api.close();
    await server.stop();
  });

  test("a folder of many files is waited for: each ends as its own text says", async (t) => {
    const folder = await temporaryFolder(t);
    const names = Array.from({ length: 20 }, (_, index) => `${String(index).padStart(2, "0")}.txt`);
    for (const [index, name] of names.entries())
      await writeFile(join(folder, name), index % 5 === 0 ? " \n".repeat(index + 1) : `Note ${index}.`);
    const done = await run(
      ["upload", folder, "--bucket", "many", "--create-missing-buckets", "--wait", "--json"],
      server.env,
    );
    const files = objectsIn(done.json, "files");
    assert.equal(done.exitCode, EXIT.someFailed);
    assert.deepEqual(
      files.map((file) => textIn(file, "status")),
      names.map((_, index) => (index % 5 === 0 ? "failed" : "indexed")),
    );

    const ids = files.map((file) => textIn(file, "file_id") ?? "");
    const asked = new Set(ids.slice(3));
    const ended = await listEnded(api, "many", asked);
    assert.deepEqual(new Set(ended.keys()), asked, "all of those, and no other");
    for (const [id, file] of ended) assert.partialDeepStrictEqual(await api.get(`/knowledge/files/${id}`), file);
  });

  test("without a list none is known to have ended, and nothing fails", async () => {
    assert.equal((await listEnded(api, "no-such-bucket", new Set(["file_x"]))).size, 0);
  });
});
