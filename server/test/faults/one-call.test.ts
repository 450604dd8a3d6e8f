import assert from "node:assert/strict";
import { randomBytes, randomUUID } from "node:crypto";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { Api, FILES } from "../support/api.ts";
import { type Form, fileOf, formOf, inBucketOf, sendForm } from "../support/form.ts";
import { listAt, shown, textAt } from "../support/json.ts";
import { RawConnection } from "../support/raw.ts";
import { TestServer } from "../support/server.ts";
import { NEEDS_OWN_SERVER } from "../support/target.ts";
import { auditFolder } from "./folder-audit.ts";
import { eventually } from "./processes.ts";

/**
 * Uploads in one call that end before their end: nothing of them is left, and the same call again makes one file
 * (CON-2).
 */

let server: TestServer;
const options = { skip: NEEDS_OWN_SERVER };

before(async () => {
  if (NEEDS_OWN_SERVER === false) server = await TestServer.start();
});
after(() => server?.close());

function apiOf(bucket?: string): Api {
  const api = new Api(server.url, server.key);
  return bucket === undefined ? api : Object.assign(api, { bucket });
}

/** The head, and as much of the body; the connection stays open. */
async function begin(api: Api, form: Form, bytes: number, headers: readonly string[] = []): Promise<RawConnection> {
  const connection = await RawConnection.open(api.base);
  await connection.writeHead("POST", `${api.base}${FILES}`, [
    `Authorization: Bearer ${api.key}`,
    `Content-Type: ${form.headers["Content-Type"]}`,
    `Content-Length: ${form.body.length}`,
    ...headers,
  ]);
  await connection.write(form.body.subarray(0, bytes));
  return connection;
}

async function segmentsOf({ dataDir }: TestServer): Promise<number> {
  const names = await readdir(join(dataDir, "blobs", "segments"), { recursive: true });
  return names.filter((name) => name.includes("sess_")).length;
}

async function filesIn(api: Api): Promise<readonly unknown[]> {
  return listAt((await api.get(`${FILES}?bucket=${api.bucket}`)).json, "files");
}

test(
  "A form that its client left in the middle, wherever, leaves no file, no session, no bucket and no byte (CON-2)",
  options,
  async () => {
    const api = apiOf();
    const form = formOf([...inBucketOf(api), fileOf(randomBytes(700_000)), { name: "title", value: "late" }]);
    const ends = [0, 10, 150, 300, 5_000, 300_000, 699_000, form.body.length - 40, form.body.length - 1];
    for (const bytes of ends) {
      const connection = await begin(api, form, bytes);
      if (bytes % 2 === 0) connection.destroy();
      else {
        // The client ends its side, and still reads: it is told.
        connection.finish();
        const answer = await connection.readAnswer();
        assert.ok(answer === null || answer.status === 400, `${bytes}: ${answer?.status}`);
        connection.destroy();
      }
    }
    const refused = await sendForm(api, formOf([fileOf(randomBytes(300_000)), { name: "bucket", value: "not-there" }]));
    assert.equal(textAt(refused.json, "error", "code"), "bucket_assignment_failed");
    assert.deepEqual(listAt((await api.get("/v1/knowledge/buckets")).json, "buckets"), []);
    assert.deepEqual(listAt((await api.get(`${FILES}/upload-sessions`)).json, "sessions"), []);
    await server.end();
    const { problems, files, entries } = await auditFolder(server.dataDir);
    assert.deepEqual({ problems, files, entries }, { problems: [], files: 0, entries: 0 });
    await server.begin();
  },
);

test(
  "A server that is killed while a form comes in, or while it is kept, makes one file of it when it is sent again (CON-2, IDE-2)",
  options,
  async () => {
    const bucket = apiOf().bucket;
    const form = formOf([...inBucketOf(apiOf(bucket)), fileOf(randomBytes(3_000_000))]);
    const key = `Idempotency-Key: ${randomUUID()}`;
    // Before the end of the body, and some moments behind it: hashing, publishing, the transaction, the answer.
    for (const afterMs of [null, 0, 5, 15, 40]) {
      const connection = await begin(apiOf(bucket), form, afterMs === null ? 2_000_000 : form.body.length, [key]);
      if (afterMs !== null) await wait(afterMs);
      await server.end("SIGKILL");
      connection.destroy();
      await server.begin();
    }
    const api = apiOf(bucket);
    const [name = "", value = ""] = key.split(": ");
    const made = await sendForm(api, form, { [name]: value });
    assert.equal(made.status, 201, shown(made.json));
    const files = await filesIn(api);
    assert.deepEqual(
      files.map((file) => textAt(file, "id")),
      [textAt(made.json, "id")],
    );
    assert.ok((await api.content(textAt(made.json, "id"))).body.length === 3_000_000);
  },
);

test(
  "A server that is stopped ends a form that would not end, and leaves nothing of it (CON-2, R15)",
  options,
  async () => {
    const form = formOf([...inBucketOf(apiOf()), fileOf(randomBytes(900_000))]);
    const stalled = await begin(apiOf(), form, 700_000);
    // It has come as far as the disk.
    await eventually("the form is being kept", 60_000, async () => (await segmentsOf(server)) > 0);
    assert.equal(await server.end(), 0);
    stalled.destroy();
    const { problems } = await auditFolder(server.dataDir);
    assert.deepEqual(problems, []);
    await server.begin();
  },
);

test("A client that waits for 100 Continue gets it, or the refusal in its place (CON-2)", options, async () => {
  const api = apiOf();
  const form = formOf([...inBucketOf(api), fileOf("expected")]);
  const connection = await begin(api, form, 0, ["Expect: 100-continue"]);
  assert.equal((await connection.readAnswer())?.status, 100);
  await connection.write(form.body);
  assert.equal((await connection.readAnswer())?.status, 201);
  connection.destroy();
  const wrong = await begin(api, { ...form, headers: { "Content-Type": "text/plain" } }, 0, ["Expect: 100-continue"]);
  assert.equal((await wrong.readAnswer())?.status, 415);
  wrong.destroy();
});
