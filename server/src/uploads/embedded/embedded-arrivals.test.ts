import { after, before } from "node:test";
import { describeArrivals } from "../arrivals.conformance.ts";
import { TestUploads } from "../test-uploads.ts";
import { openEmbedded } from "./test-arrivals.ts";

let uploads: TestUploads;
before(async () => {
  uploads = await TestUploads.open();
});
after(() => uploads.close());

describeArrivals("through our own byte end-point", () => openEmbedded(uploads), { skip: [] });
