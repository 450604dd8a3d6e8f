import { readOperation } from "../catalogue/catalogue.ts";
import { LIMITS } from "../limits.ts";
import { bulkDeleteOperations } from "./bulk-delete.store.ts";
import { changeFile } from "./change-file.store.ts";
import { deleteFile } from "./delete-file.store.ts";
import { labelOperations } from "./labels.store.ts";
import { listFiles } from "./list.store.ts";
import { listOutdated } from "./outdated.store.ts";
import { reindexFile } from "./reindex-file.store.ts";
import { removeBucketOperations } from "./remove-bucket.store.ts";
import { forgetTombstones } from "./retention.store.ts";
import { type FileRef, type FileView, viewOf } from "./view.store.ts";

/** The file for whoever holds its id: null also for a tombstone that is older than its 30 days. */
export const findFile = readOperation("files.find", async (tx, ref: FileRef): Promise<FileView | null> => {
  const file = await viewOf(tx, ref);
  const forgotten = file?.deletedAt != null && file.deletedAt <= tx.now - LIMITS.tombstoneRetentionMs;
  return forgotten ? null : file;
});

/** The file of a finalized session, which is answered for as long as the session lives, deleted or not (FIN-2). */
export const readFile = readOperation("files.read", (tx, ref: FileRef): Promise<FileView | null> => viewOf(tx, ref));

export const fileOperations = [
  findFile,
  readFile,
  listFiles,
  deleteFile,
  changeFile,
  reindexFile,
  listOutdated,
  forgetTombstones,
  ...labelOperations,
  ...bulkDeleteOperations,
  ...removeBucketOperations,
];
