import type { BlobArchive } from "../blobs/blob-store.ts";
import { openFsArchive } from "../blobs/fs-archive.ts";

/** A folder: a backup is one, whatever the server's own store is. */
export function openBlobArchive(root: string): BlobArchive {
  return openFsArchive(root);
}
