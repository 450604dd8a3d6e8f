import assert from "node:assert/strict";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { LIMITS } from "../limits.ts";
import type { IndexedChunk } from "../search-index/search-index.ts";
import { ChunkSpool } from "./chunk-spool.ts";

test("chunks come back in order, complete and in batches, whether they fit into memory or not", async () => {
  const folder = await mkdtemp(join(tmpdir(), "wharf-spool-"));
  const counts = [0, 1, LIMITS.chunksPerWrite - 1, LIMITS.chunksPerWrite, LIMITS.chunksPerWrite + 1, 1234];
  try {
    for (const memoryChars of [0, 5000, LIMITS.chunkSpoolChars]) {
      for (const count of counts) {
        const spool = new ChunkSpool({ folder, name: "build", memoryChars });
        const chunks = Array.from({ length: count }, (_, i) => chunk(i));
        for (let i = 0; i < count; i += 7) await spool.add(chunks.slice(i, i + 7));
        const read: IndexedChunk[] = [];
        for await (const batch of spool.read()) {
          assert.ok(batch.length <= LIMITS.chunksPerWrite);
          read.push(...batch);
        }
        assert.deepEqual(
          read,
          chunks.map((each, position) => ({ position, ...each })),
          `${count} in ${memoryChars}`,
        );
        assert.equal(spool.count, count);
        assert.deepEqual(await readdir(folder), [], "the spool's file has a name");
        await spool.close();
      }
    }
  } finally {
    await rm(folder, { recursive: true });
  }
});

function chunk(i: number) {
  const text = `line ${i}\nwith "quotes" \u2028 and 😀`;
  return { page: (i % 9) + 1, charStart: i, charEnd: i + text.length, text, tokens: `lin ${i}` };
}
