import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtemp, open, rm, truncate } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import fc from "fast-check";
import { type BlobKey, type BlobStore, BlobStoreError } from "../blobs/blob-store.ts";
import { openFsBlobStore } from "../blobs/fs.ts";
import { blobPath } from "../blobs/fs-layout.ts";
import { originalKey } from "../blobs/keys.ts";
import { openMemoryBlobStore } from "../blobs/memory.ts";
import { testBudgets } from "../fairness/test-budgets.ts";
import { ClientGoneError } from "../fairness/turns.ts";
import { brandId, createIdSource } from "../ids.ts";
import { LIMITS } from "../limits.ts";
import { BlobDamagedError, type BlobReader, type VerifiableBlob, VerifiedBlobs } from "./verified-blob.ts";

const PIECE = 256 * 1024;
const ids = createIdSource({ now: () => 1_700_000_000_000 });

let folder: string;
let store: BlobStore;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "wharf-verified-"));
  store = await openFsBlobStore({ root: join(folder, "blobs") });
});
after(() => rm(folder, { recursive: true, force: true }));

/** Bytes that differ everywhere, so that a shifted piece is another one. */
function sample(bytes: number): Buffer {
  const words = new Uint32Array(Math.ceil(bytes / 4));
  for (let i = 0; i < words.length; i++) words[i] = Math.imul(i + 1, 2_654_435_761);
  return Buffer.from(words.buffer, 0, bytes);
}

async function stored(into: BlobStore, bytes: Buffer): Promise<VerifiableBlob> {
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  const key = originalKey(ids.next("sess"), sha256);
  await into.put(key, oneByOne(bytes, 100_000));
  return { key, sizeBytes: bytes.byteLength, sha256 };
}

async function* oneByOne(bytes: Uint8Array, chunk: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.byteLength; at += chunk) yield bytes.subarray(at, at + chunk);
}

async function collect(stream: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function flip(blob: VerifiableBlob, at: number): Promise<void> {
  const file = await open(join(folder, "blobs", blobPath(blob.key)), "r+");
  const byte = Buffer.alloc(1);
  await file.read(byte, 0, 1, at);
  await file.write(Buffer.of((byte[0] ?? 0) ^ 1), 0, 1, at);
  await file.close();
}

function verifiedBlobs(blobs: BlobStore, remembered: number): VerifiedBlobs {
  return new VerifiedBlobs(blobs, { remembered, turns: testBudgets().pieces });
}

const readerOf = (team: string, gone = new AbortController().signal): BlobReader => ({
  by: { teamId: brandId("team", `team_${team}`), keyId: null },
  gone,
});
const READER = readerOf("a");

const whole = (blob: VerifiableBlob) => ({ start: 0, end: blob.sizeBytes });

describe("a verified blob", () => {
  for (const size of [1, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE, 3 * PIECE + 7])
    test(`of ${size} bytes is read whole, first and again`, async () => {
      const bytes = sample(size);
      const blob = await stored(store, bytes);
      const verified = verifiedBlobs(store, 10);
      for (let read = 0; read < 2; read++)
        assert.ok((await collect(await verified.open(blob, whole(blob), READER))).equals(bytes));
    });

  test("that nobody has read before is hashed once, however many begin at once, and each of them is told what is wrong", async () => {
    const bytes = sample(2 * PIECE);
    const blob = await stored(store, bytes);
    let wholeReads = 0;
    const counting: BlobStore = {
      ...openMemoryBlobStore(),
      read: (key, part) => {
        if (part === undefined) wholeReads += 1;
        return store.read(key, part);
      },
    };
    const verified = verifiedBlobs(counting, 10);
    const read = async () => collect(await verified.open(blob, whole(blob), READER));
    for (const found of await Promise.all([read(), read(), read()])) assert.ok(found.equals(bytes));
    assert.equal(wholeReads, 1);
    await flip(blob, PIECE + 1);
    const forgetful = verifiedBlobs(counting, 10);
    const refused = () => assert.rejects(forgetful.open(blob, whole(blob), READER), BlobDamagedError);
    await Promise.all([refused(), refused()]);
    assert.equal(wholeReads, 2);
    await refused();
    assert.equal(wholeReads, 3);
  });

  test("gives exactly the range, whatever chunks its store reads in", async () => {
    const bytes = sample(3 * PIECE + 1000);
    const blob = await stored(store, bytes);
    const offset = fc.oneof(fc.nat(bytes.length - 1), fc.constantFrom(PIECE - 1, PIECE, PIECE + 1, 2 * PIECE));
    const range = fc.tuple(offset, offset).map(([a, b]) => ({ start: Math.min(a, b), end: Math.max(a, b) + 1 }));
    await fc.assert(
      fc.asyncProperty(range, fc.integer({ min: 1, max: 3 * PIECE }), async (wanted, chunk) => {
        const chunky: BlobStore = {
          ...openMemoryBlobStore(),
          read: (_key, part) => oneByOne(bytes.subarray(part?.start ?? 0, part?.end), Math.max(chunk, 5000)),
        };
        const verified = verifiedBlobs(chunky, 1);
        for (let read = 0; read < 2; read++)
          assert.ok(
            (await collect(await verified.open(blob, wanted, READER))).equals(bytes.subarray(wanted.start, wanted.end)),
          );
      }),
      { numRuns: 60 },
    );
  });
});

describe("pieces are read in turns", () => {
  test("a team reads few at once, however many it asked for, and another's are read beside them", async () => {
    const { blob, store: held } = await heldStore();
    const verified = verifiedBlobs(held, 10);
    held.open();
    await collect(await verified.open(blob, whole(blob), READER));
    held.shut();
    const loud = Array.from({ length: 20 }, () => verified.open(blob, whole(blob), READER));
    await held.until(LIMITS.piecesOfTeam);
    const quiet = verified.open(blob, whole(blob), readerOf("b"));
    await held.until(LIMITS.piecesOfTeam + 1);
    held.open();
    await Promise.all([...loud, quiet]);
    assert.equal(held.most, LIMITS.piecesOfTeam + 1);
  });

  test("what is checked for a client that has left goes no further", async () => {
    const { blob, store: held } = await heldStore();
    const verified = verifiedBlobs(held, 10);
    held.open();
    await collect(await verified.open(blob, whole(blob), READER));
    const before = held.reads;
    await assert.rejects(verified.open(blob, whole(blob), readerOf("a", AbortSignal.abort())), ClientGoneError);
    assert.equal(held.reads, before);
  });
});

/** A store whose reads wait until it is open, and which counts them. */
async function heldStore() {
  const blob = await stored(store, sample(2 * PIECE));
  let gate = Promise.withResolvers<void>();
  let waiting = 0;
  const changed = new EventTarget();
  const held = {
    ...openMemoryBlobStore(),
    most: 0,
    reads: 0,
    open: () => gate.resolve(),
    shut: () => {
      gate = Promise.withResolvers<void>();
    },
    async until(count: number): Promise<void> {
      while (waiting < count) await new Promise((resolve) => changed.addEventListener("read", resolve, { once: true }));
    },
    async *read(key: BlobKey, part?: { readonly start: number; readonly end: number }) {
      held.reads++;
      held.most = Math.max(held.most, ++waiting);
      changed.dispatchEvent(new Event("read"));
      await gate.promise;
      waiting--;
      yield* store.read(key, part);
    },
  };
  return { blob, store: held };
}

describe("no damaged byte is given", () => {
  test("when a byte changed before the first read: there is an error, and no stream", async () => {
    const blob = await stored(store, sample(2 * PIECE));
    await flip(blob, 2 * PIECE - 1);
    const verified = verifiedBlobs(store, 10);
    await assert.rejects(verified.open(blob, { start: 0, end: 1 }, READER), BlobDamagedError);
    await assert.rejects(verified.open(blob, whole(blob), READER), BlobDamagedError);
  });

  test("when a byte changed after the blob was verified: the next read of its piece finds out", async () => {
    const blob = await stored(store, sample(3 * PIECE));
    const verified = verifiedBlobs(store, 10);
    await collect(await verified.open(blob, whole(blob), READER));
    await flip(blob, PIECE + 5);
    await assert.rejects(verified.open(blob, { start: 0, end: 3 * PIECE }, READER), BlobDamagedError);
    await assert.rejects(verified.open(blob, { start: PIECE + 100, end: PIECE + 101 }, READER), BlobDamagedError);
    // Pieces that did not change are good as they were.
    assert.equal((await collect(await verified.open(blob, { start: 0, end: 10 }, READER))).byteLength, 10);
  });

  test("when a byte changes while a slow reader is at it: the stream ends in an error before that piece", async () => {
    const bytes = sample(4 * PIECE);
    const blob = await stored(store, bytes);
    const verified = verifiedBlobs(store, 10);
    const stream = await verified.open(blob, whole(blob), READER);
    let received = 0;
    await assert.rejects(async () => {
      for await (const chunk of stream) {
        assert.ok(Buffer.from(chunk).equals(bytes.subarray(received, received + chunk.byteLength)));
        if (received === 0) await flip(blob, 3 * PIECE);
        received += chunk.byteLength;
      }
    }, BlobDamagedError);
    assert.equal(received, 3 * PIECE);
  });

  test("when the blob became shorter, longer or is gone", async () => {
    const verified = verifiedBlobs(store, 10);
    const shorter = await stored(store, sample(PIECE + 10));
    await truncate(join(folder, "blobs", blobPath(shorter.key)), PIECE);
    await assert.rejects(verified.open(shorter, whole(shorter), READER), BlobDamagedError);

    const longer = await stored(store, sample(PIECE + 11));
    await truncate(join(folder, "blobs", blobPath(longer.key)), PIECE + 20);
    await assert.rejects(verified.open(longer, whole(longer), READER), BlobDamagedError);

    const gone = await stored(store, sample(12));
    await collect(await verified.open(gone, whole(gone), READER));
    await store.remove(gone.key);
    await assert.rejects(verified.open(gone, whole(gone), READER), BlobStoreError);
  });
});

test("a range of a blob that is known reads its pieces alone, and the least recently used blob is forgotten first", async () => {
  const memory = openMemoryBlobStore();
  let bytesRead = 0;
  const counting: BlobStore = {
    ...memory,
    async *read(key, range) {
      for await (const chunk of memory.read(key, range)) {
        bytesRead += chunk.byteLength;
        yield chunk;
      }
    },
  };
  const verified = verifiedBlobs(counting, 2);
  const cost = async (blob: VerifiableBlob) => {
    bytesRead = 0;
    await collect(await verified.open(blob, { start: 10, end: 20 }, READER));
    return bytesRead;
  };
  const [a, b, c] = await Promise.all([1, 2, 3].map((extra) => stored(memory, sample(8 * PIECE + extra))));
  assert.ok(a !== undefined && b !== undefined && c !== undefined);
  assert.equal(await cost(a), a.sizeBytes + PIECE);
  assert.equal(await cost(a), 2 * PIECE);
  await cost(b);
  await cost(a);
  await cost(c);
  assert.equal(await cost(a), 2 * PIECE, "a was used after b");
  assert.equal(await cost(b), b.sizeBytes + PIECE, "b was forgotten");
});
