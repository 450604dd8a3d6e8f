import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { type Case, put, receivedOf, sealed, sha256, UNIT, upload, urlOf } from "./conformance-arrivals.ts";

export const ARRIVING: readonly Case[] = [
  {
    title: "A session's URL takes its bytes without credentials, and no other session's",
    async run(t) {
      const [one, two] = [await t.uploads.session(9), await t.uploads.session(9)];
      const [first, second] = [await urlOf(t, one), await urlOf(t, two)];
      assert.notEqual(first, second);
      assert.equal(await put(first, Buffer.from("the first")), 200);
      assert.equal((await receivedOf(t, two)).bytes, 0);
      assert.equal(await put(second, Buffer.from("other one")), 200);
      assert.equal((await sealed(t, one)).digests.sha256, sha256(Buffer.from("the first")));
      assert.equal((await sealed(t, two)).digests.sha256, sha256(Buffer.from("other one")));
    },
  },
  {
    title: "A URL that is asked for again works, also by another process",
    async run(t) {
      const bytes = randomBytes(100);
      const id = await t.uploads.session(bytes.length);
      await urlOf(t, id);
      await t.reopen();
      assert.equal(await put(await urlOf(t, id), bytes), 200);
      assert.equal((await sealed(t, id)).digests.sha256, sha256(bytes));
    },
  },
  {
    title: "What has arrived is counted from the first byte, and counting changes nothing",
    async run(t) {
      const bytes = randomBytes(2 * UNIT + 5);
      const id = await t.uploads.session(bytes.length);
      const url = await urlOf(t, id);
      assert.deepEqual(await receivedOf(t, id), { bytes: 0, complete: false });
      assert.equal(await put(url, bytes, { first: 0, end: UNIT }), 308);
      for (let time = 0; time < 3; time++) assert.deepEqual(await receivedOf(t, id), { bytes: UNIT, complete: false });
      assert.equal(await put(url, bytes, { first: UNIT, end: bytes.length }), 200);
      assert.deepEqual(await receivedOf(t, id), { bytes: bytes.length, complete: true });
    },
  },
  {
    title: "What was acknowledged is there after a power cut, and the upload goes on from it",
    async run(t) {
      const bytes = randomBytes(2 * UNIT);
      const id = await t.uploads.session(bytes.length);
      const url = await urlOf(t, id);
      assert.equal(await put(url, bytes, { first: 0, end: UNIT }), 308);
      await t.cutPower();
      const { bytes: kept } = await receivedOf(t, id);
      assert.equal(kept, UNIT);
      assert.equal(await put(url, bytes, { first: kept, end: bytes.length }), 200);
      await t.cutPower();
      assert.equal((await sealed(t, id)).digests.sha256, sha256(bytes));
    },
  },
  {
    title: "Two requests with other bytes at once never mix",
    async run(t) {
      const bodies = [1, 2].map((fill) => new Uint8Array(4 * UNIT).fill(fill));
      const id = await t.uploads.session(4 * UNIT);
      const url = await urlOf(t, id);
      await Promise.all(bodies.map((body) => put(url, body)));
      // Neither may have got through, when each ended the other; the client tries again.
      const [again] = bodies;
      assert.ok(again);
      if (!(await receivedOf(t, id)).complete) await put(url, again);
      const { digests } = await sealed(t, id);
      const { bytes } = await receivedOf(t, id);
      assert.equal(bytes, 4 * UNIT);
      const mixtures = Array.from({ length: 5 }, (_, units) =>
        bodies.flatMap((body, at) => [
          sha256(Buffer.concat([body.subarray(0, units * UNIT), (bodies[1 - at] ?? body).subarray(units * UNIT)])),
        ]),
      ).flat();
      assert.ok(mixtures.includes(digests.sha256), "kept units of one and then the rest of the other");
    },
  },
  {
    title: "Sessions whose bytes come in just now are named while they do, where this process receives them",
    async run(t) {
      const id = await upload(t, randomBytes(10));
      assert.ok(!t.arrivals.busy().includes(id));
    },
  },
];
