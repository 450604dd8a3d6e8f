import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import type { Wharf } from "../../sdk/src/node.ts";
import { readClientConfig } from "../../server/src/config.ts";
import { connect } from "../client/connect.ts";
import { objectsIn, textIn } from "../client/json.ts";
import { EXIT } from "../exit-codes.ts";
import { run, startTestServer, type TestServer, temporaryFolder } from "../test-support.ts";
import { listEnded } from "./list-ended.ts";

describe("files that have ended", () => {
  let server: TestServer;
  let wharf: Wharf;
  const { signal } = new AbortController();
  before(async () => {
    server = await startTestServer();
    wharf = connect(readClientConfig({ url: undefined }, server.env), 0);
  });
  after(() => server.stop());

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
    const ended = await listEnded(wharf, "many", asked, ids.length, signal);
    assert.deepEqual(new Set(ended.keys()), asked, "all of those, and no other");
    for (const [id, file] of ended) assert.partialDeepStrictEqual(await wharf.files.get(id), file);
  });

  test("without a list none is known to have ended, and nothing fails", async () => {
    assert.equal((await listEnded(wharf, "no-such-bucket", new Set(["file_x"]), 1, signal)).size, 0);
  });
});
