import assert from "node:assert/strict";
import { setTimeout as wait } from "node:timers/promises";
import { Api, SESSIONS } from "../support/api.ts";
import { assertResource, assertStored, kept, keptOf, probe, put, resume, UNIT } from "../support/bytes.ts";
import { sha256Hex } from "../support/digests.ts";
import { http } from "../support/http.ts";
import { at, numberAt, textAt } from "../support/json.ts";
import { proves } from "../support/proves.ts";
import { seededRandom } from "../support/random.ts";
import { RawConnection } from "../support/raw.ts";
import { CONFIG, NEEDS_OWN_SERVER, openTarget, ownServer } from "../support/target.ts";

const { api, server } = await openTarget();
/** Sessions that live for 2 s: for what expiry does. */
const quickServer = NEEDS_OWN_SERVER === false ? await ownServer({ WHARF_SESSION_TTL_SECONDS: "2" }) : null;
const random = seededRandom(CONFIG.seed);
const BYTES = random.bytes(2 * UNIT + 10);
const OTHER = random.bytes(BYTES.length);
const T = BYTES.length;

for (const finalized of [false, true])
  proves(
    finalized ? ["PUT-10", "PUT-18", "L3", "L16"] : ["PUT-10", "L1", "L2"],
    `after ${finalized ? "finalize" : "completion"} every PUT, POST and probe is 200 with the same resource, and the bytes never change`,
    async () => {
      const session = await api.create(T);
      const first = await put(session.url, null, BYTES);
      assertResource(first, BYTES);
      if (finalized) await assertStored(api, session, BYTES);
      const again = [
        await put(session.url, null, BYTES),
        await put(session.url, null, OTHER),
        await put(session.url, `0-${T - 1}/${T}`, OTHER),
        await put(session.url, `0-${UNIT - 1}/*`, OTHER.subarray(0, UNIT)),
        await put(session.url, "0-*/*", OTHER, { "Transfer-Encoding": "chunked" }),
        await put(session.url, null, OTHER.subarray(0, 5)),
        await put(session.url, null, OTHER, { "X-Goog-Hash": "crc32c=AAAAAA==" }),
        await put(session.url, "garbage", OTHER.subarray(0, 9)),
        await put(session.url, null, OTHER, {}, "POST"),
        await probe(session.url),
      ];
      for (const answer of again) {
        assertResource(answer, BYTES);
        assert.equal(answer.text, first.text);
      }
      await assertStored(api, session, BYTES);
    },
  );

proves(["FIN-3", "L4"], "finalize before the upload is 409, and the session goes on", async () => {
  const session = await api.create(T);
  for (const have of [0, UNIT]) {
    if (have > 0) await put(session.url, `0-${have - 1}/*`, BYTES.subarray(0, have));
    const refused = await api.finalize(session.id);
    assert.equal(refused.status, 409);
    assert.equal(textAt(refused.json, "error", "code"), "upload_incomplete");
    assert.equal(at(refused.json, "error", "retryable"), true);
    assert.equal(numberAt(refused.json, "error", "details", "received_bytes"), have);
  }
  await resume(session.url, BYTES);
  await assertStored(api, session, BYTES);
});

proves(
  ["FIN-3", "L5", "A24"],
  "finalize during an upload, running or stalled, is 409, and the upload goes on",
  async () => {
    const session = await api.create(T);
    const connection = await RawConnection.open(session.url);
    await connection.writeHead("PUT", session.url, [`Content-Length: ${T}`]);
    await connection.write(BYTES.subarray(0, UNIT + 5));
    for (let round = 0; round < 3; round++) assert.equal((await api.finalize(session.id)).status, 409);
    await connection.write(BYTES.subarray(UNIT + 5));
    assert.equal((await connection.readAnswer())?.status, 200);
    connection.destroy();
    await assertStored(api, session, BYTES);
  },
);

proves(
  ["FIN-1", "L6", "L7", "L8"],
  "finalize at once after the last answer gives a file and a task, the same for ever",
  async () => {
    for (let round = 0; round < 10; round++) {
      const session = await api.create(50);
      await put(session.url, null, BYTES.subarray(0, 50));
      const [first, second] = [await api.finalize(session.id), await api.finalize(session.id)];
      assert.equal(first.status, 201);
      assert.match(textAt(first.json, "id"), /^file_/);
      assert.match(textAt(first.json, "task", "id"), /^task_/);
      assert.equal(textAt(second.json, "id"), textAt(first.json, "id"));
      assert.equal(textAt(second.json, "task", "id"), textAt(first.json, "task", "id"));
    }
  },
);

proves(
  ["L9", "PUT-14"],
  "finalize beside the PUT that completes the bytes is 201 or 409, and the file is right",
  async () => {
    for (let round = 0; round < 10; round++) {
      const session = await api.create(T);
      await put(session.url, `0-${UNIT - 1}/*`, BYTES.subarray(0, UNIT));
      const [finalized, last] = await Promise.all([
        api.finalize(session.id),
        put(session.url, `${UNIT}-${T - 1}/${T}`, BYTES.subarray(UNIT)),
      ]);
      assert.ok([201, 409].includes(finalized.status), finalized.text);
      assertResource(last, BYTES);
      await assertStored(api, session, BYTES);
    }
  },
);

proves(["PUT-12", "L10", "L11"], "DELETE is 499, and so is everything after it", async () => {
  const session = await api.create(T);
  await put(session.url, `0-${UNIT - 1}/*`, BYTES.subarray(0, UNIT));
  const cancelled = await put(session.url, null, undefined, {}, "DELETE");
  assert.equal(cancelled.status, 499);
  assert.equal(cancelled.reason, "Client Closed Request");
  assert.equal(cancelled.headers["content-length"], "0");
  const after = [
    await put(session.url, null, BYTES),
    await put(session.url, `${UNIT}-${T - 1}/${T}`, BYTES.subarray(UNIT)),
    await probe(session.url),
    await put(session.url, "garbage"),
    await put(session.url, null, BYTES, {}, "POST"),
    await put(session.url, null, undefined, {}, "DELETE"),
  ];
  for (const answer of after) assert.equal(answer.status, 499);
  const refused = await api.finalize(session.id);
  assert.equal(refused.status, 410);
  assert.equal(textAt(refused.json, "error", "code"), "session_cancelled");
  assert.equal(textAt((await api.session(session.id)).json, "status"), "cancelled");
});

proves(["PUT-12", "L11"], "DELETE ends an upload that is running, and what it sends later never counts", async () => {
  const session = await api.create(T);
  const connection = await RawConnection.open(session.url);
  await connection.writeHead("PUT", session.url, [`Content-Length: ${T}`]);
  await connection.write(BYTES.subarray(0, UNIT + 5));
  assert.equal((await put(session.url, null, undefined, {}, "DELETE")).status, 499);
  await connection.write(BYTES.subarray(UNIT + 5));
  const answer = await connection.readAnswer();
  assert.ok(answer === null || answer.status === 499, String(answer?.status));
  assert.equal((await probe(session.url)).status, 499);
});

for (const [id, finalized] of [
  ["L13", false],
  ["L14", true],
] as const)
  proves(
    ["PUT-12", "PUT-18", id],
    `DELETE after ${finalized ? "finalize" : "completion"} is 405, and nothing is lost`,
    async () => {
      const session = await api.create(T);
      await put(session.url, null, BYTES);
      if (finalized) await assertStored(api, session, BYTES);
      const answer = await put(session.url, null, undefined, {}, "DELETE");
      assert.equal(answer.status, 405);
      assert.ok(answer.headers["allow"] !== undefined);
      assertResource(await probe(session.url), BYTES);
      await assertStored(api, session, BYTES);
    },
  );

proves(["L15"], "finalize needs the API key; the URL is none", async () => {
  const session = await api.create(3);
  await put(session.url, null, Buffer.from("abc"));
  const secret = session.url.split("/").at(-1) ?? "";
  for (const headers of [{}, { Authorization: `Bearer ${secret}` }])
    assert.equal(
      (await http(`${api.base}${SESSIONS}/${session.id}/finalize`, { method: "POST", headers })).status,
      401,
    );
  assert.equal((await http(`${session.url}/finalize`, { method: "POST" })).status, 404);
});

proves(
  ["PUT-13", "L17", "FIN-4"],
  "an expired session is 410 on its URL and at finalize, also when part of it is kept; nothing comes of it",
  async () => {
    const quick = quickApi();
    const session = await quick.create(T);
    await wait(2100);
    for (const answer of [
      await probe(session.url),
      await put(session.url, null, BYTES),
      await put(session.url, null, undefined, {}, "DELETE"),
    ]) {
      assert.equal(answer.status, 410);
      assert.match(answer.headers["content-type"] ?? "", /^text\/plain/);
    }
    const refused = await quick.finalize(session.id);
    assert.equal(refused.status, 410);
    assert.equal(textAt(refused.json, "error", "code"), "session_expired");
    assert.equal(textAt((await quick.session(session.id)).json, "status"), "expired");
  },
  { skip: NEEDS_OWN_SERVER },
);

proves(
  ["PUT-19", "FIN-4", "PUT-18"],
  "a record renews the session by 15 min, completion by 24 h, and a finalized one answers whatever its expiry",
  async () => {
    const quick = quickApi();
    const session = await quick.create(T);
    await put(session.url, `0-${UNIT - 1}/*`, BYTES.subarray(0, UNIT));
    assert.ok((await secondsLeft(quick, session.id)) > 14 * 60);
    await wait(2100);
    assert.equal(keptOf(await probe(session.url)), UNIT);
    await resume(session.url, BYTES);
    assert.ok((await secondsLeft(quick, session.id)) > 23 * 3600);
    await assertStored(quick, session, BYTES);
    assertResource(await probe(session.url), BYTES);
  },
  { skip: NEEDS_OWN_SERVER },
);

proves(
  ["PUT-19"],
  "a running request outlives its session's expiry: what it sent counts",
  async () => {
    const quick = quickApi();
    const session = await quick.create(T);
    const connection = await RawConnection.open(session.url);
    await connection.writeHead("PUT", session.url, [`Content-Length: ${T}`]);
    await connection.write(BYTES.subarray(0, 1000));
    await wait(2500);
    await connection.write(BYTES.subarray(1000));
    assert.equal((await connection.readAnswer())?.status, 200);
    connection.destroy();
    await assertStored(quick, session, BYTES);
  },
  { skip: NEEDS_OWN_SERVER },
);

proves(
  ["FIN-1", "PUT-2", "PUT-10"],
  "what was acknowledged is there after SIGKILL: the offset, the resource, the file",
  async () => {
    assert.ok(server !== null);
    const [partial, complete, finalized] = [await api.create(T), await api.create(T), await api.create(T)];
    await put(partial.url, `0-${UNIT - 1}/*`, BYTES.subarray(0, UNIT));
    const resource = await put(complete.url, null, BYTES);
    await put(finalized.url, null, BYTES);
    const file = await api.finalize(finalized.id);
    const old = server.url;
    await server.end("SIGKILL");
    await server.begin();
    const now = new Api(server.url, server.key);
    const moved = (url: string) => url.replace(old, server.url);
    assert.equal(await kept(moved(partial.url)), UNIT);
    await resume(moved(partial.url), BYTES);
    const again = await probe(moved(complete.url));
    assertResource(again, BYTES);
    assert.equal(textAt(again.json, "generation"), textAt(resource.json, "generation"));
    assert.equal(textAt((await now.finalize(finalized.id)).json, "id"), textAt(file.json, "id"));
    assert.equal(sha256Hex((await now.content(textAt(file.json, "id"))).body), sha256Hex(BYTES));
    for (const session of [partial, complete]) assert.equal((await now.finalize(session.id)).status, 201);
  },
  { skip: NEEDS_OWN_SERVER },
);

function quickApi(): Api {
  assert.ok(quickServer !== null);
  return new Api(quickServer.url, quickServer.key);
}

async function secondsLeft(of: Api, sessionId: string): Promise<number> {
  return (Date.parse(textAt((await of.session(sessionId)).json, "expires_at")) - Date.now()) / 1000;
}
