import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, before, test } from "node:test";
import { originalKey } from "../blobs/keys.ts";
import { textScript } from "./test-documents.ts";
import { openTestIndexing, type TestIndexing } from "./test-indexing.ts";
import { undamaged } from "./undamaged.ts";

let t: TestIndexing;
before(async () => {
  t = await openTestIndexing();
});
after(() => t.close());

async function* chunks(...parts: readonly string[]): AsyncGenerator<Uint8Array> {
  for (const part of parts) yield Buffer.from(part);
}

async function received(
  source: AsyncIterable<Uint8Array>,
): Promise<{ readonly text: string; readonly failed: boolean }> {
  let text = "";
  try {
    for await (const chunk of source) text += Buffer.from(chunk).toString();
    return { text, failed: false };
  } catch {
    return { text, failed: true };
  }
}

const sha = (text: string) => createHash("sha256").update(text).digest("hex");

test("sound bytes come through whole; of damaged ones the last chunk never does", async () => {
  assert.deepEqual(await received(undamaged(chunks("ab", "cd", "e"), sha("abcde"))), { text: "abcde", failed: false });
  assert.deepEqual(await received(undamaged(chunks("ab", "cX", "e"), sha("abcde"))), { text: "abcX", failed: true });
  assert.deepEqual(await received(undamaged(chunks("abcdX"), sha("abcde"))), { text: "", failed: true });
});

test("a damaged original is not indexed: its task waits, and goes on when the bytes are back (R7)", async () => {
  const file = await t.newFile("flipped.txt", textScript("flipped words"));
  const { sha256 } = await t.on.file(file.fileId);
  const key = originalKey(file.sessionId, sha256);
  await t.blobs.remove(key);
  await t.blobs.put(key, chunks("the 0riginal"));
  await t.workerWith().runOnce();
  const waiting = await t.on.task(file.taskId);
  assert.equal(waiting.state, "queued");
  assert.equal(waiting.faults, 0);
  assert.deepEqual(await t.staged("flipped"), []);

  await t.blobs.remove(key);
  await t.blobs.put(key, chunks("the original"));
  t.on.passMs(60_000);
  await t.workerWith().runOnce();
  assert.equal((await t.on.file(file.fileId)).state, "indexed");
});
