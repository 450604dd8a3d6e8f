import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { after, before, test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { promisify } from "node:util";
import { Api, FILES } from "../support/api.ts";
import { BATCHES, Batches, type BatchPart } from "../support/batch.ts";
import { at, listAt, shown, textAt } from "../support/json.ts";
import { TestServer } from "../support/server.ts";
import { NEEDS_OWN_SERVER } from "../support/target.ts";
import { auditFolder } from "./folder-audit.ts";

/** Batches beside kills: whatever a finalize had got to, the next one goes on with (BAT-8, FIN-2). */

const FILES_OF_BATCH = 100;
const PARTS = Array.from({ length: FILES_OF_BATCH }, (_, n): BatchPart => ({ id: `f${n}`, bytes: `text no. ${n}` }));

let server: TestServer;
const options = { skip: NEEDS_OWN_SERVER };

before(async () => {
  if (NEEDS_OWN_SERVER === false) server = await TestServer.start();
});
after(() => server?.close());

/** The same bucket, also at the address that a restarted server has. */
const bucket = new Api("", "").bucket;
const apiNow = () => Object.assign(new Api(server.url, server.key), { bucket });

test(
  "A batch of 100 whose server is killed in the middle of its finalize, again and again, is there exactly once (BAT-7, BAT-8)",
  options,
  async () => {
    const batches = () => new Batches(apiNow());
    const body = batches().bodyOf(PARTS);
    const made = await batches().send(body);
    assert.equal(made.status, 201, shown(made.json));
    const id = textAt(made.json, "batch_id");
    await batches().upload(made, PARTS);
    const seen = new Map<string, string>();
    let killed = 0;
    for (const afterMs of [5, 20, 45, 80]) {
      const running = batches().finalize(id);
      running.catch(() => {});
      await wait(afterMs);
      await server.end("SIGKILL");
      const answered = await running.then(
        () => true,
        () => false,
      );
      if (!answered) killed += 1;
      await server.begin();
      // What it had finalized is finalized, and with the ids that it has for ever.
      for (const item of listAt(await batches().status(id), "items")) {
        const file = at(item, "knowledgeId");
        if (typeof file !== "string") continue;
        const name = textAt(item, "client_file_id");
        assert.equal(seen.get(name) ?? file, file);
        seen.set(name, file);
      }
    }
    assert.ok(killed > 0, "no finalize was cut in the middle");
    const done = await batches().finalize(id);
    const all = [...listAt(done.json, "finalized"), ...listAt(done.json, "replayed")];
    assert.equal(all.length, FILES_OF_BATCH, shown(done.json));
    for (const one of all) {
      const file = seen.get(textAt(one, "client_file_id"));
      assert.ok(file === undefined || file === textAt(one, "knowledge_id"));
    }
    assert.equal(textAt(await batches().ended(id), "status"), "active");
    assert.equal((await namesInBucket()).length, FILES_OF_BATCH);
    assert.equal(new Set(await namesInBucket()).size, FILES_OF_BATCH);
    // Sent again as a whole, it is replayed: nothing is made.
    const again = await batches().send(body);
    assert.equal(again.headers["idempotent-replayed"], "true");
    assert.equal(textAt(again.json, "batch_id"), id);
    assert.equal((await namesInBucket()).length, FILES_OF_BATCH);
    await server.end();
    assert.deepEqual((await auditFolder(server.dataDir)).problems, []);
    await server.begin();
  },
);

/** A client of its own: what it makes of the answer is printed. */
const CLIENT = `
const [url, key] = process.argv.slice(1);
const headers = { Authorization: "Bearer " + key, "Content-Type": "application/json" };
const answer = await fetch(url, { method: "POST", headers, body: '{"mode":"finalize_uploaded"}' });
console.log(JSON.stringify({ status: answer.status, json: await answer.json() }));`;

test(
  "Two processes that finalize one batch at once share its files, and both name all of them (BAT-7, FIN-2)",
  options,
  async () => {
    const api = apiNow();
    const batches = new Batches(api);
    const parts = PARTS.map((part) => ({ ...part, id: `p${part.id}` }));
    const made = await batches.send(batches.bodyOf(parts));
    const id = textAt(made.json, "batch_id");
    await batches.upload(made, parts);
    const url = `${api.base}${BATCHES}/${id}/finalize`;
    const run = promisify(execFile);
    const answers = await Promise.all(
      [1, 2].map(async () => {
        const { stdout } = await run(process.execPath, ["--input-type=module", "-e", CLIENT, url, api.key]);
        const answer: unknown = JSON.parse(stdout);
        assert.equal(at(answer, "status"), 202, shown(answer));
        return [...listAt(answer, "json", "finalized"), ...listAt(answer, "json", "replayed")];
      }),
    );
    const [ours = [], theirs = []] = answers.map((all) => all.map((one) => textAt(one, "knowledge_id")).sort());
    assert.equal(new Set(ours).size, FILES_OF_BATCH);
    assert.deepEqual(ours, theirs);
  },
);

async function namesInBucket(): Promise<readonly string[]> {
  const { json } = await apiNow().get(`${FILES}?bucket=${bucket}&limit=200`);
  return listAt(json, "files").map((file) => textAt(file, "filename"));
}
