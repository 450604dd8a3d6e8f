import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { setTimeout as wait } from "node:timers/promises";
import { FILES, SESSIONS } from "../support/api.ts";
import { put, UNIT } from "../support/bytes.ts";
import { crc32cBase64, sha256Hex } from "../support/digests.ts";
import { at, listAt, shown, textAt } from "../support/json.ts";
import { proves } from "../support/proves.ts";
import { seededRandom } from "../support/random.ts";
import { CONFIG, openTarget } from "../support/target.ts";

const { api } = await openTarget();
const BYTES = Buffer.from("Finalize makes one file of these bytes, however often it is asked.");

proves(
  ["FIN-1", "FIN-6", "ALL-4", "ALL-7", "ALL-8"],
  "finalize answers 201 with the whole flat file object, queued",
  async () => {
    const session = await uploaded({ title: "Rules", tags: ["a", "b"], metadata: { year: 2026 } });
    const answer = await api.finalize(session.id);
    const { json: file } = answer;
    assert.equal(answer.status, 201);
    assert.equal(answer.headers["content-type"], "application/json; charset=utf-8");
    assert.match(textAt(file, "id"), /^file_[A-Za-z0-9_]+$/);
    assert.equal(textAt(file, "object"), "knowledge_file");
    assert.ok(["queued", "indexing", "indexed"].includes(textAt(file, "status")));
    const [bucketId] = listAt(file, "bucket_ids");
    assert.match(String(bucketId), /^bucket_/);
    const expected = {
      title: "Rules",
      filename: "note.txt",
      content_type: "text/plain",
      size_bytes: BYTES.length,
      sha256: sha256Hex(BYTES),
      tags: ["a", "b"],
      metadata: { year: 2026 },
      bucket_ids: [bucketId],
      source: { kind: "upload_session", session_id: session.id },
    };
    for (const [name, value] of Object.entries(expected)) assert.deepEqual(at(file, name), value, name);
    assert.equal(textAt(file, "bucketSync", String(bucketId), "slug"), api.bucket);
    assert.equal(textAt(file, "bucketSync", String(bucketId), "status"), textAt(file, "bucketSyncStatus"));
    assert.match(textAt(file, "task", "id"), /^task_/);
    assert.equal(textAt(file, "task", "object"), "knowledge_indexing_task");
    assert.equal(textAt(file, "task", "type"), "index");
    assert.equal(textAt(file, "request_id"), answer.headers["x-request-id"]);
  },
);

const BODIES: readonly (readonly [what: string, options: Parameters<typeof api.call>[2]])[] = [
  ["{}", { body: {} }],
  ["no body at all", {}],
  ["an empty body with a JSON type", { rawBody: "" }],
  ["unknown members", { body: { colour: "blue", sha256: null } }],
];
for (const [what, options] of BODIES)
  proves(["FIN-1"], `finalize takes ${what}`, async () => {
    const session = await uploaded();
    const answer = await api.call("POST", `${SESSIONS}/${session.id}/finalize`, options);
    assert.equal(answer.status, 201, shown(answer.json));
  });

proves(["FIN-2"], "50 concurrent finalizes make one file and one task", async () => {
  const bucket = `fifty-${randomUUID().slice(0, 8)}`;
  const large = seededRandom(CONFIG.seed).bytes(4 * UNIT);
  const session = await api.create(large.length, { bucket });
  await put(session.url, null, large);
  const answers = await Promise.all(Array.from({ length: 50 }, () => api.finalize(session.id)));
  assert.deepEqual([...new Set(answers.map(({ status }) => status))], [201]);
  assert.equal(new Set(answers.map(({ json }) => `${textAt(json, "id")} ${textAt(json, "task", "id")}`)).size, 1);
  assert.equal(listAt((await api.get(`${FILES}?bucket=${bucket}`)).json, "files").length, 1);
});

proves(["FIN-2"], "a repeat shows the file as it is now, and as deleted after it was deleted", async () => {
  const session = await uploaded();
  const fileId = textAt((await api.finalize(session.id)).json, "id");
  await api.settled(fileId);
  const indexed = await api.finalize(session.id);
  assert.equal(indexed.status, 201);
  assert.equal(textAt(indexed.json, "status"), "indexed");
  await api.deleteFile(fileId);
  const deleted = await api.finalize(session.id);
  assert.equal(deleted.status, 201);
  assert.equal(textAt(deleted.json, "status"), "deleted");
  assert.equal(textAt(deleted.json, "id"), fileId);
});

proves(["FIN-5"], "right digests are 201, in either case, also on a repeat", async () => {
  const session = await uploaded();
  for (const body of [
    { sha256: sha256Hex(BYTES) },
    { sha256: sha256Hex(BYTES).toUpperCase(), crc32c: crc32cBase64(BYTES) },
    { crc32c: crc32cBase64(BYTES) },
  ])
    assert.equal((await api.finalize(session.id, body)).status, 201);
});

const WRONG = { sha256: "0".repeat(64), crc32c: "AAAAAA==" };
for (const kind of ["sha256", "crc32c"] as const)
  proves(
    ["FIN-5"],
    `a wrong ${kind} is 422, before and after the file exists; the session stays and the way out is named`,
    async () => {
      const session = await uploaded();
      for (const finalized of [false, true]) {
        const refused = await api.finalize(session.id, { [kind]: WRONG[kind] });
        assert.equal(refused.status, 422);
        assert.equal(textAt(refused.json, "error", "code"), "checksum_mismatch");
        assert.ok(textAt(refused.json, "error", "message").includes(`DELETE ${SESSIONS}/${session.id}`));
        const status = textAt((await api.session(session.id)).json, "status");
        assert.equal(status, finalized ? "finalized" : "received");
        assert.equal((await api.finalize(session.id)).status, 201);
      }
    },
  );

proves(["FIN-5", "ALL-9"], "a digest of another form is 400 and names the field", async () => {
  const session = await uploaded();
  const cases: readonly Record<string, unknown>[] = [
    { sha256: "abc" },
    { sha256: "g".repeat(64) },
    { sha256: 5 },
    { crc32c: "AAAA" },
    { crc32c: "0123456789ab" },
    { crc32c: {} },
  ];
  for (const body of cases) {
    const answer = await api.finalize(session.id, body);
    assert.equal(answer.status, 400, shown(body));
    assert.equal(textAt(answer.json, "error", "details", "field"), Object.keys(body)[0]);
  }
  assert.equal((await api.finalize(session.id)).status, 201);
});

proves(["FIN-3"], "a cancelled session is 410 at finalize, an unknown one 404", async () => {
  const session = await uploaded();
  assert.equal((await api.call("DELETE", `${SESSIONS}/${session.id}`)).status, 200);
  const cancelled = await api.finalize(session.id);
  assert.equal(cancelled.status, 410);
  assert.equal(textAt(cancelled.json, "error", "code"), "session_cancelled");
  const unknown = await api.finalize("sess_00000000000000000000000000");
  assert.equal(unknown.status, 404);
  assert.equal(textAt(unknown.json, "error", "code"), "session_not_found");
});

proves(
  ["FIN-1", "FIN-3"],
  "a cancel beside a finalize: one of them wins, the other says so, and nothing else is ever answered",
  async () => {
    const large = seededRandom(CONFIG.seed).bytes(2 * UNIT);
    for (let round = 0; round < (CONFIG.long ? 700 : 40); round++) {
      const session = await api.create(large.length);
      await put(session.url, `0-${UNIT - 1}/*`, large.subarray(0, UNIT));
      await put(session.url, `${UNIT}-${large.length - 1}/${large.length}`, large.subarray(UNIT));
      const calls = [() => api.finalize(session.id), () => api.call("DELETE", `${SESSIONS}/${session.id}`)] as const;
      const [first, second] = round % 2 === 0 ? calls : [calls[1], calls[0]];
      const one = first();
      // Later and later within what a finalize takes: what meets is chance, the answers are not.
      await wait((round % 16) / 2);
      const both = await Promise.all([one, second()]);
      const [finalized, cancelled] = round % 2 === 0 ? both : [both[1], both[0]];
      const outcome = `${finalized.status} ${at(finalized.json, "error", "code") ?? ""}, ${cancelled.status}`;
      assert.ok(["201 , 409", "410 session_cancelled, 200"].includes(outcome), `${outcome} ${finalized.text}`);
    }
  },
);

proves(
  ["FIN-2", "FIL-9"],
  "a session shows its state and never its URL; DELETE is repeatable, and 409 once finalized",
  async () => {
    const session = await api.create(BYTES.length);
    const state = async () => {
      const answer = await api.session(session.id);
      assert.ok(!answer.text.includes(session.url.split("/").at(-1) ?? "-"));
      return textAt(answer.json, "status");
    };
    assert.equal(await state(), "open");
    await put(session.url, null, BYTES);
    assert.equal(await state(), "received");
    const fileId = textAt((await api.finalize(session.id)).json, "id");
    assert.equal(await state(), "finalized");
    assert.equal(textAt((await api.session(session.id)).json, "file_id"), fileId);
    const conflict = await api.call("DELETE", `${SESSIONS}/${session.id}`);
    assert.equal(conflict.status, 409);
    assert.equal(textAt(conflict.json, "error", "code"), "conflict");
    assert.notEqual(textAt((await api.file(fileId)).json, "status"), "deleted");

    const other = await api.create(BYTES.length);
    for (let round = 0; round < 2; round++) {
      const cancelled = await api.call("DELETE", `${SESSIONS}/${other.id}`);
      assert.equal(cancelled.status, 200);
      assert.equal(textAt(cancelled.json, "status"), "cancelled");
    }
  },
);

async function uploaded(fields: Record<string, unknown> = {}) {
  const session = await api.create(BYTES.length, fields);
  assert.equal((await put(session.url, null, BYTES)).status, 200);
  return session;
}
