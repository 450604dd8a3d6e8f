import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { collect } from "../blobs/conformance-support.ts";
import {
  type Case,
  cancel,
  originals,
  put,
  receivedOf,
  sealed,
  sendHalf,
  sha256,
  tidyAll,
  UNIT,
  upload,
  urlOf,
} from "./conformance-arrivals.ts";

export const LEAVING: readonly Case[] = [
  {
    title: "A discard leaves nothing, of a part too, may be repeated, and knows no unknown session",
    async run(t) {
      const whole = await upload(t, randomBytes(100));
      const bytes = randomBytes(2 * UNIT);
      const part = await t.uploads.session(bytes.length);
      assert.equal(await put(await urlOf(t, part), bytes, { first: 0, end: UNIT }), 308);
      const unknown = t.uploads.ids.next("sess");
      for (const id of [whole, part]) await cancel(t, id);
      for (const id of [whole, part, part, unknown]) {
        await t.arrivals.discard(id);
        assert.equal(await t.leftovers(id), 0);
      }
    },
  },
  {
    title: "What is PUT after a discard leaves nothing, by any URL that there was",
    async run(t) {
      const bytes = randomBytes(UNIT);
      const id = await t.uploads.session(bytes.length);
      const urls = [await urlOf(t, id), await urlOf(t, id)];
      await cancel(t, id);
      await t.reopen();
      await t.arrivals.discard(id);
      for (const url of urls) assert.notEqual(await put(url, bytes), 200);
      assert.equal(await t.leftovers(id), 0);
    },
  },
  {
    title: "A discard ends who still sends, and what was sent is gone",
    async run(t) {
      const bytes = randomBytes(8 * UNIT);
      const id = await t.uploads.session(bytes.length);
      const sending = sendHalf(await urlOf(t, id), bytes);
      // Until the first of it is in: a request that has not begun would prove nothing.
      while ((await t.leftovers(id)) === 0) await sleep(5);
      await cancel(t, id);
      await t.arrivals.discard(id);
      sending.finish();
      await sending.ended;
      assert.equal(await t.leftovers(id), 0);
      assert.equal(await originals(t), 0);
    },
  },
  {
    title: "A discard keeps the sealed original, and what is another session's",
    async run(t) {
      const bytes = randomBytes(300);
      const id = await upload(t, bytes);
      const other = await upload(t, bytes);
      const { key } = await sealed(t, id);
      await t.arrivals.discard(id);
      assert.deepEqual(await collect(t.blobs.read(key)), bytes);
      assert.equal((await sealed(t, other)).digests.sha256, sha256(bytes));
    },
  },
  {
    title: "A round finds what an ended session left, removes it when it may, and nothing that goes on",
    async run(t) {
      const bytes = randomBytes(2 * UNIT);
      const [ended, whole] = [await upload(t, bytes), await upload(t, bytes)];
      const part = await t.uploads.session(bytes.length);
      const url = await urlOf(t, part);
      assert.equal(await put(url, bytes, { first: 0, end: UNIT }), 308);
      await cancel(t, ended);
      assert.deepEqual(await tidyAll(t, false), { garbage: 1, tails: 0 });
      assert.equal(await t.leftovers(ended), 1);
      assert.deepEqual(await tidyAll(t, true), { garbage: 1, tails: 0 });
      assert.equal(await t.leftovers(ended), 0);
      assert.deepEqual(await tidyAll(t, true), { garbage: 0, tails: 0 });
      assert.equal((await sealed(t, whole)).digests.sha256, sha256(bytes));
      assert.deepEqual(await receivedOf(t, part), { bytes: UNIT, complete: false });
      assert.equal(await put(url, bytes, { first: UNIT, end: bytes.length }), 200);
      assert.equal((await sealed(t, part)).digests.sha256, sha256(bytes));
    },
  },
  {
    title: "A round beside a request that sends takes nothing of it",
    async run(t) {
      const bytes = randomBytes(8 * UNIT);
      const id = await t.uploads.session(bytes.length);
      const sending = sendHalf(await urlOf(t, id), bytes);
      while ((await t.leftovers(id)) === 0) await sleep(5);
      await tidyAll(t, true);
      sending.finish();
      await sending.ended;
      assert.equal((await sealed(t, id)).digests.sha256, sha256(bytes));
    },
  },
];
