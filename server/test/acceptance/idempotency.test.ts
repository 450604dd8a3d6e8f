import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { setTimeout as wait } from "node:timers/promises";
import { Api, SESSIONS, type Session } from "../support/api.ts";
import { Batches } from "../support/batch.ts";
import { assertStored, put } from "../support/bytes.ts";
import type { HttpAnswer } from "../support/http.ts";
import { at, listAt, shown, textAt } from "../support/json.ts";
import { proves } from "../support/proves.ts";
import { rawExchange } from "../support/raw.ts";
import { NEEDS_OWN_SERVER, openTarget, ownServer } from "../support/target.ts";

const { api, otherTeam, server } = await openTarget({ twoTeams: true });
const BYTES = Buffer.from("the same bytes");

proves(["IDE-2", "ALL-4"], "same key and body give the same session, a working URL and a new request id", async () => {
  const key = randomUUID();
  const first = await create(key);
  await wait(20);
  const again = await create(key);
  assert.equal(again.id, first.id);
  assert.equal(first.answer.headers["idempotent-replayed"], undefined);
  assert.equal(again.answer.headers["idempotent-replayed"], "true");
  assert.notEqual(textAt(again.answer.json, "request_id"), textAt(first.answer.json, "request_id"));
  assert.equal(textAt(again.answer.json, "request_id"), again.answer.headers["x-request-id"]);
  assert.ok(
    textAt(again.answer.json, "expires_at") > textAt(first.answer.json, "expires_at"),
    "expires_at was not renewed",
  );
  assert.equal((await put(again.url, null, BYTES)).status, 200);
  await assertStored(api, first, BYTES);
});

const SAME: readonly (readonly [what: string, change: Record<string, unknown>])[] = [
  ["another order of members", {}],
  ["a field that nobody knows", { colour: "blue" }],
  ["a null, which counts as absent", { title: null }],
];
for (const [what, change] of SAME)
  proves(["IDE-2"], `${what} is the same body`, async () => {
    const key = randomUUID();
    const body = api.createBody(BYTES.length);
    const first = await api.createRaw(body, { "Idempotency-Key": key });
    const shuffled = Object.fromEntries(Object.entries({ ...body, ...change }).reverse());
    const again = await api.createRaw(shuffled, { "Idempotency-Key": key });
    assert.equal(again.status, 201, shown(again.json));
    assert.equal(textAt(again.json, "session_id"), textAt(first.json, "session_id"));
  });

const OTHER: readonly (readonly [what: string, change: Record<string, unknown>])[] = [
  ["another size", { size_bytes: 15 }],
  ["another filename", { filename: "other.txt" }],
  ["a title where none was", { title: "note.txt" }],
  ["another bucket", { bucket: "another" }],
  ["another spelling of the bucket", { bucket: api.bucket.toUpperCase() }],
  ["other metadata", { metadata: { a: 1 } }],
];
for (const [what, change] of OTHER)
  proves(["IDE-3"], `${what} under the same key is 422 and names the way out`, async () => {
    const key = randomUUID();
    const first = await create(key);
    const other = await api.createRaw(api.createBody(BYTES.length, change), { "Idempotency-Key": key });
    assert.equal(other.status, 422);
    assert.equal(textAt(other.json, "error", "code"), "idempotency_key_reused");
    assert.equal(textAt(other.json, "error", "details", "session_id"), first.id);
    assert.match(textAt(other.json, "error", "message"), /DELETE .*upload-session\//);
    // The way out works, whatever the body.
    assert.equal((await api.call("DELETE", `${SESSIONS}/${first.id}`)).status, 200);
    const fresh = await api.createRaw(api.createBody(BYTES.length, change), { "Idempotency-Key": key });
    assert.equal(fresh.status, 201);
    assert.notEqual(textAt(fresh.json, "session_id"), first.id);
  });

proves(["IDE-1"], "a bare and a quoted spelling of one value are one key", async () => {
  for (const [bare, quoted] of [
    ["plain-key", '"plain-key"'],
    ["with space", '"with space"'],
    ["back\\slash", '"back\\\\slash"'],
    ["x".repeat(255), `"${"x".repeat(255)}"`],
  ] as const) {
    const unique = randomUUID().slice(0, bare.length > 200 ? 0 : 8);
    const first = await create(`${unique}${bare}`);
    const again = await create(`"${unique}${quoted.slice(1)}`);
    assert.equal(again.id, first.id, quoted);
  }
});

proves(["IDE-1"], "a malformed key is 400 invalid_idempotency_key", async () => {
  const body = JSON.stringify(api.createBody(BYTES.length));
  const cases: readonly (readonly [what: string, lines: readonly string[]])[] = [
    ["empty", ["Idempotency-Key:"]],
    ["empty quotes", ['Idempotency-Key: ""']],
    ["256 characters", [`Idempotency-Key: ${"x".repeat(256)}`]],
    ["an unclosed quote", ['Idempotency-Key: "abc']],
    ["beyond ASCII", ["Idempotency-Key: sch\u00fcssel"]],
    ["a tab", ["Idempotency-Key: a\tb"]],
    ["two headers", ["Idempotency-Key: one", "Idempotency-Key: two"]],
    ["two equal headers", ["Idempotency-Key: one", "Idempotency-Key: one"]],
  ];
  for (const [what, lines] of cases) {
    const headers = [
      `Authorization: Bearer ${api.key}`,
      "Content-Type: application/json",
      `Content-Length: ${body.length}`,
    ];
    const answer = await rawExchange(`${api.base}${SESSIONS}`, "POST", [...headers, ...lines], body);
    assert.equal(answer?.status, 400, what);
    assert.equal(textAt(JSON.parse(answer?.body ?? ""), "error", "code"), "invalid_idempotency_key", what);
  }
});

proves(
  ["IDE-1"],
  "another team's equal key is another key",
  async () => {
    const key = randomUUID();
    const mine = await create(key);
    const theirs = await create(key, otherTeam ?? api);
    assert.notEqual(theirs.id, mine.id);
    assert.equal(theirs.answer.headers["idempotent-replayed"], undefined);
  },
  { skip: otherTeam === null ? "needs a key of a second team" : false },
);

proves(["IDE-2", "CRE-4"], "20 concurrent creates with one key make one session", async () => {
  const key = randomUUID();
  const answers = await Promise.all(Array.from({ length: 20 }, () => create(key)));
  assert.equal(new Set(answers.map(({ id }) => id)).size, 1);
  assert.equal(answers.filter(({ answer }) => answer.headers["idempotent-replayed"] === undefined).length, 1);
});

proves(["IDE-6", "FIN-2"], "the whole job can be repeated after finalize without a second file", async () => {
  const key = randomUUID();
  const bucket = `repeat-${randomUUID().slice(0, 8)}`;
  const ids = new Set<string>();
  for (let round = 0; round < 3; round++) {
    const session = await create(key, api, { bucket });
    assert.equal((await put(session.url, `0-${BYTES.length - 1}/${BYTES.length}`, BYTES)).status, 200);
    const finalized = await api.finalize(session.id);
    assert.equal(finalized.status, 201);
    ids.add(`${textAt(finalized.json, "id")} ${textAt(finalized.json, "task", "id")}`);
    if (round > 0) assert.ok(Date.parse(textAt(session.answer.json, "expires_at")) > Date.now());
  }
  assert.equal(ids.size, 1);
  assert.equal(listAt((await api.get(`/v1/knowledge/files?bucket=${bucket}`)).json, "files").length, 1);
});

proves(["IDE-7"], "a refused create is not remembered: the same key then works with another body", async () => {
  const refused: readonly Record<string, unknown>[] = [
    { size_bytes: 0 },
    { bucket: "no-such-bucket", create_missing_buckets: false },
    { tags: Array.from({ length: 21 }, (_, index) => `t${index}`) },
  ];
  for (const fields of refused) {
    const key = randomUUID();
    const first = await api.createRaw(api.createBody(5, fields), { "Idempotency-Key": key });
    assert.ok(first.status >= 400 && first.status < 500);
    const again = await create(key);
    assert.equal(again.answer.headers["idempotent-replayed"], undefined);
  }
});

proves(["IDE-8"], "a key whose session was cancelled starts afresh, on either door", async () => {
  for (const cancel of ["api", "url"] as const) {
    const key = randomUUID();
    const first = await create(key);
    const ended: HttpAnswer =
      cancel === "api"
        ? await api.call("DELETE", `${SESSIONS}/${first.id}`)
        : await put(first.url, null, undefined, {}, "DELETE");
    assert.ok([200, 499].includes(ended.status));
    const fresh = await create(key, api, { filename: "another.txt" });
    assert.notEqual(fresh.id, first.id);
    assert.equal(fresh.answer.headers["idempotent-replayed"], undefined);
    assert.equal((await create(key, api, { filename: "another.txt" })).id, fresh.id);
  }
});

proves(
  ["IDE-8", "BAT-10"],
  "a key whose session can be filed nowhere any more starts afresh, alone and in a batch",
  async () => {
    const key = randomUUID();
    const slug = `gone-${key.slice(0, 8)}`;
    const first = await create(key, api, { bucket: slug });
    await put(first.url, null, BYTES);
    const batches = new Batches(api);
    const batch = batches.bodyOf([{ id: "a", bytes: BYTES.toString() }], {
      bucket: slug,
      create_missing_buckets: true,
    });
    const before = await batches.send(batch);
    const bucket = listAt((await api.get("/v1/knowledge/buckets")).json, "buckets").find(
      (one) => at(one, "slug") === slug,
    );
    assert.equal((await api.call("DELETE", `/v1/knowledge/buckets/${textAt(bucket, "id")}`)).status, 200);
    assert.equal(textAt((await api.finalize(first.id)).json, "error", "code"), "conflict");

    const fresh = await create(key, api, { bucket: slug });
    assert.notEqual(fresh.id, first.id, "every night the same session, and the same conflict");
    await put(fresh.url, null, BYTES);
    assert.equal((await api.finalize(fresh.id)).status, 201);
    assert.equal((await create(key, api, { bucket: slug })).id, fresh.id);

    const again = await batches.send(batch);
    assert.notEqual(at(again.json, "accepted", 0, "session_id"), at(before.json, "accepted", 0, "session_id"));
    await batches.upload(again, [{ id: "a", bytes: BYTES.toString() }]);
    const done = await batches.finalize(textAt(again.json, "batch_id"));
    assert.equal(listAt(done.json, "finalized").length, 1, shown(done.json));
  },
);

proves(
  ["IDE-8", "IDE-2"],
  "a key whose session expired starts afresh, and a replay keeps one alive",
  async () => {
    const server = await ownServer({ WHARF_SESSION_TTL_SECONDS: "2" });
    const quick = new Api(server.url, server.key);
    const [expiring, renewed] = [randomUUID(), randomUUID()];
    const first = await create(expiring, quick);
    const kept = await create(renewed, quick);
    for (let step = 0; step < 3; step++) {
      await wait(900);
      assert.equal((await create(renewed, quick)).id, kept.id, "a replay within its life found another session");
    }
    const fresh = await create(expiring, quick, { filename: "tonight.txt" });
    assert.notEqual(fresh.id, first.id);
    assert.equal(textAt((await quick.session(first.id)).json, "status"), "expired");
    assert.equal((await put(kept.url, null, BYTES)).status, 200);
  },
  { skip: NEEDS_OWN_SERVER },
);

proves(
  ["IDE-5"],
  "keys, sessions and what they made survive a restart of the server",
  async () => {
    assert.ok(server !== null);
    const key = randomUUID();
    const first = await create(key);
    await server.end("SIGKILL");
    await server.begin();
    const after = new Api(server.url, server.key);
    const body = api.createBody(BYTES.length);
    const again = await after.createRaw(body, { "Idempotency-Key": key });
    assert.equal(again.status, 201);
    assert.equal(textAt(again.json, "session_id"), first.id);
    assert.equal(at(again.json, "upload_strategy"), "gcs_resumable");
    assert.equal((await put(textAt(again.json, "upload_url"), null, BYTES)).status, 200);
  },
  { skip: NEEDS_OWN_SERVER },
);

function create(key: string, as: Api = api, fields: Record<string, unknown> = {}): Promise<Session> {
  return as.create(BYTES.length, fields, { "Idempotency-Key": key });
}
