import assert from "node:assert/strict";
import { test } from "node:test";
import { type ErrorCode, type JsonValue, WharfError } from "../errors.ts";
import { type CreateRequest, validateCreate } from "./create-session.ts";

const MAX = 26_214_400;
const GOOD: CreateRequest = { filename: "report.pdf", size_bytes: 10, bucket: "inbox" };

function valid(more: Partial<CreateRequest>) {
  return validateCreate({ ...GOOD, ...more }, MAX);
}

function refusal(more: Partial<CreateRequest>): { code: ErrorCode; field: JsonValue | undefined } {
  try {
    valid(more);
  } catch (error) {
    if (error instanceof WharfError) return { code: error.code, field: error.details["field"] };
    throw error;
  }
  throw new Error(`accepted ${JSON.stringify(more).slice(0, 100)}`);
}

test("Fields past a limit are refused with the contract's code and the field's name (§2, §12)", () => {
  const cases: readonly (readonly [Partial<CreateRequest>, ErrorCode, string])[] = [
    [{ filename: "" }, "invalid_filename", "filename"],
    [{ filename: "x".repeat(256) }, "invalid_filename", "filename"],
    [{ filename: "a\u0000b" }, "invalid_filename", "filename"],
    [{ filename: "a\r\nb" }, "invalid_filename", "filename"],
    [{ filename: "a\u0085b" }, "invalid_filename", "filename"],
    [{ filename: "a\ud800b" }, "invalid_filename", "filename"],
    [{ filename: `a${"\u0300\u0316".repeat(15_000)}` }, "invalid_filename", "filename"],
    [{ content_type: "pdf" }, "invalid_request", "content_type"],
    [{ content_type: `text/${"x".repeat(251)}` }, "invalid_request", "content_type"],
    [{ content_type: "text/plain\r\nX: y" }, "invalid_request", "content_type"],
    [{ content_type: `a/b${";  ".repeat(22)}(` }, "invalid_request", "content_type"],
    [{ size_bytes: 0 }, "invalid_size", "size_bytes"],
    [{ size_bytes: -5 }, "invalid_size", "size_bytes"],
    [{ size_bytes: 1.5 }, "invalid_request", "size_bytes"],
    [{ size_bytes: MAX + 1 }, "file_too_large", "size_bytes"],
    [{ title: "t".repeat(513) }, "invalid_request", "title"],
    [{ tags: Array.from({ length: 21 }, (_, index) => `t${index}`) }, "too_many_tags", "tags"],
    [{ tags: ["x".repeat(65)] }, "invalid_request", "tags"],
    [{ metadata: { note: "m".repeat(8192) } }, "metadata_too_large", "metadata"],
  ];
  for (const [more, code, field] of cases)
    assert.deepEqual(refusal(more), { code, field }, JSON.stringify(more).slice(0, 80));
});

test("Lengths count code points, after NFC for the file name (§12)", () => {
  assert.equal(valid({ filename: "😀".repeat(255) }).filename, "😀".repeat(255));
  assert.equal(valid({ filename: "e\u0301".repeat(255) }).filename, "é".repeat(255));
  // ᾂ, the longest that one character can be: four.
  assert.equal(valid({ filename: "\u03b1\u0313\u0300\u0345".repeat(255) }).filename, "\u1f82".repeat(255));
  assert.equal(valid({ title: "😀".repeat(512) }).title, "😀".repeat(512));
  // 8 192 bytes of UTF-8 exactly: {"n":"…"} has 8 bytes around 2 728 three-byte characters.
  assert.equal(valid({ metadata: { n: "語".repeat(2728) } }).metadata.length, 2736);
  assert.equal(refusal({ metadata: { n: "語".repeat(2729) } }).code, "metadata_too_large");
});

test("Paths, odd names and blanks are data and stay as sent; the title falls back to the file name", () => {
  for (const filename of ["../../etc/passwd", "a/b\\c", "CON", ".", " ", "日本.pdf", '"quoted".txt'])
    assert.equal(valid({ filename }).filename, filename);
  assert.equal(valid({}).title, "report.pdf");
  assert.equal(valid({ title: "" }).title, "report.pdf");
  assert.equal(valid({ title: "  " }).title, "  ");
});

test("Tags are trimmed, emptied of blanks and de-duplicated before they are counted", () => {
  const many = Array.from({ length: 30 }, () => " same ");
  assert.equal(valid({ tags: [...many, "", "  ", "b"] }).tags, '["same","b"]');
});

test("The three bucket forms are a union; none is bucket_required (CRE-1, CRE-2); a bucket_… is never provisioned", () => {
  assert.deepEqual(
    valid({ bucket_ids: ["bucket_1"], bucket_slugs: ["Team Docs"], bucket: "In_Box" }).buckets.map(
      ({ sent, id, slug }) => [sent, id, slug],
    ),
    [
      ["bucket_1", "bucket_1", null],
      ["Team Docs", null, "team-docs"],
      ["In_Box", null, "in-box"],
    ],
  );
  assert.equal(valid({ bucket: "bucket_9" }).buckets[0]?.slug, null);
  const none: CreateRequest = { filename: "f", size_bytes: 1 };
  assert.throws(() => validateCreate(none, MAX), { code: "bucket_required" });
  assert.throws(() => validateCreate({ ...none, bucket_ids: [], bucket_slugs: [] }, MAX), { code: "bucket_required" });
});
