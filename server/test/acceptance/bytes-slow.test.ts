import assert from "node:assert/strict";
import { describe } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { FILES } from "../support/api.ts";
import { assertResource, assertStored, kept, probe, put, resume, UNIT } from "../support/bytes.ts";
import { fileOf, formOf, inBucketOf } from "../support/form.ts";
import { assertNoMixture, begin, resumeAs, untilRead } from "../support/interrupted.ts";
import { listAt, textAt } from "../support/json.ts";
import { proves } from "../support/proves.ts";
import { seededRandom } from "../support/random.ts";
import { RawConnection } from "../support/raw.ts";
import { CONFIG, openTarget } from "../support/target.ts";

const { api } = await openTarget();
const random = seededRandom(CONFIG.seed);
const BYTES = random.bytes(3 * UNIT + 500);
const OTHER = random.bytes(BYTES.length);
const T = BYTES.length;

describe("on slow and stalled connections", { concurrency: true }, () => {
  proves(
    ["PUT-14", "A8", "A9"],
    "a stalled PUT blocks neither the query (6 s) nor a resume on a new connection (20 s), and writes nothing when it wakes",
    async () => {
      const session = await api.create(T);
      const stalled = await begin(session, BYTES, 2 * UNIT + 30);
      await untilRead(session, 0);
      const asked = performance.now();
      await probe(session.url);
      assert.ok(performance.now() - asked < 6000);
      // The client's network is gone: it takes another and sends other bytes, so that a mixture would show.
      const resumed = performance.now();
      const have = await kept(session.url);
      const answer = await put(session.url, `${have}-${T - 1}/${T}`, OTHER.subarray(have));
      assert.ok(performance.now() - resumed < 20_000);
      const done = answer.status === 200 ? answer : await resumeAs(session, OTHER);
      assert.equal(done.status, 200);
      await stalled.write(BYTES.subarray(2 * UNIT + 30));
      const late = await stalled.readAnswer();
      assert.ok(late === null || late.status >= 400, `the old connection got ${late?.status}`);
      await assertNoMixture(api, session, BYTES, OTHER);
      stalled.destroy();
    },
  );

  proves(["PUT-14", "PUT-9"], "a stalled PUT's whole units count for the connection that takes over", async () => {
    const session = await api.create(T);
    const stalled = await begin(session, BYTES, 2 * UNIT + 30);
    await untilRead(session, 0);
    // Taking over from 0 skips what the old one had durable.
    assertResource(await put(session.url, null, BYTES), BYTES);
    stalled.destroy();
    await assertStored(api, session, BYTES);
  });

  proves(["PUT-9"], "what a slow upload has sent is recorded every 5 s while it runs", async () => {
    const session = await api.create(T);
    const slow = await begin(session, BYTES, UNIT + 30);
    const until = performance.now() + 9000;
    // Not by a probe, which would have it recorded.
    while ((await api.receivedBytes(session.id)) < UNIT) {
      assert.ok(performance.now() < until, "a whole unit was not recorded within 9 s");
      await wait(250);
    }
    await slow.write(BYTES.subarray(UNIT + 30));
    assert.equal((await slow.readAnswer())?.status, 200);
    slow.destroy();
    await assertStored(api, session, BYTES);
  });

  proves(["P27", "A13", "PUT-19"], "a steady slow writer is served: 1 kB pieces for 12 s", async () => {
    const bytes = BYTES.subarray(0, 24 * 1024);
    const session = await api.create(bytes.length);
    const slow = await begin(session, bytes, 0);
    for (let sent = 0; sent < bytes.length; sent += 1024) {
      assert.ok(await slow.write(bytes.subarray(sent, sent + 1024)), `cut after ${sent} bytes`);
      await wait(500);
    }
    assert.equal((await slow.readAnswer())?.status, 200);
    slow.destroy();
    await assertStored(api, session, bytes);
  });

  proves(["A14"], "a client that reads its answers slowly gets them whole", async () => {
    const session = await api.create(T);
    const connection = await RawConnection.open(session.url);
    connection.pauseReading();
    await connection.writeHead("PUT", session.url, [`Content-Length: ${T}`]);
    await connection.write(BYTES);
    await wait(2000);
    connection.resumeReading();
    const answer = await connection.readAnswer();
    assert.equal(answer?.status, 200);
    assert.equal(textAt(JSON.parse(answer?.body ?? ""), "size"), String(T));
    connection.destroy();
  });

  proves(["A15"], "a head that comes in pieces is served, one that never ends is closed", async () => {
    const session = await api.create(T);
    const slow = await RawConnection.open(session.url);
    const { host, pathname } = new URL(session.url);
    for (const line of [
      `PUT ${pathname} HT`,
      `TP/1.1\r\nHost: ${host}\r\n`,
      "Content-Range: bytes */*\r\n",
      "Content-Length: 0\r\n",
      "\r\n",
    ]) {
      await slow.write(line);
      await wait(300);
    }
    assert.equal((await slow.readAnswer())?.status, 308);
    slow.destroy();
    const endless = await RawConnection.open(session.url);
    await endless.write(`PUT ${pathname} HTTP/1.1\r\nHost: ${host}\r\n`);
    await endless.readEnd(20_000);
  });

  proves(["PUT-19"], "a body that brings no byte for 30 s is cut, and what is kept stays", async () => {
    const session = await api.create(T);
    const stalled = await begin(session, BYTES, UNIT + 5);
    const began = performance.now();
    await stalled.readEnd(45_000);
    const seconds = (performance.now() - began) / 1000;
    assert.ok(seconds > 25, `cut after ${seconds} s`);
    assert.equal(await kept(session.url), UNIT);
    await resume(session.url, BYTES);
  });

  proves(["PUT-19", "CON-2"], "a form that brings no byte for 30 s is cut, and nothing of it is there", async () => {
    const form = formOf([...inBucketOf(api), fileOf(BYTES, "stalled.txt")]);
    const stalled = await RawConnection.open(api.base);
    await stalled.writeHead("POST", `${api.base}${FILES}`, [
      `Authorization: Bearer ${api.key}`,
      `Content-Type: ${form.headers["Content-Type"]}`,
      `Content-Length: ${form.body.length}`,
    ]);
    await stalled.write(form.body.subarray(0, UNIT));
    const began = performance.now();
    await stalled.readEnd(45_000);
    assert.ok(performance.now() - began > 25_000);
    const { json } = await api.get(`${FILES}?bucket=${api.bucket}&limit=200`);
    assert.ok(listAt(json, "files").every((file) => textAt(file, "filename") !== "stalled.txt"));
  });

  proves(
    ["PUT-19"],
    "a steady 100 B/s is cut after a minute, and 600 B/s is not",
    async () => {
      const [drip, flow] = [await api.create(90_000), await api.create(90_000)];
      const [slow, steady] = [
        await begin(drip, BYTES.subarray(0, 90_000), 0),
        await begin(flow, BYTES.subarray(0, 90_000), 0),
      ];
      let cutAfter = 0;
      for (let second = 0; second < 80; second++) {
        if (cutAfter === 0 && slow.ended) cutAfter = second;
        await slow.write(BYTES.subarray(second * 100, second * 100 + 100));
        await steady.write(BYTES.subarray(second * 600, second * 600 + 600));
        await wait(1000);
      }
      assert.ok(cutAfter >= 55 && cutAfter <= 75, `cut after ${cutAfter} s`);
      assert.equal(steady.ended, false);
      steady.destroy();
    },
    { skip: CONFIG.long ? false : "takes 80 s; WHARF_TEST_LONG=1 runs it", timeout: 120_000 },
  );
});
