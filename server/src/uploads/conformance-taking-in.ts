import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { collect } from "../blobs/conformance-support.ts";
import { type ArrivalsUnderTest, type Case, originals, sha256, tidyAll, UNIT } from "./conformance-arrivals.ts";

const NOBODY_LEAVES = new AbortController().signal;

async function* inPieces(bytes: Uint8Array, pieceBytes: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += pieceBytes) yield bytes.subarray(at, at + pieceBytes);
}

function newUpload(t: ArrivalsUnderTest, mostBytes: number) {
  return { id: t.uploads.ids.next("sess"), teamId: t.uploads.teamId, mostBytes };
}

/** Bytes that come with the request itself (CON-2): there is no row that names them until they are an original. */
export const TAKING_IN: readonly Case[] = [
  {
    title: "What is taken in is the original of its bytes, durable, with all digests",
    async run(t) {
      const bytes = randomBytes(2 * UNIT + 7);
      const upload = newUpload(t, bytes.length);
      const taken = await t.arrivals.takeIn(upload, inPieces(bytes, 60_000), NOBODY_LEAVES);
      assert.equal(taken.sizeBytes, bytes.length);
      assert.equal(taken.digests.sha256, sha256(bytes));
      const { md5Base64, crc32cBase64 } = t.uploads.digests.finish(
        t.uploads.digests.update(t.uploads.digests.empty(), bytes),
      );
      assert.deepEqual([taken.digests.md5, taken.digests.crc32c], [md5Base64, crc32cBase64]);
      await t.cutPower();
      assert.equal(sha256(await collect(t.blobs.read(taken.key))), sha256(bytes));
    },
  },
  {
    title:
      "What is taken in is busy until its discard, and no garbage meanwhile; the discard leaves the original alone",
    async run(t) {
      const upload = newUpload(t, 100);
      const begun = Promise.withResolvers<void>();
      const rest = Promise.withResolvers<void>();
      const taking = t.arrivals.takeIn(
        upload,
        (async function* () {
          yield randomBytes(50);
          begun.resolve();
          await rest.promise;
          yield randomBytes(50);
        })(),
        NOBODY_LEAVES,
      );
      await begun.promise;
      assert.ok(t.arrivals.busy().includes(upload.id), "while it comes");
      assert.equal((await tidyAll(t, true)).garbage, 0);
      rest.resolve();
      const { key } = await taking;
      assert.ok(t.arrivals.busy().includes(upload.id), "until its file is made");
      assert.equal((await tidyAll(t, true)).garbage, 0);
      await t.arrivals.discard(upload.id);
      assert.ok(!t.arrivals.busy().includes(upload.id));
      assert.equal(await t.leftovers(upload.id), 0);
      assert.equal(await t.blobs.size(key), 100);
    },
  },
  {
    title: "What ends in the middle passes through, publishes nothing, and is gone after its discard",
    async run(t) {
      const upload = newUpload(t, UNIT);
      const failure = new Error("the client left");
      const content = (async function* () {
        yield randomBytes(UNIT);
        throw failure;
      })();
      await assert.rejects(t.arrivals.takeIn(upload, content, NOBODY_LEAVES), (error) => error === failure);
      assert.equal(await originals(t), 0);
      await t.arrivals.discard(upload.id);
      assert.equal(await t.leftovers(upload.id), 0);
      assert.ok(!t.arrivals.busy().includes(upload.id));
    },
  },
  {
    title: "What a process that died had taken in is garbage, unless a file names it",
    async run(t) {
      const upload = newUpload(t, UNIT);
      const never = Promise.withResolvers<never>();
      const begun = Promise.withResolvers<void>();
      const taking = t.arrivals
        .takeIn(
          upload,
          (async function* () {
            yield randomBytes(UNIT);
            begun.resolve();
            await never.promise;
          })(),
          NOBODY_LEAVES,
        )
        .catch(() => {});
      await begun.promise;
      await t.reopen();
      never.reject(new Error("it died"));
      await taking;
      await tidyAll(t, true);
      assert.equal(await t.leftovers(upload.id), 0);
    },
  },
];
