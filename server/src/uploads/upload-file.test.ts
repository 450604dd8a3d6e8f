import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, before, test } from "node:test";
import { BlobStoreError, type SegmentedStore } from "../blobs/blob-store.ts";
import type { Catalogue } from "../catalogue/catalogue.ts";
import { WharfError } from "../errors.ts";
import { testBudgets } from "../fairness/test-budgets.ts";
import { createLog } from "../log.ts";
import { type ArrivalsUnderTest, originals } from "./conformance-arrivals.ts";
import { openEmbedded } from "./embedded/test-arrivals.ts";
import { TestUploads, withMethods } from "./test-uploads.ts";
import { uploadFile } from "./upload-file.ts";

/** What a call that fails late leaves behind (CON-2): nothing, or something that maintenance may remove. */

const ROOM = { giveBack: () => {} };
const config = { bucketsPerTeam: 100, createsPerSecond: 1_000_000, maxFileBytes: 1_000_000, sessionTtlSeconds: 3600 };

let uploads: TestUploads;
before(async () => {
  uploads = await TestUploads.open();
});
after(() => uploads.close());

/** One call of a form that names this bucket, over what a test has put in place of store and catalogue. */
function call(
  { arrivals, blobs }: Pick<ArrivalsUnderTest, "arrivals" | "blobs">,
  bucket: string,
  catalogue: Catalogue = uploads.catalogue,
) {
  const { ids, teamId } = uploads;
  const disk = { roomForSession: async () => ROOM, roomForData: async () => ROOM };
  const deps = {
    arrivals,
    blobs,
    catalogue,
    config,
    disk,
    ids,
    places: testBudgets().uploads,
    log: createLog("silent"),
  };
  const upload = { by: { teamId, keyId: null }, idempotencyKey: null, gone: new AbortController().signal };
  return uploadFile(deps, upload, {
    declaredBytes: null,
    async read(takeFile) {
      const content = (async function* () {
        yield randomBytes(300_000);
      })();
      await takeFile({ filename: "f.bin", contentType: "application/octet-stream", content });
      return [
        ["bucket", bucket],
        ["create_missing_buckets", bucket === "there" ? "true" : "false"],
      ];
    },
  });
}

const outage = () => Promise.reject(new BlobStoreError("unavailable", "the disk does not answer"));

test("What an original that cannot be removed is left with is nobody's: maintenance may take it away", async () => {
  const t = await openEmbedded(uploads);
  const blobs = withMethods<ArrivalsUnderTest["blobs"]>(t.blobs, { remove: outage });
  const refused = await call({ arrivals: t.arrivals, blobs }, "not-there");
  assert.ok("refusal" in refused && refused.refusal.refused === "bucket_assignment_failed");
  assert.equal(await originals(t), 1, "reconcile's");
  assert.deepEqual(t.arrivals.busy(), []);
  assert.equal((await t.blobs.list("segments", null)).entries.length, 0);
  await t.close();
});

test("A call that the catalogue could not take leaves no original: nothing of it was kept", async () => {
  const t = await openEmbedded(uploads);
  const run: Catalogue["run"] = () => Promise.reject(new WharfError("storage_unavailable"));
  await assert.rejects(call(t, "there", withMethods(uploads.catalogue, { run })), { code: "storage_unavailable" });
  assert.equal(await originals(t), 0);
  assert.deepEqual(t.arrivals.busy(), []);
  await t.close();
});

test("An answer of the catalogue that never comes leaves the original, which may be a file's", async () => {
  const t = await openEmbedded(uploads);
  const run: Catalogue["run"] = async (...operation) => {
    await uploads.catalogue.run(...operation);
    throw new Error("the database thread ended");
  };
  await assert.rejects(call(t, "there", withMethods(uploads.catalogue, { run })), /thread ended/);
  assert.equal(await originals(t), 1);
  await t.close();
});

test("A publish that fails behind the original's name leaves no original", async () => {
  const store = (memory: SegmentedStore): SegmentedStore =>
    withMethods(memory, {
      async publish(...given) {
        await memory.publish(...given);
        return outage();
      },
    });
  const t = await openEmbedded(uploads, { store });
  await assert.rejects(call(t, "there"), { failure: "unavailable" });
  assert.equal(await originals(t), 0);
  assert.deepEqual(t.arrivals.busy(), []);
  await t.close();
});
