import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { SegmentedStore } from "../blobs/blob-store.ts";
import type { SessionId } from "../ids.ts";
import { CASES, failureOf } from "./arrivals.conformance.ts";
import type { ArrivalsUnderTest } from "./conformance-arrivals.ts";
import { openEmbedded } from "./embedded/test-arrivals.ts";
import { BucketArrivals, openBucket } from "./test-bucket-arrivals.ts";
import { TestUploads, withMethods } from "./test-uploads.ts";

/** What somebody who writes the next adapter forgets first, and the sentence of the suite that tells him. */

let uploads: TestUploads;
before(async () => {
  uploads = await TestUploads.open();
});
after(() => uploads.close());

class KeepsEpoch extends BucketArrivals {
  protected override async fence(): Promise<void> {}
}

class Overwrites extends BucketArrivals {
  protected override readonly precondition = { onlyNew: false };
}

class ForgetsUrls extends BucketArrivals {
  protected override async cancel(): Promise<void> {}
}

function withoutSync(store: SegmentedStore): SegmentedStore {
  return withMethods(store, {
    beginSegment: async (session, epoch) =>
      withMethods(await store.beginSegment(session, epoch), { sync: async () => {} }),
  });
}

/** Its name, how it is opened, and the cases that fail; all others hold. */
const NAIVE: readonly (readonly [string, () => Promise<ArrivalsUnderTest>, readonly string[]])[] = [
  [
    "acknowledges what it has not synced",
    () => openEmbedded(uploads, { store: withoutSync }),
    [
      "What was acknowledged is there after a power cut, and the upload goes on from it",
      "What is taken in is the original of its bytes, durable, with all digests",
      "A seal that was cut behind its publish goes on after a power cut, and the original is there",
    ],
  ],
  [
    // Who still sends finds by himself that his record changes no row.
    "leaves the bytes after a discard",
    () =>
      openEmbedded(uploads, {
        arrivals: (arrivals) => withMethods(arrivals, { discard: async (_session: SessionId) => {} }),
      }),
    [
      "What is taken in is busy until its discard, and no garbage meanwhile; the discard leaves the original alone",
      "What ends in the middle passes through, publishes nothing, and is gone after its discard",
      "A discard leaves nothing, of a part too, may be repeated, and knows no unknown session",
    ],
  ],
  [
    "loses the fence when it drops bytes",
    () => openBucket(uploads, (deps) => new KeepsEpoch(deps)),
    ["A seal makes no file once its bytes were dropped and others were sent"],
  ],
  [
    "lets a late PUT replace the object",
    () => openBucket(uploads, (deps) => new Overwrites(deps)),
    ["Whatever is PUT after a seal changes nothing of it, by the first URL too"],
  ],
  [
    "removes the object, and leaves its URLs open",
    () => openBucket(uploads, (deps) => new ForgetsUrls(deps)),
    [
      "A discard leaves nothing, of a part too, may be repeated, and knows no unknown session",
      "What is PUT after a discard leaves nothing, by any URL that there was",
      "A discard ends who still sends, and what was sent is gone",
    ],
  ],
];

for (const [name, open, expected] of NAIVE)
  test(`An adapter that ${name} fails the cases that say so, and no other`, async () => {
    const failed: string[] = [];
    for (const one of CASES) if ((await failureOf(one, open)) !== null) failed.push(one.title);
    assert.deepEqual(failed, expected);
  });
