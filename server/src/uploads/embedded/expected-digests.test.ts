import assert from "node:assert/strict";
import { test } from "node:test";
import { digestContradiction } from "./expected-digests.ts";

const DIGESTS = {
  md5Base64: "XUFAKrxLKna5cZ2REBfFkg==",
  md5Hex: "5d41402abc4b2a76b9719d911017c592",
  crc32cBase64: "mnG7TA==",
};
const [MD5, CRC] = [DIGESTS.md5Base64, DIGESTS.crc32cBase64];

test("digests that agree, and claims that are none of ours, contradict nothing (P21, P22)", () => {
  const headers = [
    {},
    { "x-goog-hash": `md5=${MD5}` },
    { "x-goog-hash": `crc32c=${CRC},md5=${MD5}` },
    { "x-goog-hash": ` MD5=${MD5}\t, Crc32c=${CRC} ` },
    { "x-goog-hash": [`crc32c=${CRC}`, `md5=${MD5}`] },
    { "x-goog-hash": `sha256=AAAA,md5,,= , md5 =AAAA` },
    { "x-goog-hash": "" },
    { "content-md5": ` ${MD5} ` },
  ];
  for (const sent of headers) assert.equal(digestContradiction(sent, DIGESTS), null, JSON.stringify(sent));
});

test("a digest of other bytes, or that is no digest, is named in the refusal (P23, P24)", () => {
  const other = Buffer.alloc(16).toString("base64");
  const cases = [
    [{ "x-goog-hash": `md5=${other}` }, `Provided MD5 hash "${other}" doesn't match calculated MD5 hash "${MD5}".`],
    [{ "x-goog-hash": `crc32c=${CRC},crc32c=AAAAAA==` }, `Provided CRC32C "AAAAAA==" doesn't match`],
    [{ "x-goog-hash": "md5=" }, "Provided value () is not a base64-encoded 128-bit MD5 hash."],
    [{ "x-goog-hash": `md5=${MD5}=` }, "is not a base64-encoded 128-bit MD5 hash."],
    [{ "x-goog-hash": `md5=${" ".repeat(15_000)}x` }, "is not a base64-encoded 128-bit MD5 hash."],
    [{ "x-goog-hash": "crc32c=é" }, "Provided value (?) is not a base64-encoded 32-bit CRC32C hash."],
    [{ "content-md5": other }, "Provided MD5 hash"],
  ] as const;
  for (const [sent, sentence] of cases) {
    const said = digestContradiction(sent, DIGESTS) ?? "";
    assert.ok(said.includes(sentence), `${JSON.stringify(sent).slice(0, 80)}: ${said}`);
  }
});
