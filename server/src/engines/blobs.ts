import type { SegmentedStore } from "../blobs/blob-store.ts";
import { type FsBlobStoreOptions, openFsBlobStore } from "../blobs/fs.ts";

/** A folder. */
export function openBlobs(options: FsBlobStoreOptions): Promise<SegmentedStore> {
  return openFsBlobStore(options);
}
