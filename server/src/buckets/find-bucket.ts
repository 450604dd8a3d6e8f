import type { Catalogue } from "../catalogue/catalogue.ts";
import { WharfError } from "../errors.ts";
import { type BucketRef, findLiveBucket } from "./store.ts";

/** Throws `bucket_not_found` when the team has no such bucket. */
export async function requireBucket(catalogue: Catalogue, ref: BucketRef): Promise<void> {
  if (!(await catalogue.run(findLiveBucket, ref))) throw new WharfError("bucket_not_found");
}
