import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { Api, FILES, SESSIONS } from "../support/api.ts";
import { put } from "../support/bytes.ts";
import type { HttpAnswer } from "../support/http.ts";
import { at, listAt, objectAt, shown, textAt, without } from "../support/json.ts";
import { proves } from "../support/proves.ts";
import { openTarget } from "../support/target.ts";

const { api, otherTeam, server } = await openTarget({ twoTeams: true });
const NEEDS_TWO = otherTeam === null ? "needs a key of a second team" : false;

/** What the other team has: one of each id that a path may name. */
async function foreignIds(): Promise<Readonly<Record<string, string>>> {
  const theirs = other();
  const bytes = Buffer.from(`theirs ${randomUUID()}`);
  const session = await theirs.create(bytes.length);
  await put(session.url, null, bytes);
  const file = (await theirs.finalize(session.id)).json;
  await theirs.settled(textAt(file, "id"));
  const connection = (await theirs.get("/v1/connection")).json;
  const [client_file_id, filename] = ["one", "one.txt"];
  const bucket = textAt((await theirs.get("/v1/knowledge/buckets")).json, "buckets", 0, "slug");
  const manifest = { version: 1, batch_idempotency_key: randomUUID(), bucket, items: [{ client_file_id, filename }] };
  const files = [{ client_file_id, filename, size_bytes: 1 }];
  const batch = (await theirs.call("POST", `${FILES}:batch/upload-session`, { body: { manifest, files } })).json;
  const response = (await theirs.call("POST", "/v1/responses", { body: { input: "theirs" } })).json;
  return {
    file_id: textAt(file, "id"),
    task_id: textAt(file, "task", "id"),
    session_id: session.id,
    bucket_id: String(listAt(file, "bucket_ids")[0]),
    key_id: textAt(connection, "key", "id"),
    batch_id: textAt(batch, "batch_id"),
    response_id: textAt(response, "id"),
    // Names that a team chooses, made by its operator: there is nothing foreign to ask for.
    profile_id: "profile_nobody",
  };
}

proves(
  ["ALL-6"],
  "every route with an id answers a foreign, an absent, a malformed and another kind's id with the same bytes",
  async () => {
    const foreign = await foreignIds();
    const routes = await idRoutes();
    assert.ok(routes.length >= 10, "openapi.json names too few routes with ids");
    for (const { method, path, parameter } of routes) {
      const id = foreign[parameter];
      assert.ok(id !== undefined, `${path} has a parameter that this test does not know: ${parameter}`);
      const prefix = id.slice(0, id.indexOf("_"));
      const kinds = Object.values(foreign).filter((each) => !each.startsWith(prefix));
      const absent = await ask(method, path, `${prefix}_00000000000000000000000000`);
      assert.equal(absent.status, 404, `${method} ${path}: ${shown(absent.json)}`);
      for (const value of [id, id.toUpperCase(), `${id}x`, prefix, "x", ...kinds]) {
        const answer = await ask(method, path, value);
        assert.equal(answer.status, 404, `${method} ${path} of ${value}: ${shown(answer.json)}`);
        assert.deepEqual(without(answer.json, "request_id"), without(absent.json, "request_id"), `${method} ${path}`);
        assert.deepEqual(comparable(answer), comparable(absent), `${method} ${path}`);
      }
    }
    // Nothing of theirs was touched.
    const file = (await other().file(foreign["file_id"] ?? "")).json;
    assert.equal(textAt(file, "status"), "indexed");
  },
  { skip: NEEDS_TWO },
);

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
  "a key does what its scopes name, and is told the one that it lacks",
  async () => {
    assert.ok(server !== null);
    const fileId = await api.indexed("a text for every scope");
    const session = await api.create(4);
    const taskId = textAt((await api.file(fileId)).json, "task", "id");
    const calls: readonly (readonly [scope: string, method: string, path: string, body?: unknown])[] = [
      ["files:write", "POST", SESSIONS, api.createBody(4)],
      ["files:write", "POST", `${SESSIONS}/${session.id}/finalize`, {}],
      ["files:write", "DELETE", `${SESSIONS}/${session.id}`],
      ["files:write", "DELETE", `${FILES}/${fileId}`],
      ["files:write", "POST", `${FILES}/${fileId}/reindex`],
      ["files:write", "POST", `/v1/knowledge/tasks/${taskId}/cancel`],
      ["files:write", "POST", `/v1/knowledge/tasks/${taskId}/retry`],
      ["files:read", "GET", FILES],
      ["files:read", "GET", `${FILES}/${fileId}`],
      ["files:read", "GET", `${FILES}/${fileId}/content`],
      ["files:read", "GET", `${FILES}/${fileId}/text`],
      ["files:read", "GET", `${SESSIONS}/${session.id}`],
      ["files:read", "GET", `/v1/knowledge/tasks/${taskId}`],
      ["files:read", "GET", "/v1/knowledge/buckets"],
      ["search", "POST", "/v1/knowledge/search", { query: "text" }],
    ];
    for (const scope of ["files:write", "files:read", "search"]) {
      const key = await server.mintKey("default", scope);
      const scoped = new Api(api.base, key);
      assert.equal((await scoped.get("/v1/connection")).status, 200, "any key may ask who it is");
      for (const [needed, method, path, body] of calls.filter((call) => call[0] !== scope)) {
        const answer = await scoped.call(method, path, { body });
        assert.equal(answer.status, 403, `${scope}: ${method} ${path}`);
        assert.equal(textAt(answer.json, "error", "code"), "forbidden_scope");
        assert.equal(textAt(answer.json, "error", "details", "required"), needed);
      }
      for (const [, method, path, body] of calls.filter((call) => call[0] === scope && call[1] !== "DELETE")) {
        const answer = await scoped.call(method, path, { body });
        assert.ok(![401, 403].includes(answer.status), `${scope}: ${method} ${path}: ${answer.status}`);
      }
    }
    // 403 comes before what the body or the id would say.
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

interface IdRoute {
  readonly method: string;
  readonly path: string;
  readonly parameter: string;
}

/** Read from the server's own description, so that a new route cannot be forgotten. */
async function idRoutes(): Promise<readonly IdRoute[]> {
  const { json } = await api.get("/openapi.json");
  const routes: IdRoute[] = [];
  for (const [path, item] of Object.entries(objectAt(json, "paths"))) {
    const parameter = /\{(\w+)\}/.exec(path)?.[1];
    if (parameter === undefined || path.startsWith("/v1/uploads/")) continue;
    const methods = Object.keys(objectAt(item)).filter((name) =>
      ["get", "post", "put", "patch", "delete"].includes(name),
    );
    for (const method of methods) routes.push({ method: method.toUpperCase(), path, parameter });
  }
  return routes;
}

function ask(method: string, path: string, id: string): Promise<HttpAnswer> {
  const target = path.replace(/\{\w+\}/, id);
  return api.call(method, target, method === "GET" || method === "DELETE" ? {} : { body: {} });
}

/** Headers that may tell two answers apart. */
function comparable({ headers }: HttpAnswer): unknown {
  return without(headers, "date", "x-request-id");
}

function other(): Api {
  assert.ok(otherTeam !== null);
  return otherTeam;
}
