import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import type { BlobArchive, BlobStore } from "./blob-store.ts";
import {
  bytesOf,
  CHUNK_BYTES,
  chunks,
  closable,
  collect,
  describeStore,
  FILE,
  type Guarantee,
  listed,
  OTHER,
  rejectsWith,
  SESSION,
  type Skip,
  sha256,
} from "./conformance-support.ts";
import { originalKey, storedKey, textKey } from "./keys.ts";

export interface BlobStoreUnderTest {
  readonly store: BlobStore;
  /** Of a backup, empty; on the store's own disk, if it has one that links. */
  readonly archive: BlobArchive;
}

type BlobGuarantee = Guarantee<BlobStoreUnderTest>;

/**
 * What every blob store does, sentence by sentence of the port: a folder, memory, or somebody else's bucket. `open`
 * gives a store of its own, empty, for each test. What takes an upload in pieces as well runs
 * segment-store.conformance.ts too.
 */
export function describeBlobStore(
  name: string,
  open: () => Promise<BlobStoreUnderTest>,
  options: { readonly skip: readonly Skip[] },
): void {
  const close = ({ store }: BlobStoreUnderTest) => store.close();
  describeStore(`blob store ${name}`, { open, close, skip: options.skip }, (guarantee) => {
    describePut(guarantee);
    describeReading(guarantee);
    describeListing(guarantee);
    describeLinking(guarantee);
  });
}

function describePut(guarantee: BlobGuarantee): void {
  guarantee("put stores the stream exactly, an empty one too", async ({ store }) => {
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

  guarantee("put replaces nothing, and lets the unwanted stream go", async ({ store }) => {
    const key = textKey(FILE, "task_1_1");
    await store.put(key, chunks("first"));
    const second = closable("second");
    await store.put(key, second);
    assert.ok(second.closed());
    assert.equal(String(await collect(store.read(key))), "first");
  });

  guarantee("puts of one key at the same time leave one of them, whole", async ({ store }) => {
    const key = textKey(FILE, "task_1_1");
    await Promise.all(
      [1, 2, 3, 4].map((n) => store.put(key, chunks(Buffer.alloc(50_000, n), Buffer.alloc(50_000, n)))),
    );
    const content = await collect(store.read(key));
    assert.equal(content.length, 100_000);
    assert.ok(content.every((byte) => byte === content[0]));
    assert.deepEqual(await listed(store), [{ kind: "text", file: FILE, build: "task_1_1", key }]);
  });

  guarantee("a stream that fails passes its own error on and leaves nothing behind", async ({ store }) => {
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

function describeReading(guarantee: BlobGuarantee): void {
  const key = textKey(FILE, "task_1_1");
  const content = bytesOf(7, 600_000);

  guarantee("a range is exactly its bytes, in chunks of at most 256 KiB", async ({ store }) => {
    await store.put(key, chunks(content));
    const ranges = [
      [0, 600_000],
      [0, 1],
      [599_999, 600_000],
      [262_143, 262_145],
      [100, 500_000],
      [5, 5],
      [600_000, 600_000],
    ] as const;
    for (const [start, end] of ranges) {
      const parts: Uint8Array[] = [];
      for await (const part of store.read(key, { start, end })) parts.push(part);
      assert.ok(parts.every((part) => part.byteLength > 0 && part.byteLength <= CHUNK_BYTES));
      assert.deepEqual(Buffer.concat(parts), content.subarray(start, end), `[${start}, ${end})`);
    }
  });

  guarantee(
    "an absent blob has no size and is missing to readers, and a range beyond its end is damaged",
    async ({ store }) => {
      assert.equal(await store.size(key), null);
      await rejectsWith("missing", collect(store.read(key)));
      await rejectsWith("missing", collect(store.read(key, { start: 0, end: 1 })));
      await store.put(key, chunks("abc"));
      await rejectsWith("damaged", collect(store.read(key, { start: 1, end: 4 })));
    },
  );

  guarantee("a reader may keep, or write into, the chunks it was given, and may leave early", async ({ store }) => {
    await store.put(key, chunks(content));
    const kept: Uint8Array[] = [];
    for await (const chunk of store.read(key)) kept.push(chunk);
    assert.deepEqual(Buffer.concat(kept), content);
    for (const chunk of kept) chunk.fill(0);
    for await (const _ of store.read(key)) break;
    assert.deepEqual(await collect(store.read(key)), content);
  });

  guarantee("200 readers at once all read the same bytes", async ({ store }) => {
    await store.put(key, chunks(content));
    const expected = sha256(content);
    const readers = Array.from({ length: 200 }, async () => {
      const hash = createHash("sha256");
      for await (const chunk of store.read(key)) hash.update(chunk);
      return hash.digest("hex");
    });
    assert.deepEqual(new Set(await Promise.all(readers)), new Set([expected]));
  });

  guarantee("a key that was stored as text names the same blob", async ({ store }) => {
    await store.put(key, chunks("abc"));
    assert.equal(await store.size(storedKey(String(key))), 3);
  });

  guarantee("check says how much room there is, or that there is no limit", async ({ store }) => {
    const { freeBytes, totalBytes } = await store.check();
    assert.ok(freeBytes === null || (freeBytes > 0 && totalBytes !== null && totalBytes >= freeBytes));
  });
}

function describeListing(guarantee: BlobGuarantee): void {
  guarantee("list shows every original and text, once, and nothing else", async ({ store }) => {
    const { original, other, text } = await populate(store);
    assert.deepEqual(await listed(store), [
      { kind: "original", session: SESSION, key: original },
      { kind: "original", session: OTHER, key: other },
      { kind: "text", file: FILE, build: "task_1_1", key: text },
    ]);
  });

  guarantee("list goes on where a page ended, also when what stood there is gone by then", async ({ store }) => {
    const keys = Array.from({ length: 1100 }, (_, n) => textKey(FILE, `task_${n}_1`));
    for (const key of keys) await store.put(key, chunks("page"));
    const found: string[] = [];
    let pages = 0;
    for (let after: string | null = null, more = true; more; pages++) {
      const page = await store.list("text", after);
      assert.ok(page.entries.length < keys.length, "a page is bounded");
      for (const entry of page.entries) {
        if (entry.kind === "text") found.push(entry.key);
        await store.removeEntry(entry);
      }
      after = page.next;
      more = after !== null;
    }
    assert.ok(pages > 1);
    assert.deepEqual(found.sort(), [...keys].sort());
    for (const area of ["segments", "originals"] as const)
      assert.deepEqual(await store.list(area, null), { entries: [], next: null });
  });

  guarantee("removing a blob removes it alone, and twice is once; it can be put again", async ({ store }) => {
    const { original, other, text } = await populate(store);
    await store.remove(original);
    await store.remove(original);
    assert.equal(await store.size(original), null);
    await rejectsWith("missing", collect(store.read(original)));
    assert.deepEqual([await store.size(other), await store.size(text)], [6, 4]);
    assert.equal((await listed(store)).length, 2);
    await store.put(original, chunks("content"));
    assert.equal(String(await collect(store.read(original))), "content");
  });

  guarantee("every entry that list shows can be removed, and removing it again is done", async ({ store }) => {
    await populate(store);
    const entries = await listed(store);
    for (const entry of entries) {
      await store.removeEntry(entry);
      await store.removeEntry(entry);
    }
    assert.equal(entries.length, 3);
    assert.deepEqual(await listed(store), []);
  });
}

function describeLinking(guarantee: BlobGuarantee): void {
  guarantee("an absent blob is not linked into an archive", async ({ store, archive }) => {
    const absent = textKey(FILE, "task_1_1");
    assert.ok(["missing", "elsewhere"].includes(await store.linkInto(archive, absent)));
    await rejectsWith("missing", collect(archive.read(absent)));
  });

  guarantee("a blob that is linked into an archive outlives its removal there and here", async ({ store, archive }) => {
    const { original, text } = await populate(store);
    const how = await store.linkInto(archive, original);
    assert.ok(how === "linked" || how === "elsewhere");
    await store.remove(original);
    if (how === "elsewhere") return rejectsWith("missing", collect(archive.read(original)));
    await archive.sync();
    assert.equal(String(await collect(archive.read(original))), "content");
    await rejectsWith("missing", collect(archive.read(text)));
  });
}

async function populate(store: BlobStore) {
  const original = originalKey(SESSION, sha256("content"));
  const other = originalKey(OTHER, sha256("theirs"));
  const text = textKey(FILE, "task_1_1");
  await store.put(original, chunks("content"));
  await store.put(other, chunks("theirs"));
  await store.put(text, chunks("page"));
  return { original, other, text };
}
