import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { FrameReader } from "./frame-reader.ts";
import { type ChildMessage, encodeFrame, ProtocolError } from "./protocol.ts";

const FRAMES: readonly (readonly [ChildMessage, string])[] = [
  [{ kind: "type", detected: "text/plain", titleTokens: "" }, ""],
  [{ kind: "page", page: 1, label: "ä" }, "Grüße 😀 von hier"],
  [{ kind: "chunks", ranges: [[0, 5, "gruss"]] }, ""],
  [{ kind: "page", page: 2, label: null }, ""],
  [{ kind: "done", again: true }, ""],
];
const BYTES = Buffer.concat(FRAMES.map(([message, text]) => encodeFrame(message, text)));
const WHOLE = FRAMES.map(([message, text]) => ({ message, text }));

test("frames are the same, whatever the pieces in which they come", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(BYTES.length)), (cuts) => {
      const reader = new FrameReader();
      const edges = [0, ...cuts.toSorted((a, b) => a - b), BYTES.length];
      const frames = edges.flatMap((edge, index) => [...reader.take(BYTES.subarray(edges[index - 1] ?? 0, edge))]);
      assert.deepEqual(frames, WHOLE);
      assert.ok(reader.isBetweenFrames);
    }),
  );
});

test("what was whole before a broken frame is given, and then it throws", () => {
  const broken = encodeFrame({ kind: "done", again: true });
  broken.write("x", 8);
  const given: unknown[] = [];
  assert.throws(() => {
    for (const frame of new FrameReader().take(Buffer.concat([BYTES, broken]))) given.push(frame);
  }, ProtocolError);
  assert.deepEqual(given, WHOLE);
});

test("only a page has text beside it", () => {
  const reader = new FrameReader();
  const frame = encodeFrame({ kind: "progress", done: 1, total: null }, "text");
  // Before the text has come.
  assert.throws(() => [...reader.take(frame.subarray(0, -4))], ProtocolError);
});

test("a frame that has begun is seen, from its first byte to its last but one", () => {
  const frame = encodeFrame({ kind: "page", page: 1, label: null }, "text");
  for (let bytes = 1; bytes < frame.length; bytes++) {
    const reader = new FrameReader();
    assert.deepEqual([...reader.take(frame.subarray(0, bytes))], []);
    assert.ok(!reader.isBetweenFrames, `${bytes} bytes`);
  }
});
