import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { collect } from "../blobs/conformance-support.ts";
import { originalKey } from "../blobs/keys.ts";
import { isRefusal } from "../errors.ts";
import type { SessionId } from "../ids.ts";
import {
  type ArrivalsUnderTest,
  type Case,
  originals,
  put,
  receivedOf,
  type Sealed,
  seal,
  sealed,
  sessionOf,
  sha256,
  UNIT,
  upload,
  urlOf,
} from "./conformance-arrivals.ts";
import { DigestEngine } from "./embedded/digests.ts";
import { finalizeSession } from "./finalize.store.ts";

export const SEALING: readonly Case[] = [
  {
    title: "A whole arrival becomes the original of its sha256, and the row says received, with md5 and crc32c",
    async run(t) {
      const bytes = randomBytes(UNIT + 5);
      const id = await t.uploads.session(bytes.length);
      const url = await urlOf(t, id);
      assert.equal(await put(url, bytes, { first: 0, end: UNIT }), 308);
      assert.equal(await put(url, bytes, { first: UNIT, end: bytes.length }), 200);
      const { key, digests } = await sealed(t, id);
      const md5 = createHash("md5").update(bytes).digest("base64");
      const crc32c = await crc32cOf(bytes);
      assert.deepEqual(digests, { sha256: sha256(bytes), md5, crc32c });
      assert.equal(key, originalKey(id, sha256(bytes)));
      assert.deepEqual(await collect(t.blobs.read(key)), bytes);
      const row = await sessionOf(t, id);
      assert.deepEqual([row.state, row.md5, row.crc32c], ["received", md5, crc32c]);
    },
  },
  {
    title: "What is incomplete is not sealed, says how much is there, and goes on",
    async run(t) {
      const bytes = randomBytes(2 * UNIT);
      const id = await t.uploads.session(bytes.length);
      assert.deepEqual(await seal(t, id), { kind: "incomplete", receivedBytes: 0 });
      const url = await urlOf(t, id);
      assert.equal(await put(url, bytes, { first: 0, end: UNIT }), 308);
      assert.deepEqual(await seal(t, id), { kind: "incomplete", receivedBytes: UNIT });
      assert.equal(await originals(t), 0);
      assert.equal(await put(url, bytes, { first: UNIT, end: bytes.length }), 200);
      await sealed(t, id);
    },
  },
  {
    title: "Sealing again, ten times at once and in another process, makes the same original",
    async run(t) {
      const bytes = randomBytes(UNIT + 1);
      const id = await upload(t, bytes);
      const keys = (await Promise.all(Array.from({ length: 10 }, () => sealed(t, id)))).map(({ key }) => key);
      await t.reopen();
      keys.push((await sealed(t, id)).key);
      assert.deepEqual([...new Set(keys)], [originalKey(id, sha256(bytes))]);
      assert.equal(await originals(t), 1);
      assert.deepEqual(await collect(t.blobs.read(originalKey(id, sha256(bytes)))), bytes);
    },
  },
  {
    title: "A seal that was cut behind its publish goes on after a power cut, and the original is there",
    async run(t) {
      const bytes = randomBytes(UNIT + 1);
      const id = await upload(t, bytes);
      const { key } = await sealed(t, id);
      await t.cutPower();
      assert.deepEqual(await collect(t.blobs.read(key)), bytes);
      assert.equal((await sealed(t, id)).key, key);
    },
  },
  {
    title: "What the caller refuses is not published, and can be sealed later",
    async run(t) {
      const bytes = randomBytes(50);
      const id = await upload(t, bytes);
      const refusal = new Error("another digest was expected");
      const refuse = () => {
        throw refusal;
      };
      await assert.rejects(seal(t, id, refuse), refusal);
      assert.equal(await originals(t), 0);
      assert.equal((await sealed(t, id)).digests.sha256, sha256(bytes));
    },
  },
  {
    title: "Whatever is PUT after a seal changes nothing of it, by the first URL too",
    async run(t) {
      const bytes = randomBytes(UNIT);
      const id = await t.uploads.session(bytes.length);
      const first = await urlOf(t, id);
      const later = await urlOf(t, id);
      assert.equal(await put(later, bytes), 200);
      const { key } = await sealed(t, id);
      for (const url of [first, later, await urlOf(t, id)]) await put(url, randomBytes(UNIT));
      assert.deepEqual(await collect(t.blobs.read(key)), bytes);
      assert.equal((await sealed(t, id)).key, key);
      assert.equal(await originals(t), 1);
    },
  },
  {
    title:
      "Bytes that changed where they lay are never sealed: they go, and the session takes them again from the first",
    async run(t) {
      const bytes = randomBytes(UNIT);
      const id = await upload(t, bytes);
      await t.damage(id);
      assert.deepEqual(await seal(t, id), { kind: "damaged" });
      assert.equal(await originals(t), 0);
      assert.deepEqual(await receivedOf(t, id), { bytes: 0, complete: false });
      assert.equal((await sessionOf(t, id)).state, "open");
      assert.equal(await put(await urlOf(t, id), bytes), 200);
      assert.equal((await sealed(t, id)).digests.sha256, sha256(bytes));
    },
  },
  {
    title: "A seal makes no file once its bytes were dropped and others were sent",
    async run(t) {
      const id = await upload(t, randomBytes(UNIT));
      const overtaken = await sealed(t, id);
      await t.damage(id);
      assert.deepEqual(await seal(t, id), { kind: "damaged" });
      assert.equal(await put(await urlOf(t, id), randomBytes(UNIT)), 200);
      const newer = await sealed(t, id);
      assert.equal(await makesFile(t, id, overtaken), false);
      assert.equal(await makesFile(t, id, newer), true);
    },
  },
];

async function crc32cOf(bytes: Uint8Array): Promise<string> {
  const crc32c = (await DigestEngine.create()).crc32cAlone();
  crc32c.update(bytes);
  return crc32c.base64();
}

/** Runs the transaction that makes the file, as finalize does. */
async function makesFile({ uploads }: ArrivalsUnderTest, id: SessionId, { key, digests, fence }: Sealed) {
  const made = await uploads.catalogue.run(finalizeSession, {
    teamId: uploads.teamId,
    id,
    epoch: fence.writerEpoch,
    sha256: digests.sha256,
    blobKey: key,
    fileId: uploads.ids.next("file"),
    taskId: uploads.ids.next("task"),
  });
  return !isRefusal(made) && made.session !== null;
}
