import { moveMemberships } from "../buckets/membership.store.ts";
import type { Tx } from "../catalogue/catalogue.ts";
import { type Bind, prepared } from "../catalogue/prepared.ts";
import type { FilesTable } from "../catalogue/schema.ts";
import { EXTRACTOR_VERSION } from "../extraction/extractor-version.ts";
import { type FileEvent, membershipStatusOf, nextFileState } from "../files/file.ts";
import type { FileId } from "../ids.ts";

const fileById = prepared((db, $: Bind<{ id: FileId }>) =>
  db
    .selectFrom("files")
    .select(["state", "version", "active_chunks", "task_id", "extractor_version"])
    .where("id", "=", $("id")),
);

type StateColumns = "id" | "state" | "error_code" | "error_message" | "extractor_version" | "updated_at";

const setState = prepared((db, $: Bind<Pick<FilesTable, StateColumns>>) =>
  db
    .updateTable("files")
    .set({
      state: $("state"),
      error_code: $("error_code"),
      error_message: $("error_message"),
      extractor_version: $("extractor_version"),
      updated_at: $("updated_at"),
    })
    .where("id", "=", $("id")),
);

/**
 * What an event of a task does to its file, in the same transaction: the state by the file's own table (files/file.ts), the
 * memberships with it, the error beside it. A file that is not there, deleted, or on a newer task is left alone.
 */
export async function moveFile(
  tx: Tx,
  task: { readonly file_id: FileId; readonly id: string },
  event: Extract<FileEvent, "claim" | "fail" | "cancel" | "retry">,
  error: { readonly code: string; readonly message: string } | null,
): Promise<void> {
  const [file] = await fileById(tx, { id: task.file_id });
  if (file === undefined || file.task_id !== task.id) return;
  const state = nextFileState(file.state, event);
  if (state === null) return;
  // A claim, or the cancel of a later version's task, shows nothing new of a file that stays as it is.
  if (state === file.state && (event === "claim" || event === "cancel")) return;
  const { code = null, message = null } = error ?? {};
  await setState(tx, {
    id: task.file_id,
    state,
    error_code: code,
    error_message: message,
    // A file that cannot be read was read all the same: the same version would say the same again.
    extractor_version: event === "fail" ? EXTRACTOR_VERSION : file.extractor_version,
    updated_at: tx.now,
  });
  const before = membershipStatusOf(file.state);
  const after = membershipStatusOf(state);
  if (after === null || after === before) return;
  await moveMemberships(tx, task.file_id, after, {
    before: file.active_chunks,
    after: file.active_chunks,
    version: file.version,
  });
}
