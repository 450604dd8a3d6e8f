import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { Api, FILES } from "../support/api.ts";
import { put } from "../support/bytes.ts";
import type { HttpAnswer } from "../support/http.ts";
import { at, objectAt, shown, textAt, without } from "../support/json.ts";
import { proves } from "../support/proves.ts";
import { openTarget } from "../support/target.ts";
import { mintTeamKeys } from "../support/team-keys.ts";
import { type Operation, operationsOf } from "./operations.ts";

/** What holds for every operation that the server describes, so that a new one cannot be forgotten. */

const { api, server } = await openTarget();
const OWN_SERVER = server === null ? "needs keys of several scopes and teams" : false;
const document = objectAt((await api.get("/openapi.json")).json);
const guarded = operationsOf(document).filter(({ needsKey }) => needsKey);

proves(
  ["ALL-2", "ALL-10"],
  "every operation under /v1 is 401 without a key and 403 with each key that lacks the scope that it is described with",
  async () => {
    assert.ok(server !== null && guarded.length >= 15, "openapi.json names too few operations");
    const { write, read, search, admin } = await mintTeamKeys(server);
    const keys = { "files:write": write, "files:read": read, search, admin };
    for (const operation of guarded) {
      const needed = scopeOf(operation);
      const path = operation.path.replaceAll(/\{\w+\}/g, "file_00000000000000000000000000");
      const none = await new Api(api.base, "").call(operation.method, path);
      assert.equal(none.status, 401, `${operation.id} without a key`);
      for (const [scope, key] of Object.entries(keys)) {
        const answer = await new Api(api.base, key).call(operation.method, path, { body: {} });
        const refused = answer.status === 403 && textAt(answer.json, "error", "code") === "forbidden_scope";
        const allowed = needed === null || needed === scope;
        assert.equal(refused, !allowed, `${operation.id} with ${scope}: ${answer.status} ${shown(answer.json)}`);
        if (refused) assert.equal(textAt(answer.json, "error", "details", "required"), needed);
      }
    }
  },
  { skip: OWN_SERVER },
);

proves(
  ["ALL-6", "POL-5"],
  "what another team has is as absent to HEAD, with a range, a page and a wait, and in a body",
  async () => {
    assert.ok(server !== null);
    const foreign = new Api(api.base, await server.mintKey(`foreign-${randomUUID().slice(0, 8)}`));
    const fileId = await foreign.indexed("their words");
    const file = (await foreign.file(fileId)).json;
    const [taskId, bucketId] = [textAt(file, "task", "id"), String(at(file, "bucket_ids", 0))];
    const sizes = { filename: "x", size_bytes: 3 };
    const asks: readonly (readonly [what: string, id: string, ask: (id: string) => Promise<HttpAnswer>])[] = [
      ["HEAD of a file", fileId, (id) => api.call("HEAD", `${FILES}/${id}`)],
      ["HEAD of its bytes", fileId, (id) => api.call("HEAD", `${FILES}/${id}/content`)],
      ["a range of its bytes", fileId, (id) => api.content(id, { Range: "bytes=0-1" })],
      ["a page of its text", fileId, (id) => api.get(`${FILES}/${id}/text?page=1`)],
      ["a wait for it", fileId, (id) => api.file(id, "?wait=1")],
      ["a wait for its task", taskId, (id) => api.get(`/v1/knowledge/tasks/${id}?wait=1`)],
      ["a create into its bucket", bucketId, (id) => api.createRaw({ ...sizes, bucket_ids: [id] })],
      [
        "a create that may make buckets",
        bucketId,
        (id) => api.createRaw({ ...sizes, bucket: id, create_missing_buckets: true }),
      ],
      ["a search in its bucket", bucketId, (id) => api.search({ query: "words", bucket_ids: [id] })],
      ["a search in it", fileId, (id) => api.search({ query: "words", filters: { file_ids: [id] } })],
      ["a list of its bucket", bucketId, (id) => api.get(`${FILES}?bucket=${id}`)],
    ];
    for (const [what, id, ask] of asks) {
      const absent = `${id.slice(0, id.indexOf("_"))}_00000000000000000000000000`;
      const [theirs, nobodys] = [await ask(id), await ask(absent)];
      assert.equal(theirs.status, nobodys.status, what);
      assert.deepEqual(comparable(theirs, id), comparable(nobodys, absent), what);
    }
  },
  { skip: OWN_SERVER },
);

proves(
  ["IDE-1", "ALL-2"],
  "one Idempotency-Key of two teams is two keys, of two keys of a team one; a foreign key beside an upload_url changes nothing",
  async () => {
    assert.ok(server !== null);
    const foreign = new Api(api.base, await server.mintKey(`foreign-${randomUUID().slice(0, 8)}`));
    const colleague = new Api(api.base, await server.mintKey("default"));
    const headers = { "Idempotency-Key": `shared-${randomUUID()}` };
    const body = api.createBody(3);
    const [first, theirs, again] = [
      await api.createRaw(body, headers),
      await foreign.createRaw(body, headers),
      await colleague.createRaw(body, headers),
    ];
    const id = textAt(first.json, "session_id");
    assert.notEqual(textAt(theirs.json, "session_id"), id);
    assert.equal(textAt(again.json, "session_id"), id);
    const other = await foreign.createRaw({ ...body, size_bytes: 4 }, headers);
    assert.equal(other.status, 422);
    assert.equal(textAt(other.json, "error", "details", "session_id"), textAt(theirs.json, "session_id"));
    const key = { Authorization: `Bearer ${foreign.key}` };
    assert.equal((await put(textAt(first.json, "upload_url"), null, "abc", key)).status, 200);
    assert.equal(await api.receivedBytes(id), 3);
  },
  { skip: OWN_SERVER },
);

/** Null: any key will do. */
function scopeOf({ path, method, id }: Operation): string | null {
  const description = textAt(document, "paths", path, method.toLowerCase(), "description");
  const scope = /Needs a key with the scope (\S+)\./.exec(description)?.[1];
  assert.ok(scope !== undefined || description.includes("Needs any key."), `${id} does not say which key it needs`);
  return scope ?? null;
}

/** What may tell two answers apart, without the id that was asked for. */
function comparable({ headers, text }: HttpAnswer, id: string): unknown {
  const body = text.replaceAll(/req_[0-9a-z]{26}/g, "<request>").replaceAll(id, "<id>");
  return { headers: without(headers, "date", "x-request-id", "etag"), body };
}
