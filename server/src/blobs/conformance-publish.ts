import assert from "node:assert/strict";
import type { SegmentRef } from "./blob-store.ts";
import {
  bytesOf,
  chunks,
  collect,
  listed,
  rejectsWith,
  SESSION,
  type SegmentGuarantee,
  sha256,
  writeSegment,
  writeSegments,
} from "./conformance-support.ts";
import { originalKey } from "./keys.ts";

/** The conformance suite's part about publishing. */

const CASES: readonly (readonly [string, readonly SegmentRef[]])[] = [
  ["one whole segment", [{ epoch: 1, bytes: 300_000 }]],
  ["the recorded part of a longer segment", [{ epoch: 1, bytes: 262_144 }]],
  [
    "several segments, some in part",
    [
      { epoch: 1, bytes: 262_144 },
      { epoch: 2, bytes: 300_000 },
      { epoch: 5, bytes: 17 },
    ],
  ],
  [
    "a whole segment beside empty ones",
    [
      { epoch: 1, bytes: 0 },
      { epoch: 2, bytes: 300_000 },
    ],
  ],
];

export function describePublish(guarantee: SegmentGuarantee): void {
  for (const [what, segments] of CASES) {
    guarantee(`publish makes a blob of exactly the recorded bytes: ${what}`, async (store) => {
      const { content, key } = await writeSegments(store, segments);
      await store.publish(SESSION, segments, key);
      assert.equal(await store.size(key), content.length);
      assert.deepEqual(await collect(store.read(key)), content);
    });

    guarantee(`publish consumes nothing and may be repeated, at the same time too: ${what}`, async (store) => {
      const { content, key } = await writeSegments(store, segments);
      await Promise.all(Array.from({ length: 8 }, () => store.publish(SESSION, segments, key)));
      await store.publish(SESSION, segments, key);
      assert.deepEqual(await collect(store.readSegments(SESSION, segments)), content);
      assert.deepEqual(await collect(store.read(key)), content);
      const entries = await listed(store);
      assert.deepEqual(entries.filter((entry) => entry.kind === "original").length, 1);
      assert.deepEqual(entries.filter((entry) => entry.kind === "temporary").length, 0);
    });

    guarantee(`a blob outlives its segments, and publishing it again is still harmless: ${what}`, async (store) => {
      const { content, key } = await writeSegments(store, segments);
      await store.publish(SESSION, segments, key);
      await store.removeSegments(SESSION);
      await store.publish(SESSION, segments, key);
      assert.deepEqual(await collect(store.read(key)), content);
    });
  }
}

export function describePublishLimits(guarantee: SegmentGuarantee): void {
  guarantee("a blob never changes, even when its segment's writer goes on after the publish", async (store) => {
    const writer = await store.beginSegment(SESSION, 1);
    await writer.append([Buffer.from("recorded")]);
    await writer.sync();
    const key = originalKey(SESSION, sha256("recorded"));
    await store.publish(SESSION, [{ epoch: 1, bytes: 8 }], key);
    await writer.append([Buffer.from(" and more")]);
    await writer.sync();
    await writer.close();
    assert.equal(String(await collect(store.read(key))), "recorded");
    assert.equal(await store.size(key), 8);
  });

  guarantee(
    "publish refuses absent segments as missing and short ones as damaged, and shows nothing under the key",
    async (store) => {
      const key = originalKey(SESSION, sha256("never"));
      await writeSegment(store, SESSION, 1, bytesOf(1, 100));
      const absent = { epoch: 9, bytes: 10 };
      await rejectsWith("missing", store.publish(SESSION, [absent], key));
      await rejectsWith("missing", store.publish(SESSION, [{ epoch: 1, bytes: 100 }, absent], key));
      await rejectsWith("damaged", store.publish(SESSION, [{ epoch: 1, bytes: 101 }], key));
      assert.equal(await store.size(key), null);
      assert.deepEqual(await listed(store), [{ kind: "segment", session: SESSION, epoch: 1, bytes: 100 }]);
    },
  );

  guarantee("publish refuses a key that holds another length as damaged, and leaves it", async (store) => {
    const key = originalKey(SESSION, sha256("key"));
    await store.put(key, chunks("short"));
    await writeSegment(store, SESSION, 1, Buffer.from("longer"));
    await writeSegment(store, SESSION, 2, Buffer.from("er"));
    await rejectsWith("damaged", store.publish(SESSION, [{ epoch: 1, bytes: 6 }], key));
    const both = [
      { epoch: 1, bytes: 6 },
      { epoch: 2, bytes: 2 },
    ];
    await rejectsWith("damaged", store.publish(SESSION, both, key));
    assert.equal(String(await collect(store.read(key))), "short");
  });
}
