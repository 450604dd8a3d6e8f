import { link } from "node:fs/promises";
import { join } from "node:path";
import { errorCodeOf } from "../errors.ts";
import { AREAS, type BlobArchive, type BlobKey } from "./blob-store.ts";
import { fsyncDirectory } from "./directory-sync.ts";
import { isAbsent, storeError } from "./fs-errors.ts";
import { blobPath, SHARDS, segmentPath } from "./fs-layout.ts";
import { readFileRange } from "./fs-read.ts";

/** A blob folder as a backup holds it: filled by hard links where it can be, and read without writing a byte to it. */

/**
 * Gives the blob of one folder a name in the other. Blobs never change, so two folders may share one; what removes it
 * here leaves it there. Not durable before `syncArchive`. `elsewhere`: the folders do not lie on one file system that
 * links; the blob has to be copied.
 */
export async function linkBlob(from: string, to: string, key: BlobKey): Promise<"linked" | "missing" | "elsewhere"> {
  const [source, target] = [join(from, blobPath(key)), join(to, blobPath(key))];
  try {
    await link(source, target);
    return "linked";
  } catch (error) {
    if (await isAbsent(error, source)) return "missing";
    // EPERM: a file system without links; EMLINK: 65 000 backups of one file.
    if (["EXDEV", "EPERM", "EMLINK", "ENOTSUP"].includes(errorCodeOf(error) ?? "")) return "elsewhere";
    throw storeError("link a blob", error);
  }
}

/** The folder is made by the store that writes to it. */
export function openFsArchive(root: string): BlobArchive {
  return {
    folder: root,
    read: (key) => readFileRange("read a backup", join(root, blobPath(key))),
    readSegment: (session, epoch) => readFileRange("read a backup", join(root, segmentPath(session, epoch))),
    async sync() {
      for (const area of AREAS) for (const shard of SHARDS) await fsyncDirectory(join(root, area, shard));
    },
  };
}
