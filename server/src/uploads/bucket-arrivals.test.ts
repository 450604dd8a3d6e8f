import { after, before } from "node:test";
import { describeArrivals } from "./arrivals.conformance.ts";
import { openBucket } from "./test-bucket-arrivals.ts";
import { TestUploads } from "./test-uploads.ts";

let uploads: TestUploads;
before(async () => {
  uploads = await TestUploads.open();
});
after(() => uploads.close());

describeArrivals("in a bucket whose bytes never pass through us", () => openBucket(uploads), { skip: [] });
