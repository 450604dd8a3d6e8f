import assert from "node:assert/strict";
import type { SegmentRef } from "./blob-store.ts";
import {
  bytesOf,
  chunks,
  closable,
  collect,
  FILE,
  type Guarantee,
  listed,
  rejectsWith,
  SESSION,
  sha256,
  writeSegment,
  writeSegments,
} from "./conformance-support.ts";
import { originalKey, textKey } from "./keys.ts";

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

export function describePublish(guarantee: Guarantee): void {
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

export function describePublishLimits(guarantee: Guarantee): void {
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

export function describePut(guarantee: Guarantee): void {
  guarantee("put stores the stream exactly, an empty one too", async (store) => {
    const text = textKey(FILE, "task_1_1");
    await store.put(text, chunks("page one\n", "", "page two\n"));
    assert.equal(String(await collect(store.read(text))), "page one\npage two\n");
    const empty = textKey(FILE, "task_1_2");
    await store.put(empty, chunks());
    assert.equal(await store.size(empty), 0);
    assert.equal((await collect(store.read(empty))).length, 0);
    const large = textKey(FILE, "task_1_3");
    await store.put(large, chunks(...Array.from({ length: 40 }, (_, n) => bytesOf(n, 20_000))));
    assert.deepEqual(
      await collect(store.read(large)),
      Buffer.concat(Array.from({ length: 40 }, (_, n) => bytesOf(n, 20_000))),
    );
  });

  guarantee("put replaces nothing, and lets the unwanted stream go", async (store) => {
    const key = textKey(FILE, "task_1_1");
    await store.put(key, chunks("first"));
    const second = closable("second");
    await store.put(key, second);
    assert.ok(second.closed());
    assert.equal(String(await collect(store.read(key))), "first");
  });

  guarantee("puts of one key at the same time leave one of them, whole", async (store) => {
    const key = textKey(FILE, "task_1_1");
    await Promise.all(
      [1, 2, 3, 4].map((n) => store.put(key, chunks(Buffer.alloc(50_000, n), Buffer.alloc(50_000, n)))),
    );
    const content = await collect(store.read(key));
    assert.equal(content.length, 100_000);
    assert.ok(content.every((byte) => byte === content[0]));
    assert.deepEqual(await listed(store), [{ kind: "text", file: FILE, build: "task_1_1", key }]);
  });

  guarantee("a stream that fails passes its own error on and leaves nothing behind", async (store) => {
    const key = textKey(FILE, "task_1_1");
    const failure = new Error("the extractor died");
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield bytesOf(1, 400_000);
      throw failure;
    }
    await assert.rejects(store.put(key, broken()), (error) => error === failure);
    assert.equal(await store.size(key), null);
    assert.deepEqual(await listed(store), []);
    await store.put(key, chunks("again"));
    assert.equal(String(await collect(store.read(key))), "again");
  });
}
