import assert from "node:assert/strict";
import { assertResource, assertStored, kept, keptOf, probe, put, resume, UNIT } from "../support/bytes.ts";
import { crc32cBase64, md5Hex } from "../support/digests.ts";
import { textAt } from "../support/json.ts";
import { proves } from "../support/proves.ts";
import { seededRandom } from "../support/random.ts";
import { RawConnection } from "../support/raw.ts";
import { CONFIG, openTarget } from "../support/target.ts";

const { api } = await openTarget();
const BYTES = seededRandom(CONFIG.seed).bytes(3 * UNIT + 1234);
const T = BYTES.length;
/** Ends on a unit's boundary. */
const EVEN = BYTES.subarray(0, 2 * UNIT);

for (const [id, total] of [
  ["K1", String(T)],
  ["K2", "*"],
] as const)
  proves(
    ["PUT-2", id, "K5", "K6", "K9", "K18"],
    `chunks on connections of their own, total ${total === "*" ? "unknown" : "known"}`,
    async () => {
      const session = await api.create(T);
      for (let first = 0; first + UNIT < T; first += UNIT) {
        const answer = await put(
          session.url,
          `${first}-${first + UNIT - 1}/${total}`,
          BYTES.subarray(first, first + UNIT),
        );
        assert.equal(keptOf(answer), first + UNIT);
        assert.equal(answer.headers["range"], `bytes=0-${first + UNIT - 1}`);
        assert.equal(answer.reason, "Resume Incomplete");
        assert.equal(answer.headers["content-type"], "text/plain; charset=utf-8");
        assert.equal(answer.headers["content-length"], "0");
      }
      assertResource(await put(session.url, `${3 * UNIT}-${T - 1}/${T}`, BYTES.subarray(3 * UNIT)), BYTES);
      await assertStored(api, session, BYTES);
    },
  );

proves(["K10", "K19", "A17"], "chunks, probes and refusals go on one connection, which is kept", async () => {
  const session = await api.create(T);
  const connection = await RawConnection.open(session.url);
  const send = async (range: string, body: Uint8Array) => {
    await connection.writeHead("PUT", session.url, [`Content-Range: bytes ${range}`, `Content-Length: ${body.length}`]);
    if (body.length > 0) await connection.write(body);
    const answer = await connection.readAnswer();
    assert.ok(answer !== null, `the connection ended at ${range}`);
    assert.notEqual(answer.headers["connection"], "close");
    return answer.status;
  };
  assert.equal(await send("*/*", Buffer.alloc(0)), 308);
  assert.equal(await send(`0-${UNIT - 1}/*`, BYTES.subarray(0, UNIT)), 308);
  assert.equal(await send("garbage", Buffer.alloc(0)), 400);
  assert.equal(await send(`${UNIT}-${2 * UNIT - 1}/${T}`, BYTES.subarray(UNIT, 2 * UNIT)), 308);
  assert.equal(await send(`*/${T}`, Buffer.alloc(0)), 308);
  assert.equal(await send(`${2 * UNIT}-${T - 1}/${T}`, BYTES.subarray(2 * UNIT)), 200);
  assert.equal(await send("*/*", Buffer.alloc(0)), 200);
  connection.destroy();
  await assertStored(api, session, BYTES);
});

proves(["PUT-3", "K3"], "a stream that ends on a boundary is finished by bytes */N", async () => {
  const session = await api.create(EVEN.length);
  for (let first = 0; first < EVEN.length; first += UNIT)
    assert.equal(
      keptOf(await put(session.url, `${first}-${first + UNIT - 1}/*`, EVEN.subarray(first, first + UNIT))),
      first + UNIT,
    );
  assertResource(await probe(session.url, EVEN.length), EVEN);
  await assertStored(api, session, EVEN);
});

proves(["PUT-3", "PUT-11"], "bytes */N checks the digests that come with it", async () => {
  const session = await api.create(EVEN.length);
  assert.equal(keptOf(await put(session.url, `0-${EVEN.length - 1}/*`, EVEN)), EVEN.length);
  const refused = await put(session.url, `*/${EVEN.length}`, Buffer.alloc(0), { "X-Goog-Hash": "crc32c=AAAAAA==" });
  assert.equal(refused.status, 400);
  assert.equal(await kept(session.url), 0);
  assertResource(await put(session.url, null, EVEN, { "X-Goog-Hash": `crc32c=${crc32cBase64(EVEN)}` }), EVEN);
});

proves(
  ["K4", "PUT-7", "FIN-3"],
  "a-b/* that reaches the declared size is 308 with all of it, aligned or not, and finalize takes it",
  async () => {
    for (const size of [EVEN.length, T, 100]) {
      const bytes = BYTES.subarray(0, size);
      const session = await api.create(size);
      assert.equal(keptOf(await put(session.url, `0-${size - 1}/*`, bytes)), size);
      assert.equal(keptOf(await probe(session.url)), size, "bytes */* does not complete");
      await assertStored(api, session, bytes);
      assertResource(await probe(session.url), bytes);
    }
  },
);

proves(["K7"], "chunks and probes carry the running hashes of what is kept", async () => {
  const session = await api.create(T);
  const chunk = await put(session.url, `0-${UNIT - 1}/*`, BYTES.subarray(0, UNIT));
  const later = await put(session.url, `${UNIT}-${2 * UNIT - 1}/*`, BYTES.subarray(UNIT, 2 * UNIT));
  for (const [answer, size] of [
    [chunk, UNIT],
    [later, 2 * UNIT],
    [await probe(session.url), 2 * UNIT],
  ] as const) {
    assert.equal(answer.headers["x-range-md5"], md5Hex(BYTES.subarray(0, size)));
    assert.equal(answer.headers["x-goog-running-hash"], `crc32c=${crc32cBase64(BYTES.subarray(0, size))}`);
  }
});

proves(["K8", "ALL-4"], "every answer of the end-point carries X-GUploader-UploadID and X-Request-Id", async () => {
  const session = await api.create(T);
  const answers = [
    await probe(session.url),
    await put(session.url, `0-${UNIT - 1}/*`, BYTES.subarray(0, UNIT)),
    await put(session.url, "x"),
    await put(`${session.url}x`, null, Buffer.from("x")),
    await put(session.url, null, BYTES),
    await put(session.url, null, undefined, {}, "OPTIONS"),
  ];
  for (const { headers, status } of answers) {
    assert.ok((headers["x-guploader-uploadid"] ?? "").length > 10, String(status));
    assert.match(headers["x-request-id"] ?? "", /^req_/);
  }
});

proves(
  ["PUT-7", "K11", "K12"],
  "a non-final chunk below 256 KiB is Google's 400, keeps nothing and leaves the session alive",
  async () => {
    for (const size of [1, 1024, UNIT - 1]) {
      for (const total of ["*", String(T)]) {
        const session = await api.create(T);
        const answer = await put(session.url, `0-${size - 1}/${total}`, BYTES.subarray(0, size));
        assert.equal(answer.status, 400);
        assert.match(answer.headers["content-type"] ?? "", /^text\/plain/);
        assert.equal(answer.headers["range"], undefined);
        assert.equal(
          answer.text,
          "Invalid request.  The number of bytes uploaded is required to be equal or greater than 262144, except for the final request " +
            `(it's recommended to be the exact multiple of 262144).  The received request contained ${size} bytes, which does not meet this requirement.`,
        );
        assert.equal(await kept(session.url), 0);
        await resume(session.url, BYTES);
      }
    }
  },
);

proves(
  ["PUT-7", "K13", "K14"],
  "an unaligned chunk is cut down to whole units, and a client that ignores that gets 503",
  async () => {
    const session = await api.create(T);
    const size = UNIT + 1000;
    const answer = await put(session.url, `0-${size - 1}/*`, BYTES.subarray(0, size));
    assert.equal(keptOf(answer), UNIT);
    const deaf = await put(session.url, `${size}-${size + UNIT - 1}/*`, BYTES.subarray(size, size + UNIT));
    assert.equal(deaf.status, 503);
    assert.equal(await kept(session.url), UNIT);
    await resume(session.url, BYTES);
    await assertStored(api, session, BYTES);
  },
);

proves(["K15", "Q9"], "POST is a chunk, a query and a last chunk as PUT is", async () => {
  const session = await api.create(T);
  assert.equal(keptOf(await put(session.url, `0-${UNIT - 1}/*`, BYTES.subarray(0, UNIT), {}, "POST")), UNIT);
  assert.equal(keptOf(await put(session.url, "*/*", Buffer.alloc(0), {}, "POST")), UNIT);
  assertResource(await put(session.url, `${UNIT}-${T - 1}/${T}`, BYTES.subarray(UNIT), {}, "POST"), BYTES);
});

proves(
  ["K16", "Q10"],
  "X-GUploader-No-308 turns a 308 into 200 with the override header, and a real 200 stays one",
  async () => {
    const session = await api.create(T);
    const no308 = { "X-GUploader-No-308": "yes" };
    const answers = [
      await put(session.url, `0-${UNIT - 1}/*`, BYTES.subarray(0, UNIT), no308),
      await put(session.url, "*/*", Buffer.alloc(0), no308),
    ];
    for (const answer of answers) {
      assert.equal(answer.status, 200);
      assert.equal(answer.headers["x-http-status-code-override"], "308");
      assert.equal(answer.headers["range"], `bytes=0-${UNIT - 1}`);
      assert.equal(answer.body.length, 0);
    }
    const last = await put(session.url, `${UNIT}-${T - 1}/${T}`, BYTES.subarray(UNIT), no308);
    assertResource(last, BYTES);
    assert.equal(last.headers["x-http-status-code-override"], undefined);
  },
);

proves(["K17"], "a chunk with chunked encoding is the same", async () => {
  const session = await api.create(T);
  const pieces = [BYTES.subarray(0, 1000), BYTES.subarray(1000, UNIT)];
  assert.equal(keptOf(await put(session.url, `0-${UNIT - 1}/*`, pieces, { "Transfer-Encoding": "chunked" })), UNIT);
  await resume(session.url, BYTES);
  await assertStored(api, session, BYTES);
});

proves(["S7", "A25"], "32 uploads at once do not leak into each other", async () => {
  const random = seededRandom(CONFIG.seed + 1);
  const jobs = Array.from({ length: 32 }, () => random.bytes(random.integer(1, 2 * UNIT + 5)));
  const files = await Promise.all(
    jobs.map(async (bytes) => {
      const session = await api.create(bytes.length);
      if (bytes.length > UNIT) await put(session.url, `0-${UNIT - 1}/*`, bytes.subarray(0, UNIT));
      await resume(session.url, bytes);
      return assertStored(api, session, bytes);
    }),
  );
  assert.equal(new Set(files).size, jobs.length);
  assert.match(textAt((await api.file(files[0] ?? "")).json, "id"), /^file_/);
});
