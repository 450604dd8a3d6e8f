import assert from "node:assert/strict";
import { setTimeout as wait } from "node:timers/promises";
import { SESSIONS } from "../support/api.ts";
import { assertResource, assertStored, kept, keptOf, probe, put, resume, UNIT } from "../support/bytes.ts";
import { http } from "../support/http.ts";
import { assertNoMixture, begin, keptAfterCut, resumeAs, untilRead } from "../support/interrupted.ts";
import { textAt } from "../support/json.ts";
import { proves } from "../support/proves.ts";
import { seededRandom } from "../support/random.ts";
import { RawConnection, rawBytes } from "../support/raw.ts";
import { CONFIG, openTarget } from "../support/target.ts";

const { api, url } = await openTarget();
const random = seededRandom(CONFIG.seed);
const BYTES = random.bytes(3 * UNIT + 500);
const OTHER = random.bytes(BYTES.length);
const T = BYTES.length;

const CUTS = [0, 1, UNIT - 1, UNIT, UNIT + 1, T - 1];
const RANDOM_CUTS = Array.from({ length: CONFIG.long ? 200 : 20 }, () => random.integer(0, T - 1));
for (const how of ["FIN", "RST"] as const)
  proves(
    ["PUT-9", "A1", "A5"],
    `a one-shot PUT cut by ${how} at every edge resumes, and the sha256 matches`,
    async () => {
      for (const cut of CUTS) {
        const session = await api.create(T);
        const connection = await begin(session, BYTES, cut);
        if (how === "FIN") connection.finish();
        else {
          // A reset drops what the server has not read yet: let it read first.
          await untilRead(session, cut);
          connection.reset();
        }
        await keptAfterCut(session, cut);
        await resume(session.url, BYTES);
        await assertStored(api, session, BYTES);
        connection.destroy();
      }
    },
    { timeout: 120_000 },
  );

proves(
  ["PUT-9", "A4"],
  `${RANDOM_CUTS.length} uploads cut at random offsets resume, and the sha256 matches`,
  async () => {
    for (const cut of RANDOM_CUTS) {
      const session = await api.create(T);
      const connection = await begin(session, BYTES, cut);
      connection.finish();
      await keptAfterCut(session, cut);
      await resume(session.url, BYTES);
      await assertStored(api, session, BYTES);
      connection.destroy();
    }
  },
  { timeout: 300_000 },
);

proves(["PUT-9", "A2", "A4"], "one upload cut again and again arrives in the end", async () => {
  const session = await api.create(T);
  for (let have = 0; have + UNIT < T; ) {
    const connection = await begin(session, BYTES, UNIT + 77, have);
    connection.finish();
    have += await keptAfterCut(session, have + UNIT + 77).then((now) => now - have);
    connection.destroy();
  }
  await resume(session.url, BYTES);
  await assertStored(api, session, BYTES);
});

proves(
  ["PUT-4", "A3", "A6"],
  "a truncated chunked body never completes: its whole units stay and it resumes",
  async () => {
    for (const [sent, tail] of [
      [T, ""],
      [T, "0\r\n"],
      [2 * UNIT + 9, ""],
      [UNIT, "3e8\r\nabc"],
    ] as const) {
      const session = await api.create(T);
      const connection = await RawConnection.open(session.url);
      await connection.writeHead("PUT", session.url, ["Content-Range: bytes 0-*/*", "Transfer-Encoding: chunked"]);
      await connection.write(`${sent.toString(16)}\r\n`);
      await connection.write(BYTES.subarray(0, sent));
      await connection.write(`\r\n${tail}`);
      connection.finish();
      const answer = await connection.readAnswer();
      assert.ok(answer === null || answer.status === 400, String(answer?.status));
      await keptAfterCut(session, sent);
      assert.equal((await api.finalize(session.id)).status, 409);
      await resume(session.url, BYTES);
      await assertStored(api, session, BYTES);
      connection.destroy();
    }
  },
);

proves(["A7", "PUT-8"], "bytes behind the body never end up in the object", async () => {
  const session = await api.create(T);
  const connection = await begin(session, BYTES, T);
  await connection.write("surplus bytes that are no request");
  const answer = await connection.readAnswer();
  assert.ok(answer === null || [200, 400].includes(answer.status));
  connection.destroy();
  // The body was whole: it may have completed the object although no answer came through.
  if ((await probe(session.url)).status !== 200) await resume(session.url, BYTES);
  await assertStored(api, session, BYTES);
});

proves(["PUT-14", "A10", "A11"], "two writers with different bytes never interleave", async () => {
  for (const cut of [0, 1, UNIT - 1, UNIT + 5, 2 * UNIT, T - 1]) {
    const session = await api.create(T);
    const older = await begin(session, BYTES, cut);
    const newer = put(session.url, null, OTHER);
    await older.write(BYTES.subarray(cut));
    const answer = await newer.catch(() => null);
    const done = answer?.status === 200 ? answer : await resumeAs(session, OTHER);
    assert.equal(done.status, 200);
    await assertNoMixture(api, session, BYTES, OTHER);
    older.destroy();
  }
});

proves(
  ["PUT-14", "A10"],
  "8 writers at once with two contents leave one of them, or a prefix of one and the rest of the other",
  async () => {
    for (let round = 0; round < (CONFIG.long ? 50 : 6); round++) {
      const session = await api.create(T);
      const writers = Array.from({ length: 8 }, (_, index) =>
        put(session.url, null, index % 2 === 0 ? BYTES : OTHER).catch(() => null),
      );
      const answers = await Promise.all(writers);
      if (!answers.some((answer) => answer?.status === 200)) await resumeAs(session, OTHER);
      await assertNoMixture(api, session, BYTES, OTHER);
    }
  },
);

proves(
  ["PUT-14", "A9"],
  "a second data request ends the older connection within 2 s, though both are stalled",
  async () => {
    const session = await api.create(T);
    const older = await begin(session, BYTES, UNIT + 5);
    await untilRead(session, UNIT);
    const newer = await begin(session, BYTES, 1);
    await older.readEnd(5000);
    await newer.write(BYTES.subarray(1));
    assert.equal((await newer.readAnswer())?.status, 200);
    newer.destroy();
    await assertStored(api, session, BYTES);
  },
);

proves(["PUT-14", "PUT-9"], "what the older request had durable counts for the one that takes over", async () => {
  // Nothing on the wire says when the server has read what was sent, so a later try gives it longer.
  for (const readMs of [150, 1000, 4000]) {
    const session = await api.create(T);
    const older = await begin(session, BYTES, 2 * UNIT + 30);
    await wait(readMs);
    assertResource(await put(session.url, null, OTHER), OTHER);
    older.destroy();
    await assertNoMixture(api, session, BYTES, OTHER);
    const { body } = await api.content(textAt((await api.finalize(session.id)).json, "id"));
    if (body.subarray(0, UNIT).equals(BYTES.subarray(0, UNIT))) return;
  }
  assert.fail("the older request's first unit was never kept");
});

proves(["PUT-14", "A12", "A8"], "queries during a PUT are answered and never take over", async () => {
  const session = await api.create(T);
  const connection = await begin(session, BYTES, UNIT + 10);
  for (let round = 0; round < 10; round++) {
    const have = keptOf(await probe(session.url));
    assert.ok(have === 0 || have === UNIT);
  }
  await connection.write(BYTES.subarray(UNIT + 10));
  assert.equal((await connection.readAnswer())?.status, 200);
  connection.destroy();
  await assertStored(api, session, BYTES);
});

proves(["A18"], "pipelined requests are answered in order", async () => {
  const session = await api.create(T);
  const { host, pathname } = new URL(session.url);
  const head = (range: string, length: number) =>
    `PUT ${pathname} HTTP/1.1\r\nHost: ${host}\r\nContent-Range: bytes ${range}\r\nContent-Length: ${length}\r\n\r\n`;
  const connection = await RawConnection.open(session.url);
  await connection.write(head("*/*", 0) + head("*/*", 0));
  assert.equal((await connection.readAnswer())?.status, 308);
  assert.equal((await connection.readAnswer())?.status, 308);
  await connection.write(
    Buffer.concat([
      Buffer.from(head(`0-${UNIT - 1}/*`, UNIT)),
      BYTES.subarray(0, UNIT),
      Buffer.from(head(`${UNIT}-${T - 1}/${T}`, T - UNIT)),
      BYTES.subarray(UNIT),
      Buffer.from(head("*/*", 0)),
    ]),
  );
  const answers = [await connection.readAnswer(), await connection.readAnswer(), await connection.readAnswer()];
  assert.deepEqual(
    answers.map((answer) => answer?.status),
    [308, 200, 200],
  );
  connection.destroy();
  await assertStored(api, session, BYTES);
});

const EARLY: readonly (readonly [what: string, headers: readonly string[], status: number])[] = [
  ["a malformed range", ["Content-Range: bytes x"], 400],
  ["an offset beyond what is kept", [`Content-Range: bytes 9-${T - 1}/${T}`], 503],
  ["a wrong total", [`Content-Range: bytes 0-${T - 1}/${T + 1}`], 400],
  ["a Content-Encoding", ["Content-Encoding: gzip"], 415],
];
for (const [what, headers, status] of EARLY)
  proves(
    ["PUT-17", "A16", "A17"],
    `the early refusal of ${what} is read by a client that writes 4 MB before it reads`,
    async () => {
      const session = await api.create(T);
      const connection = await RawConnection.open(session.url);
      connection.pauseReading();
      const body = Buffer.alloc(4 * 1024 * 1024, "x");
      const length = status === 503 ? T - 9 : body.length;
      await connection.writeHead("PUT", session.url, [...headers, `Content-Length: ${length}`]);
      assert.equal(await connection.write(body.subarray(0, length)), true, "the connection broke under the writer");
      connection.resumeReading();
      const answer = await connection.readAnswer();
      assert.equal(answer?.status, status);
      if (answer?.headers["connection"] === "close") await connection.readEnd();
      else {
        await connection.writeHead("PUT", session.url, ["Content-Range: bytes */*", "Content-Length: 0"]);
        assert.equal((await connection.readAnswer())?.status, 308);
      }
      connection.destroy();
    },
  );

proves(
  ["PUT-8", "A19", "A16"],
  "a chunked body past the declared size is refused readably and nothing of it is kept",
  async () => {
    const session = await api.create(T);
    const pieces = [BYTES, random.bytes(4 * UNIT), random.bytes(UNIT)];
    const answer = await put(session.url, "0-*/*", pieces, { "Transfer-Encoding": "chunked" });
    assert.equal(answer.status, 400);
    assert.match(answer.text, /^Invalid request\./);
    await resume(session.url, BYTES);
    await assertStored(api, session, BYTES);
  },
);

proves(["A20"], "an endless chunked body is refused and its connection ended", async () => {
  const session = await api.create(100);
  const connection = await RawConnection.open(session.url);
  await connection.writeHead("PUT", session.url, ["Transfer-Encoding: chunked"]);
  const piece = Buffer.concat([Buffer.from("40000\r\n"), Buffer.alloc(UNIT, "x"), Buffer.from("\r\n")]);
  let written = 0;
  while (!connection.ended && written < 1024 * UNIT && (await connection.write(piece))) written += UNIT;
  assert.ok(written < 512 * UNIT, `${written} bytes were taken`);
  assert.equal((await connection.readAnswer())?.status, 400);
  connection.destroy();
  assert.equal(await kept(session.url), 0);
});

proves(["A26"], "after all that the service is alive, and one more upload works", async () => {
  assert.equal((await http(`${url}/healthz`)).status, 200);
  assert.equal((await rawBytes(url, `GET ${SESSIONS} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`))?.status, 401);
  const session = await api.create(T);
  await resume(session.url, BYTES);
  await assertStored(api, session, BYTES);
});
