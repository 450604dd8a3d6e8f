import { type Static, Type } from "typebox";
import { toRfc3339 } from "../clock.ts";
import { assertNever, FILE_WARNINGS, type FileWarningCode, type JsonValue } from "../errors.ts";
import { LIMITS } from "../limits.ts";
import { TaskObject, taskStatesToWire, taskToWire } from "../tasks/wire.ts";
import { FILE_STATES } from "./file.ts";
import type { FileView, Membership } from "./view.store.ts";

const SyncStatus = Type.Enum(["pending", "active", "failed"]);
const AbsentOfDeleted = "Absent once the file is deleted.";

const FileWarningObject = Type.Object({
  code: Type.Enum(Object.keys(FILE_WARNINGS).filter(isWarningCode)),
  message: Type.String({ description: "For people: what is missing and what to do." }),
  pages: Type.Array(Type.Integer(), {
    maxItems: LIMITS.warningPages,
    description: `At most the first ${LIMITS.warningPages}.`,
  }),
});

function isWarningCode(code: string): code is FileWarningCode {
  return Object.hasOwn(FILE_WARNINGS, code);
}

/** The file object of contract §4. A deleted file's (§12 tombstone) has fewer members: they are the optional ones. */
export const FileObject = Type.Object(
  {
    id: Type.String(),
    object: Type.Literal("knowledge_file"),
    status: Type.Enum([...FILE_STATES], {
      description: "Wait for indexed: then search finds the file. failed and deleted are final too.",
    }),
    title: Type.Optional(Type.String({ description: AbsentOfDeleted })),
    filename: Type.Optional(Type.String({ description: AbsentOfDeleted })),
    content_type: Type.Optional(Type.String({ description: "As declared." })),
    detected_content_type: Type.Optional(
      Type.Union([Type.String(), Type.Null()], { description: "As found; null until it was looked at." }),
    ),
    size_bytes: Type.Integer(),
    sha256: Type.Optional(Type.String({ description: "Of the original, hexadecimal." })),
    pages: Type.Optional(
      Type.Union([Type.Integer(), Type.Null()], {
        description: "Pages (slides, sheets, chapters) of the indexed text; null until it is indexed.",
      }),
    ),
    warnings: Type.Optional(
      Type.Array(FileWarningObject, {
        maxItems: LIMITS.warnings,
        description: "What of the file the indexed text does not show; empty when nothing is known to be missing.",
      }),
    ),
    tags: Type.Array(Type.String()),
    metadata: Type.Unsafe<{ readonly [key: string]: JsonValue }>({ type: "object", additionalProperties: true }),
    bucket_ids: Type.Array(Type.String()),
    bucketSyncStatus: Type.Optional(SyncStatus),
    bucketSync: Type.Optional(
      Type.Record(Type.String(), Type.Object({ slug: Type.String(), status: SyncStatus }), {
        description: "By bucket id.",
      }),
    ),
    error: Type.Optional(
      Type.Union([Type.Object({ code: Type.String(), message: Type.String() }), Type.Null()], {
        description: "Why the file, or the last reindexing of it, failed.",
      }),
    ),
    status_detail: Type.Optional(
      Type.Union([Type.String(), Type.Null()], { description: "For people: what the status does not say." }),
    ),
    task: Type.Object(
      { ...Type.Partial(TaskObject).properties, id: TaskObject.properties.id },
      { description: "The latest indexing task; of a deleted file its id only." },
    ),
    source: Type.Optional(Type.Object({ kind: Type.Literal("upload_session"), session_id: Type.String() })),
    created_at: Type.String({ format: "date-time" }),
    updated_at: Type.String({ format: "date-time" }),
    deleted_at: Type.Optional(Type.String({ format: "date-time", description: "Of deleted files only." })),
  },
  { description: "A file." },
);
export type WireFile = Static<typeof FileObject>;

const { id, object, status, bucket_ids, task } = FileObject.properties;

/** What changing a file answers: all of it, or, to a key without `files:read`, ids and states (ALL-10). */
export const ChangedFile = Type.Object(
  {
    ...Type.Partial(FileObject).properties,
    ...{ id, object, status, bucket_ids, task },
  },
  { description: "The file; ids and states alone to a key without files:read." },
);

/** Pure. */
export function fileStatesToWire(file: FileView): Static<typeof ChangedFile> {
  return {
    id: file.id,
    object: "knowledge_file",
    status: file.state,
    bucket_ids: file.memberships.map((membership) => membership.bucketId),
    bucketSyncStatus: bucketSyncStatus(file.memberships),
    task: taskStatesToWire(file.task),
  };
}

/** Without `request_id`, which the edge adds. Pure. */
export function fileToWire(file: FileView): WireFile {
  return file.deletedAt === null ? livingToWire(file) : tombstoneToWire(file, file.deletedAt);
}

function livingToWire(file: FileView): WireFile {
  return {
    id: file.id,
    object: "knowledge_file",
    status: file.state,
    title: file.title,
    filename: file.filename,
    content_type: file.contentType,
    detected_content_type: file.detectedContentType,
    size_bytes: file.sizeBytes,
    sha256: file.sha256,
    tags: [...file.tags],
    metadata: file.metadata,
    pages: file.pages,
    bucket_ids: file.memberships.map((membership) => membership.bucketId),
    bucketSyncStatus: bucketSyncStatus(file.memberships),
    bucketSync: Object.fromEntries(file.memberships.map(({ bucketId, slug, status }) => [bucketId, { slug, status }])),
    error: file.error,
    warnings: file.warnings.map(({ code, message, pages }) => ({ code, message, pages: [...pages] })),
    status_detail: statusDetail(file),
    task: taskToWire(file.task),
    source: { kind: "upload_session", session_id: file.sessionId },
    created_at: toRfc3339(file.createdAt),
    updated_at: toRfc3339(file.updatedAt),
  };
}

/** "and nothing else": whatever could tell what the document was is gone. */
function tombstoneToWire(file: FileView, deletedAt: number): WireFile {
  return {
    id: file.id,
    object: "knowledge_file",
    status: "deleted",
    size_bytes: file.sizeBytes,
    created_at: toRfc3339(file.createdAt),
    updated_at: toRfc3339(file.updatedAt),
    deleted_at: toRfc3339(deletedAt),
    task: { id: file.taskId },
    bucket_ids: [],
    tags: [],
    metadata: {},
  };
}

/** `active` when all memberships are; they move with the file, so `indexed` and `active` are one instant (POL-2). */
export function bucketSyncStatus(memberships: readonly Membership[]): Membership["status"] {
  if (memberships.some((membership) => membership.status === "failed")) return "failed";
  return memberships.every((membership) => membership.status === "active") ? "active" : "pending";
}

/** What the status word does not say; null when it says everything (POL-1: nuance is never a new status word). */
function statusDetail({ state, task: { task } }: Pick<FileView, "state" | "task">): string | null {
  const underWay = task.state === "queued" || task.state === "running";
  switch (state) {
    case "queued":
    case "indexing":
      if (task.state === "running") return "The file is being read and indexed.";
      return task.due_at === null
        ? "Waiting for a free worker."
        : "Waiting for the next attempt; task.error says what went wrong in the last one.";
    case "indexed":
      if (underWay) return "Search shows the file as it is; a new index of it is being prepared.";
      return task.state === "succeeded" ? null : "Search shows the file as it is; its last reindexing did not succeed.";
    case "failed":
      return "Indexing has ended and error says why. POST …/reindex, or …/tasks/{id}/retry, starts it again.";
    case "deleted":
      return null;
    default:
      return assertNever(state);
  }
}

/** Whether nothing will change by itself any more: what a long poll need not wait for (POL-5). */
export function isSettled(file: WireFile): boolean {
  const { status } = file.task;
  return file.status === "deleted" || (status !== "queued" && status !== "indexing");
}
