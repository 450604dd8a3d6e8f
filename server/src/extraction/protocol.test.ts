import assert from "node:assert/strict";
import { test } from "node:test";
import { LIMITS } from "../limits.ts";
import {
  type ChildMessage,
  decodeHead,
  decodeHeader,
  decodeMessage,
  encodeFrame,
  FRAME_HEAD_BYTES,
  ProtocolError,
} from "./protocol.ts";

const messages: readonly ChildMessage[] = [
  { kind: "ready" },
  { kind: "type", detected: "text/plain", titleTokens: "a b" },
  { kind: "page", page: 3, label: null },
  { kind: "page", page: 4, label: "iv" },
  { kind: "chunks", ranges: [[0, 5, "hello"]] },
  { kind: "progress", done: 1, total: null },
  { kind: "warnings", warnings: [{ code: "part_skipped", finding: "hidden_sheets", pages: [2, 5] }] },
  { kind: "fault", code: "corrupt_file", finding: { id: "part_damaged", name: "word/document.xml" } },
  { kind: "fault", code: "encrypted_file", finding: null },
  { kind: "done", again: false },
];

for (const message of messages) {
  test(`a message survives its frame: ${JSON.stringify(message)}`, () => {
    const frame = encodeFrame(message, "Größe 😀 \ud83d");
    const { metaBytes, textBytes } = decodeHead(frame);
    const meta = frame.subarray(FRAME_HEAD_BYTES, FRAME_HEAD_BYTES + metaBytes);
    assert.deepEqual(decodeMessage(meta), message);
    const text = frame.subarray(FRAME_HEAD_BYTES + metaBytes).toString("utf8");
    assert.equal(frame.length, FRAME_HEAD_BYTES + metaBytes + textBytes);
    assert.equal(text.length, "Größe 😀 \ud83d".length, "a lone surrogate moves no offset");
  });
}

const warning = { code: "empty_page", finding: "picture_page", pages: [1] };
const manyPages = { ...warning, pages: Array.from({ length: LIMITS.warningPages + 1 }, (_, page) => page + 1) };
const strangeWarnings: readonly unknown[] = [
  warning,
  [1],
  [{ ...warning, code: "toString" }],
  [{ ...warning, finding: null }],
  [{ ...warning, pages: [-1] }],
  [{ ...warning, pages: "1" }],
  [{ ...warning, more: 1 }],
  [manyPages],
  Array.from({ length: LIMITS.warnings + 1 }, () => warning),
];

const strange = [
  "null",
  "[]",
  '"done"',
  '{"kind":"delete"}',
  '{"kind":"done"}',
  '{"kind":"page","page":-1,"label":null}',
  '{"kind":"page","page":1.5,"label":null}',
  '{"kind":"chunks","ranges":[[0,"5","x"]]}',
  '{"kind":"fault","code":"cancelled","finding":null}',
  '{"kind":"fault","code":"internal","finding":null}',
  '{"kind":"fault","code":"toString","finding":null}',
  '{"kind":"fault","code":"corrupt_file","message":"broken"}',
  '{"kind":"fault","code":"corrupt_file","finding":{"id":1}}',
  '{"kind":"fault","code":"corrupt_file","finding":{"id":"drm","name":[]}}',
  '{"kind":"fault","code":"corrupt_file","finding":{"id":"drm","more":"x"}}',
];

for (const json of [...strange, ...strangeWarnings.map((warnings) => JSON.stringify({ kind: "warnings", warnings }))]) {
  test(`what is no message is refused: ${json.slice(0, 100)}, ${json.length} characters`, () => {
    assert.throws(() => decodeMessage(Buffer.from(json)), ProtocolError);
  });
}

test("a frame that claims gigabytes is refused before anything is reserved", () => {
  assert.throws(() => decodeHead(Buffer.from("ffffffff00000000", "hex")), ProtocolError);
  assert.throws(() => decodeHead(Buffer.from("00000000ffffffff", "hex")), ProtocolError);
});

test("a document header without a size is refused", () => {
  assert.throws(() => decodeHeader(Buffer.from('{"filename":"a","title":"","declaredType":""}')), ProtocolError);
});
