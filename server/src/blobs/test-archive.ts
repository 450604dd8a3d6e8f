import type { BlobArchive } from "./blob-store.ts";
import { openFsBlobStore } from "./fs.ts";
import { openFsArchive } from "./fs-archive.ts";

/** An empty archive in a folder that is made, as a backup makes it. */
export async function openTestArchive(root: string): Promise<BlobArchive> {
  await (await openFsBlobStore({ root })).close();
  return openFsArchive(root);
}
