import { moveMemberships, removeMemberships } from "../buckets/membership.store.ts";
import type { Tx } from "../catalogue/catalogue.ts";
import { type Bind, prepared } from "../catalogue/prepared.ts";
import type { FilesTable } from "../catalogue/schema.ts";
import type { FileId, TaskId } from "../ids.ts";
import { type FileEvent, membershipStatusOf, nextFileState } from "./file.ts";

/** What an event may change beside the state. What is left out stays; an error goes, unless the event brings one. */
type Changes = Partial<Pick<FilesTable, Exclude<Changeable, "state" | "updated_at" | "deleted_at">>>;

export interface FileMove {
  readonly event: FileEvent;
  readonly changes?: Changes;
  /** The task that the event is one of: a file that is on a newer task is left alone. */
  readonly ofTask?: TaskId;
}

/** A file as an event found it. */
export type MovedFile = Pick<FilesTable, (typeof COLUMNS)[number]>;

/**
 * The one place where a file's state changes, as a part of the transaction that knows why: by the table of file.ts,
 * with the memberships that follow from the state, and with the buckets' counters of them: last in its transaction
 * (buckets/membership.store.ts). (A file begins in insert-file.store.ts.)
 *
 * Returns the file as it was; null: the event is not allowed in its state, or the file is not there, or on a newer
 * task. Then nothing was written. The update holds only for the state that it was decided on. Operations on one file
 * are serialised by the file, so that anything else is a defect, and throws.
 */
export async function moveFile(tx: Tx, id: FileId, move: FileMove): Promise<MovedFile | null> {
  const [file] = await fileById(tx, { id });
  if (file === undefined || (move.ofTask !== undefined && file.task_id !== move.ofTask)) return null;
  const state = nextFileState(file.state, move.event);
  if (state === null) return null;
  // These show nothing new of a file that stays as it is.
  if (state === file.state && QUIET.has(move.event)) return file;
  const now: Pick<FilesTable, Changeable> = {
    ...file,
    ...(state === "deleted" ? TOMBSTONE : {}),
    error_code: null,
    error_message: null,
    ...move.changes,
    state,
    updated_at: tx.now,
    deleted_at: state === "deleted" ? tx.now : null,
  };
  const [moved] = await (state === "deleted" ? bury : write)(tx, { ...now, id, from: file.state });
  if (moved === undefined) throw new Error(`the file was ${file.state} a moment ago, and another one moved it`);
  await followWithMemberships(tx, id, file, now);
  return file;
}

const QUIET: ReadonlySet<FileEvent> = new Set<FileEvent>(["claim", "cancel", "delete"]);

async function followWithMemberships(tx: Tx, id: FileId, before: MovedFile, after: Pick<FilesTable, Changeable>) {
  const status = membershipStatusOf(after.state);
  if (status === null) return removeMemberships(tx, id, before.active_chunks);
  const shows = after.active_build !== before.active_build;
  if (status === membershipStatusOf(before.state) && !shows) return;
  await moveMemberships(tx, id, status, {
    before: before.active_chunks,
    after: after.active_chunks,
    version: after.active_version ?? before.version,
  });
}

/** What is left of a deleted file, beside its ids, its size and its times. Its keys stay for the removal task. */
const TOMBSTONE = {
  detected_content_type: null,
  active_version: null,
  active_build: null,
  active_chunks: 0,
  active_pages: 0,
  warnings: "[]",
} as const;

const CHANGEABLE = [
  "state",
  "task_id",
  "detected_content_type",
  "active_version",
  "active_build",
  "active_chunks",
  "active_pages",
  "text_key",
  "warnings",
  "extractor_version",
  "error_code",
  "error_message",
  "indexed_at",
  "updated_at",
  "deleted_at",
] as const;
type Changeable = (typeof CHANGEABLE)[number];

/** Without what the client sent of it: up to 8 KiB of metadata would be read and written at each claim. */
const COLUMNS = [...CHANGEABLE, "version", "labels", "session_id", "team_id"] as const;

const fileById = prepared((db, $: Bind<{ id: FileId }>) =>
  db.selectFrom("files").select(COLUMNS).where("id", "=", $("id")),
);

type Written = Pick<FilesTable, Changeable> & { readonly id: FileId; readonly from: FilesTable["state"] };

const write = prepared((db, $: Bind<Written>) =>
  db
    .updateTable("files")
    .set({
      state: $("state"),
      task_id: $("task_id"),
      detected_content_type: $("detected_content_type"),
      active_version: $("active_version"),
      active_build: $("active_build"),
      active_chunks: $("active_chunks"),
      active_pages: $("active_pages"),
      text_key: $("text_key"),
      warnings: $("warnings"),
      extractor_version: $("extractor_version"),
      error_code: $("error_code"),
      error_message: $("error_message"),
      indexed_at: $("indexed_at"),
      updated_at: $("updated_at"),
    })
    .where("id", "=", $("id"))
    .where("state", "=", $("from"))
    .returning("id"),
);

/**
 * What the client sent goes with the file. Its digest too: it would tell whoever has a document whether this was it.
 */
const bury = prepared((db, $: Bind<Written>) =>
  db
    .updateTable("files")
    .set({
      state: $("state"),
      title: "",
      filename: "",
      content_type: "",
      tags: "[]",
      metadata: "{}",
      sha256: "",
      detected_content_type: $("detected_content_type"),
      active_version: $("active_version"),
      active_build: $("active_build"),
      active_chunks: $("active_chunks"),
      active_pages: $("active_pages"),
      warnings: $("warnings"),
      error_code: $("error_code"),
      error_message: $("error_message"),
      updated_at: $("updated_at"),
      deleted_at: $("deleted_at"),
    })
    .where("id", "=", $("id"))
    .where("state", "=", $("from"))
    .returning("id"),
);
