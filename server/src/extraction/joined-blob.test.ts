import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { JoinedBlob } from "./joined-blob.ts";

// As in a child: `Blob` is then another class than the one that Node's own blobs are of.
const NodeBlob = Blob;
before(() => {
  globalThis.Blob = JoinedBlob;
});
after(() => {
  globalThis.Blob = NodeBlob;
});

test("a joined blob holds what Node's own does, whatever its parts are", async () => {
  const bytes = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);
  const parts = ["Grüße", "\n", bytes, bytes.subarray(1, 3), bytes.buffer, new DataView(bytes.buffer, 4, 2)];
  for (const some of [[], parts, [...parts, new NodeBlob(["inner"])], [new JoinedBlob(["inner"])]]) {
    const options = { type: "text/plain" };
    const [own, joined] = [new NodeBlob(some, options), new JoinedBlob(some, options)];
    assert.deepEqual(await joined.bytes(), await own.bytes());
    assert.deepEqual([joined.size, joined.type], [own.size, own.type]);
  }
});
