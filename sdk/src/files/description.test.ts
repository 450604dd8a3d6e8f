import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { bucketFields, contentKey, describe, idempotencyKey } from "./description.ts";

const CONTENT = { sizeBytes: 5, sha256: "ab".repeat(32) };
const DESCRIPTION = describe(
  { bucket: ["b", "a", "bucket_1"], tags: ["t"], metadata: { a: 1 } },
  { name: "n", type: null },
);

test("the key is the same on every machine, and the one that the command line has always made", async () => {
  const told = [CONTENT.sha256, 5, "n", null, null, ["t"], { a: 1 }, ["bucket_1"], ["a", "b"], []];
  const digest = createHash("sha256").update(JSON.stringify(told)).digest("hex");
  assert.equal(await idempotencyKey(CONTENT, DESCRIPTION, []), `wharf-cli-${digest}`);
});

test("what says the same is the same upload; whatever differs is another one", async () => {
  const key = (change: object, after: readonly string[] = []) =>
    idempotencyKey(CONTENT, { ...DESCRIPTION, ...change }, after);
  const first = await key({});
  assert.equal(await key({ create_missing_buckets: true, bucket_slugs: ["a", "b"] }), first);
  const others = [{ filename: "m" }, { title: "x" }, { tags: [] }, { metadata: {} }, { content_type: "text/plain" }];
  for (const change of others) assert.notEqual(await key(change), first);
  assert.notEqual(await key({}, ["file_1"]), first);
});

test("without a digest each upload has a key of its own, and so has a batch", async () => {
  const unknown = { sizeBytes: 5, sha256: null };
  assert.notEqual(await idempotencyKey(unknown, DESCRIPTION, []), await idempotencyKey(unknown, DESCRIPTION, []));
  assert.notEqual(await contentKey([CONTENT, unknown], []), await contentKey([CONTENT, unknown], []));
  assert.equal(await contentKey([CONTENT], ["x"]), await contentKey([CONTENT], ["x"]));
});

test("what begins bucket_ is an id, everything else a slug", () => {
  assert.deepEqual(bucketFields("a"), { bucket_ids: undefined, bucket_slugs: ["a"] });
  assert.deepEqual(bucketFields(["bucket_1", "a"]), { bucket_ids: ["bucket_1"], bucket_slugs: ["a"] });
  assert.deepEqual(bucketFields(), { bucket_ids: undefined, bucket_slugs: undefined });
});
