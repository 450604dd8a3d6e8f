import assert from "node:assert/strict";
import type { SegmentedStore } from "./blob-store.ts";
import { describePublish, describePublishLimits } from "./conformance-publish.ts";
import {
  bytesOf,
  CHUNK_BYTES,
  collect,
  describeStore,
  listed,
  OTHER,
  rejectsWith,
  SESSION,
  type SegmentGuarantee,
  type Skip,
  segmentLengths,
  segmentsOf,
  sha256,
  writeSegment,
} from "./conformance-support.ts";
import { originalKey } from "./keys.ts";

/**
 * What every store does that our own byte end-point writes into, sentence by sentence of SegmentStore; as a store of
 * blobs it runs blob-store.conformance.ts too. `open` gives a store of its own, empty, for each test.
 */
export function describeSegmentStore(
  name: string,
  open: () => Promise<SegmentedStore>,
  options: { readonly skip: readonly Skip[] },
): void {
  const close = (store: SegmentedStore) => store.close();
  describeStore(`segment store ${name}`, { open, close, skip: options.skip }, (guarantee) => {
    describeSegments(guarantee);
    describeSegmentReading(guarantee);
    describePublish(guarantee);
    describePublishLimits(guarantee);
    describeRemoval(guarantee);
  });
}

function describeSegments(guarantee: SegmentGuarantee): void {
  guarantee("a segment holds exactly what was appended, in order, also when appends are not awaited", async (store) => {
    const writer = await store.beginSegment(SESSION, 1);
    const parts = [bytesOf(1, 10), bytesOf(2, 300_000), bytesOf(3, 1), bytesOf(4, 70_000)];
    await Promise.all(parts.map((part) => writer.append([part])));
    await writer.append([]);
    await writer.append([new Uint8Array(0), bytesOf(5, 5), bytesOf(6, 6)]);
    await writer.sync();
    await writer.close();
    const expected = Buffer.concat([...parts, bytesOf(5, 5), bytesOf(6, 6)]);
    assert.deepEqual(await collect(store.readSegments(SESSION, [{ epoch: 1, bytes: expected.length }])), expected);
  });

  guarantee("an appended buffer may be used again once append resolved", async (store) => {
    const writer = await store.beginSegment(SESSION, 1);
    const buffer = Buffer.from("first");
    await writer.append([buffer]);
    buffer.write("other");
    await writer.sync();
    await writer.close();
    assert.equal(String(await collect(store.readSegments(SESSION, [{ epoch: 1, bytes: 5 }]))), "first");
  });

  guarantee(
    "more can be appended and synced after a sync, and what was synced can be read meanwhile",
    async (store) => {
      const writer = await store.beginSegment(SESSION, 1);
      for (const part of ["one ", "two ", "three"]) {
        await writer.append([Buffer.from(part)]);
        await writer.sync();
        assert.equal(String(await collect(store.readSegments(SESSION, [{ epoch: 1, bytes: 4 }]))), "one ");
      }
      await writer.close();
      assert.equal(String(await collect(store.readSegments(SESSION, [{ epoch: 1, bytes: 13 }]))), "one two three");
    },
  );

  guarantee("an epoch that already wrote is refused with exists, and loses nothing", async (store) => {
    await writeSegment(store, SESSION, 1, Buffer.from("kept"));
    await rejectsWith("exists", store.beginSegment(SESSION, 1));
    await writeSegment(store, SESSION, 2, Buffer.from("next"));
    await writeSegment(store, OTHER, 1, Buffer.from("theirs"));
    assert.equal(String(await collect(store.readSegments(SESSION, [{ epoch: 1, bytes: 4 }]))), "kept");
  });

  guarantee("two epochs that write at once never mix", async (store) => {
    const writers = await Promise.all([1, 2].map((epoch) => store.beginSegment(SESSION, epoch)));
    for (let round = 0; round < 20; round++)
      await Promise.all(writers.map((writer, index) => writer.append([Buffer.alloc(1000, index + 1)])));
    await Promise.all(writers.map((writer) => writer.sync()));
    await Promise.all(writers.map((writer) => writer.close()));
    for (const epoch of [1, 2])
      assert.deepEqual(
        await collect(store.readSegments(SESSION, [{ epoch, bytes: 20_000 }])),
        Buffer.alloc(20_000, epoch),
      );
  });

  guarantee("a closed writer can be closed again and takes nothing more", async (store) => {
    const writer = await store.beginSegment(SESSION, 1);
    await writer.close();
    await writer.close();
    await rejectsWith("unavailable", writer.append([Buffer.from("late")]));
    await rejectsWith("unavailable", writer.sync());
  });
}

function describeSegmentReading(guarantee: SegmentGuarantee): void {
  guarantee(
    "segments are read as one stream of their first bytes, in the order given, in chunks of at most 256 KiB",
    async (store) => {
      await writeSegment(store, SESSION, 1, bytesOf(1, 600_000));
      await writeSegment(store, SESSION, 3, bytesOf(3, 300_000));
      const segments = [
        { epoch: 1, bytes: 524_288 },
        { epoch: 3, bytes: 299_999 },
      ];
      const chunks: Uint8Array[] = [];
      for await (const chunk of store.readSegments(SESSION, segments)) chunks.push(chunk);
      assert.ok(chunks.every((chunk) => chunk.byteLength > 0 && chunk.byteLength <= CHUNK_BYTES));
      const expected = [bytesOf(1, 600_000).subarray(0, 524_288), bytesOf(3, 300_000).subarray(0, 299_999)];
      assert.deepEqual(Buffer.concat(chunks), Buffer.concat(expected));
      assert.equal((await collect(store.readSegments(SESSION, []))).length, 0);
    },
  );

  guarantee("reading an absent segment is missing, a short one damaged", async (store) => {
    await rejectsWith("missing", collect(store.readSegments(SESSION, [{ epoch: 1, bytes: 1 }])));
    await writeSegment(store, SESSION, 1, bytesOf(1, 10));
    await rejectsWith("missing", collect(store.readSegments(SESSION, [{ epoch: 2, bytes: 1 }])));
    await rejectsWith("damaged", collect(store.readSegments(SESSION, [{ epoch: 1, bytes: 11 }])));
  });
}

function describeRemoval(guarantee: SegmentGuarantee): void {
  guarantee(
    "list shows every segment with its length, beside what was published of it, and each can be removed",
    async (store) => {
      const { original } = await populate(store);
      const entries = await listed(store);
      assert.deepEqual(entries, [
        { kind: "original", session: SESSION, key: original },
        { kind: "segment", session: SESSION, epoch: 1, bytes: 7 },
        { kind: "segment", session: SESSION, epoch: 12, bytes: 3 },
        { kind: "segment", session: OTHER, epoch: 1, bytes: 5 },
      ]);
      for (const entry of entries) {
        await store.removeEntry(entry);
        await store.removeEntry(entry);
      }
      assert.deepEqual(await listed(store), []);
    },
  );

  guarantee("a blob that was removed is published again from segments that are still there", async (store) => {
    const { original } = await populate(store);
    await store.remove(original);
    assert.equal(await store.size(original), null);
    await store.publish(SESSION, [{ epoch: 1, bytes: 7 }], original);
    assert.equal(String(await collect(store.read(original))), "content");
  });

  guarantee("removing segments takes the session's, or the epochs asked for, and no other session's", async (store) => {
    const { original } = await populate(store);
    await store.removeSegments(SESSION, (epoch) => epoch > 1);
    assert.deepEqual(await segmentsOf(store), [`${SESSION}.1`, `${OTHER}.1`]);
    await store.removeSegments(SESSION);
    await store.removeSegments(SESSION);
    assert.deepEqual(await segmentsOf(store), [`${OTHER}.1`]);
    assert.equal(String(await collect(store.read(original))), "content");
  });

  guarantee("a segment is cut back to its first bytes, which stay; to none it is gone", async (store) => {
    await writeSegment(store, SESSION, 1, bytesOf(1, 300_000));
    await writeSegment(store, SESSION, 2, bytesOf(2, 300_000));
    await writeSegment(store, OTHER, 1, Buffer.from("their"));
    for (const bytes of [262_144, 262_144, 300_000, 100_000]) await store.cutSegment(SESSION, 1, bytes);
    await store.cutSegment(SESSION, 2, 0);
    assert.deepEqual(await segmentLengths(store), [
      [`${SESSION}.1`, 100_000],
      [`${OTHER}.1`, 5],
    ]);
    assert.deepEqual(
      await collect(store.readSegments(SESSION, [{ epoch: 1, bytes: 100_000 }])),
      bytesOf(1, 300_000).subarray(0, 100_000),
    );
    await rejectsWith("damaged", collect(store.readSegments(SESSION, [{ epoch: 1, bytes: 100_001 }])));
  });

  guarantee("cutting a segment that is not there, or gone by now, is done", async (store) => {
    for (const bytes of [0, 1, 5]) await store.cutSegment(SESSION, 1, bytes);
    assert.deepEqual(await listed(store), []);
  });

  guarantee("a blob keeps its bytes whatever is cut of the segment that it was made of", async (store) => {
    const { original } = await populate(store);
    for (const bytes of [3, 0]) {
      await store.cutSegment(SESSION, 1, bytes);
      assert.equal(await store.size(original), 7);
      assert.equal(String(await collect(store.read(original))), "content");
    }
    assert.deepEqual(await segmentsOf(store), [`${SESSION}.12`, `${OTHER}.1`]);
  });

  guarantee("a blob of a segment that was cut holds what is left of it", async (store) => {
    const left = bytesOf(1, 300_000).subarray(0, 262_144);
    await writeSegment(store, SESSION, 1, bytesOf(1, 300_000));
    await store.cutSegment(SESSION, 1, left.length);
    const key = originalKey(SESSION, sha256(left));
    await store.publish(SESSION, [{ epoch: 1, bytes: left.length }], key);
    assert.deepEqual(await collect(store.read(key)), left);
  });

  guarantee("a writer whose segment was removed meanwhile disturbs nobody", async (store) => {
    const writer = await store.beginSegment(SESSION, 1);
    await writer.append([Buffer.from("old")]);
    await writer.sync();
    await store.removeSegments(SESSION);
    await writer.append([Buffer.from("older")]);
    await writer.sync();
    await writer.close();
    assert.deepEqual(await segmentsOf(store), []);
  });
}

async function populate(store: SegmentedStore) {
  const original = originalKey(SESSION, sha256("content"));
  await writeSegment(store, SESSION, 1, Buffer.from("content"));
  await writeSegment(store, SESSION, 12, Buffer.from("etc"));
  await writeSegment(store, OTHER, 1, Buffer.from("their"));
  await store.publish(SESSION, [{ epoch: 1, bytes: 7 }], original);
  return { original };
}
