import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Api } from "../support/api.ts";
import { crc32cBase64, md5Base64, sha256Hex } from "../support/digests.ts";
import { listAt, numberAt, textAt } from "../support/json.ts";
import { TestServer } from "../support/server.ts";
import { eventually } from "./processes.ts";

/** Delete deletes: what the operator's disk holds afterwards, looked at from outside the server's process. */

const GONE_WITHIN_MS = 60_000;
let server: TestServer;
let api: Api;

before(async () => {
  server = await TestServer.start();
  api = new Api(server.url, server.key);
});

after(() => server.close());

/** The files of the data folder that hold one of the texts, as UTF-8. */
async function filesWith(texts: readonly string[]): Promise<readonly string[]> {
  const names = await readdir(server.dataDir, { recursive: true, withFileTypes: true });
  const found: string[] = [];
  for (const entry of names) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    const bytes = await readFile(path).catch(() => Buffer.alloc(0)); // gone meanwhile
    if (texts.some((text) => bytes.includes(text))) found.push(path);
  }
  return found;
}

test("60 s after a delete its phrases, name, title, tags, metadata and digests are in no file of the data folder", async () => {
  const canary = {
    phrase: "Quandary vermilion zeppelin astride",
    filename: "canary-filename-7f3a.txt",
    title: "Canary title 7f3a",
    tag: "canary-tag-7f3a",
    metadata: "canary-metadata-7f3a",
  };
  // Others around it: deletion must not hide behind an emptied file.
  for (let other = 0; other < 20; other++) await api.indexed(`Document ${other} speaks of other things entirely.`);
  const text = `${"Some ordinary words come first. ".repeat(200)}\n${canary.phrase}\n${"And some after. ".repeat(200)}`;
  const fileId = await api.indexed(text, {
    filename: canary.filename,
    title: canary.title,
    tags: [canary.tag],
    metadata: { note: canary.metadata },
  });
  const bytes = Buffer.from(text);
  const digests = [sha256Hex(bytes), md5Base64(bytes), crc32cBase64(bytes)];
  const secrets = [...Object.values(canary), ...digests];
  assert.ok((await filesWith([canary.phrase])).length > 0, "the canary is on disk before the delete");

  assert.equal((await api.deleteFile(fileId)).status, 200);
  const found = await api.search({ query: canary.phrase, bucket: api.bucket });
  assert.ok(!JSON.stringify(found.json).includes(fileId), "invisible at once");
  await eventually("the canary is in no file", GONE_WITHIN_MS, async () => (await filesWith(secrets)).length === 0);
});

test("A file deleted while it is indexed leaves nothing either", async () => {
  const phrase = "Obdurate marmalade lighthouse";
  const words = Array.from({ length: 400_000 }, (_, index) => `w${index % 9973}`).join(" ");
  const fileId = await api.upload(Buffer.from(`${phrase}\n${words}`));
  assert.equal((await api.deleteFile(fileId)).status, 200);
  assert.equal(textAt((await api.file(fileId)).json, "status"), "deleted");
  await eventually("the phrase is in no file", GONE_WITHIN_MS, async () => (await filesWith([phrase])).length === 0);
  const buckets = listAt((await api.get("/v1/knowledge/buckets")).json, "buckets");
  for (const bucket of buckets) assert.equal(numberAt(bucket, "bucketStore", "pending_file_count"), 0);
});
