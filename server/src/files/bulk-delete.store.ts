import { TOPICS, walkOperation, writeOperation } from "../catalogue/catalogue.ts";
import { LOCKS } from "../catalogue/locks.ts";
import type { FileId, TaskId, TeamId } from "../ids.ts";
import { bury } from "./delete-file.store.ts";
import { type PageRequest, rowsOf } from "./list.store.ts";
import type { ListFilter, ListPosition } from "./list.ts";
import { ownFile } from "./view.store.ts";

/** Files that a filter matches, newest first; as much as one read may look at. */
export const matchFiles = walkOperation(
  "files.match",
  async (
    tx,
    input: PageRequest,
  ): Promise<{ readonly files: readonly FileId[]; readonly next: ListPosition | null }> => {
    const { rows, next } = await rowsOf(tx, input);
    return { files: rows.map((row) => row.id), next };
  },
);

/** Which of these files pass the filter. At most limits.bulkDeleteFiles, by their primary key. */
export const matchNamedFiles = walkOperation(
  "files.matchNamed",
  async (
    tx,
    { files, ...request }: { readonly teamId: TeamId; readonly filter: ListFilter; readonly files: readonly FileId[] },
  ): Promise<readonly FileId[]> => {
    if (files.length === 0) return [];
    const { rows } = await rowsOf(tx, { ...request, limit: files.length, after: null }, files);
    return rows.map((row) => row.id);
  },
);

/**
 * Deletes those of the files that are there, as `deleteFile` does each of them. Their removals line up in the slow
 * lane, so that the team's uploads do not wait behind hundreds of them.
 */
export const deleteFiles = writeOperation(
  "files.deleteMany",
  ({ files }: { files: readonly FileRemoval[] }) => files.map(({ fileId }) => LOCKS.file(fileId)),
  async (
    tx,
    { teamId, files }: { readonly teamId: TeamId; readonly files: readonly FileRemoval[] },
  ): Promise<{ readonly deleted: readonly FileId[]; readonly cancelled: readonly TaskId[] }> => {
    const deleted: FileId[] = [];
    const cancelled: TaskId[] = [];
    for (const { fileId, removalTaskId } of files) {
      const row = await ownFile(tx, { teamId, fileId });
      if (row === undefined || row.state === "deleted") continue;
      cancelled.push(...(await bury(tx, row, removalTaskId, "slow")));
      deleted.push(fileId);
    }
    return { deleted, cancelled };
  },
  (_input, { deleted, cancelled }) =>
    deleted.length === 0 ? [] : [TOPICS.tasks, ...deleted.map(TOPICS.file), ...cancelled.map(TOPICS.task)],
);

export interface FileRemoval {
  readonly fileId: FileId;
  /** Of the task that removes its bytes, text and chunks. */
  readonly removalTaskId: TaskId;
}

export const bulkDeleteOperations = [matchFiles, matchNamedFiles, deleteFiles];
