import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { Api, FILES } from "../support/api.ts";
import { put } from "../support/bytes.ts";
import { at, listAt, textAt } from "../support/json.ts";
import { proves } from "../support/proves.ts";
import { openTarget } from "../support/target.ts";

/**
 * Each id of each operation, by who asks: test/security/id-matrix.test.ts. Here: what lists, searches and bodies show.
 */

const { api, otherTeam, server } = await openTarget({ twoTeams: true });
const NEEDS_TWO = otherTeam === null ? "needs a key of a second team" : false;

proves(
  ["ALL-6", "CRE-3"],
  "a foreign bucket is unresolved by id and by slug, in create, in search and in lists, and is never joined",
  async () => {
    const slug = `theirs-${randomUUID().slice(0, 8)}`;
    const fileId = await other().indexed("their secret words", { bucket: slug });
    const bucketId = String(listAt((await other().file(fileId)).json, "bucket_ids")[0]);
    for (const fields of [{ bucket_ids: [bucketId] }, { bucket: bucketId }]) {
      const answer = await api.createRaw(api.createBody(2, { bucket: undefined, ...fields }));
      assert.equal(textAt(answer.json, "error", "code"), "bucket_assignment_failed");
      assert.deepEqual(listAt(answer.json, "error", "details", "unresolved"), [bucketId]);
    }
    const bySlug = await api.createRaw(api.createBody(2, { bucket: slug, create_missing_buckets: false }));
    assert.equal(textAt(bySlug.json, "error", "code"), "bucket_assignment_failed");
    for (const fields of [{ bucket: slug }, { bucket_ids: [bucketId] }]) {
      const found = await api.search({ query: "secret", ...fields });
      assert.equal(textAt(found.json, "error", "code"), "bucket_assignment_failed");
    }
    for (const bucket of [slug, bucketId])
      assert.deepEqual(listAt((await api.get(`${FILES}?bucket=${bucket}`)).json, "files"), []);
    // The same slug is then a bucket of our own, with nothing of theirs in it.
    const mine = await api.indexed("my own words", { bucket: slug });
    assert.notEqual(listAt((await api.file(mine)).json, "bucket_ids")[0], bucketId);
    assert.deepEqual(listAt((await api.search({ query: "secret", bucket: slug })).json, "results"), []);
    assert.equal(listAt((await other().get(`${FILES}?bucket=${slug}`)).json, "files").length, 1);
  },
  { skip: NEEDS_TWO },
);

proves(
  ["ALL-2", "ALL-6"],
  "lists, searches, filters and cursors show nothing of another team",
  async () => {
    const word = `secret${randomUUID().replaceAll("-", "")}`;
    const fileId = await other().indexed(word, { tags: [word], metadata: { word } });
    await other().indexed(`${word} again`, { tags: [word] });
    for (const answer of [
      await api.get(`${FILES}?limit=200`),
      await api.get(`${FILES}?tag=${word}`),
      await api.get(`${FILES}?metadata.word=${encodeURIComponent(JSON.stringify(word))}`),
      await api.get("/v1/knowledge/buckets?include_archived=true"),
      await api.search({ query: word }),
      await api.search({ query: word, filters: { file_ids: [fileId] } }),
      await api.search({ query: word, filters: { tags: [word] } }),
    ]) {
      assert.equal(answer.status, 200);
      assert.ok(!answer.text.includes(word) && !answer.text.includes(fileId) && !answer.text.includes(other().bucket));
    }
    const theirs = await other().get(`${FILES}?limit=1`);
    const cursor = textAt(theirs.json, "next_cursor");
    const answer = await api.get(`${FILES}?limit=1&cursor=${encodeURIComponent(cursor)}`);
    assert.equal(answer.status, 400);
    assert.equal(textAt(answer.json, "error", "details", "field"), "cursor");
  },
  { skip: NEEDS_TWO },
);

proves(
  ["ALL-10"],
  "403 comes before what the body or the id would say, and a new key has the usual scopes",
  async () => {
    assert.ok(server !== null);
    const reader = new Api(api.base, await server.mintKey("default", "files:read"));
    assert.equal((await reader.createRaw({})).status, 403);
    assert.equal((await reader.deleteFile("file_nope")).status, 403);
    const usual = listAt(
      (await new Api(api.base, await server.mintKey("default")).get("/v1/connection")).json,
      "key",
      "scopes",
    );
    assert.deepEqual([...usual].sort(), ["files:read", "files:write", "search"]);
  },
  { skip: server === null ? "needs keys with other scopes" : false },
);

proves(
  ["ALL-10"],
  "a key without files:read learns ids and states from reindex, cancel and retry, and the whole file from finalize",
  async () => {
    assert.ok(server !== null);
    const writer = new Api(api.base, await server.mintKey("default", "files:write"));
    const names = {
      filename: "blind-5d2f.txt",
      title: "blind-5d2f",
      tags: ["blind-5d2f"],
      metadata: { a: "blind-5d2f" },
    };
    const fileId = await api.indexed("what the writer may not read back", { ...names, bucket: "blind-5d2f" });
    const reindex = () => writer.call("POST", `${FILES}/${fileId}/reindex`);
    const reindexed = await reindex();
    assert.equal(reindexed.status, 202, reindexed.text);
    assert.deepEqual(shapeOf(reindexed.json), {
      id: "string",
      object: "string",
      status: "string",
      bucket_ids: "object",
      bucketSyncStatus: "string",
      task: { id: "string", object: "string", type: "string", status: "string" },
      request_id: "string",
    });
    const task = `/v1/knowledge/tasks/${textAt(reindexed.json, "task", "id")}`;
    const answers = [
      reindexed,
      await writer.call("POST", `${task}/cancel`),
      await writer.call("POST", `${task}/retry`),
    ];
    for (const answer of answers.slice(1).filter(({ status }) => status === 200))
      assert.deepEqual(shapeOf(answer.json), {
        id: "string",
        object: "string",
        type: "string",
        status: "string",
        file_id: "string",
        request_id: "string",
      });
    for (const answer of answers) assert.ok(!answer.text.includes("5d2f"), answer.text);

    // Its own upload it knows anyway.
    const session = await writer.create(4, names);
    await put(session.url, null, Buffer.from("note"));
    assert.equal(textAt((await writer.finalize(session.id)).json, "title"), names.title);
    // And a key that may read gets the whole object, as before.
    await api.settled(fileId);
    const whole = await api.call("POST", `${FILES}/${fileId}/reindex`);
    assert.equal(textAt(whole.json, "title"), names.title);
    const seen = await api.call("POST", `/v1/knowledge/tasks/${textAt(whole.json, "task", "id")}/cancel`);
    if (seen.status === 200) assert.ok(at(seen.json, "stage") !== undefined);
  },
  { skip: server === null ? "needs keys with other scopes" : false },
);

/** Names of members, and what kind of value each has. */
function shapeOf(value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return typeof value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, shapeOf(member)]));
}

function other(): Api {
  assert.ok(otherTeam !== null);
  return otherTeam;
}
