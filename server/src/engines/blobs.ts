import type { SegmentedStore } from "../blobs/blob-store.ts";
import { type FsBlobStoreOptions, openFsBlobStore } from "../blobs/fs.ts";
import { type InspectedBlobs, inspectBlobs } from "../blobs/fs-inspect.ts";

/** A folder. */
export function openBlobs(options: FsBlobStoreOptions): Promise<SegmentedStore> {
  return openFsBlobStore(options);
}

/** Looks at what stands in `root` without opening a store, which would make what is missing. */
export function inspectBlobStore(root: string): InspectedBlobs {
  return inspectBlobs(root);
}
