import { randomUUID } from "node:crypto";

/** What an id of a row may name. A `name` is one that a team chooses itself. */
export type NamedKind =
  | "file"
  | "task"
  | "sess"
  | "batch"
  | "bucket"
  | "resp"
  | "profile"
  | "conversation"
  | "files cursor"
  | "buckets cursor"
  | "bucket files cursor"
  | "tasks cursor"
  | "sessions cursor"
  | "deletes cursor";

/** One thing of each kind, of a team. */
export type Named = Readonly<Record<NamedKind, string>>;

/** How an operation is asked with an id in one place, and what it says of an id that names nothing of the team's. */
export interface IdRow {
  readonly kind: NamedKind;
  /** What is sent beside, or around, the id. */
  readonly ask?: (
    id: string,
    own: Named,
  ) => { readonly query?: string; readonly body?: unknown; readonly form?: object };
  /** Of what is another team's, was never there, or has no form of an id: status and `error.code`. */
  readonly absent: Answered;
  /** Of what is deleted, where the contract says that it is not as absent; `null`: nothing deletes such a thing. */
  readonly deleted?: Answered | null;
  /** What is malformed is told so in words of its own, since it may be a name: code and details are the same. */
  readonly saysForm?: true;
  /** Of the team's own, where asking changes nothing that other rows need. */
  readonly own?: Answered;
}

export type Answered = readonly [status: number, code?: string];

const UNRESOLVED: Answered = [400, "bucket_assignment_failed"];
const REFUSED: Answered = [400, "invalid_request"];
const FOUND: Answered = [200];

const file: IdRow = { kind: "file", absent: [404, "file_not_found"] };
const task: IdRow = { kind: "task", absent: [404, "task_not_found"] };
const session: IdRow = { kind: "sess", absent: [404, "session_not_found"] };
const batch: IdRow = { kind: "batch", absent: [404, "batch_not_found"], deleted: null };
const bucket: IdRow = { kind: "bucket", absent: [404, "bucket_not_found"] };
const response: IdRow = { kind: "resp", absent: [404, "response_not_found"] };
const profile: IdRow = { kind: "profile", absent: [404, "profile_not_found"] };
const cursor = (kind: NamedKind): IdRow => ({
  kind,
  ask: (id) => ({ query: `limit=1&cursor=${encodeURIComponent(id)}` }),
  absent: REFUSED,
  deleted: null,
  own: FOUND,
});

/** A bucket in a body, in each of its three forms. */
function bucketForms(
  operationId: string,
  prefix: string,
  own: Answered,
  bodyOf: (fields: object) => object,
  absent: Answered = UNRESOLVED,
  sentAs: "body" | "form" = "body",
) {
  const row = (fields: (id: string) => object) => ({
    kind: "bucket" as const,
    ask: (id: string) => ({ [sentAs]: bodyOf(fields(id)) }),
    absent,
  });
  return {
    [`${operationId} body.${prefix}bucket`]: { ...row((id) => ({ bucket: id })), own, saysForm: true as const },
    [`${operationId} body.${prefix}bucket_ids`]: { ...row((id) => ({ bucket_ids: [id] })), own },
    // An id is no slug, the team's own too.
    [`${operationId} body.${prefix}bucket_slugs`]: {
      ...row((id) => ({ bucket_slugs: [id] })),
      saysForm: true as const,
    },
  };
}

const one = { client_file_id: "one", filename: "one.txt" };
const batchOf = (shared: object, item: object) => ({
  manifest: { version: 1, batch_idempotency_key: randomUUID(), ...shared, items: [{ ...one, ...item }] },
  files: [{ ...one, size_bytes: 1 }],
});
const question = (fields: object) => ({ body: { input: "quay", store: false, ...fields } });

/** What a request calls its own things, or what it makes. */
const ITS_OWN = "it names nothing that is there";

/**
 * Every place where a request names something, or why it does not. A place without a row fails the run
 * (id-matrix.test.ts).
 */
export const ID_ROWS: Readonly<Record<string, IdRow | string>> = {
  "getFile path.file_id": { ...file, deleted: FOUND, own: FOUND },
  "deleteFile path.file_id": { ...file, deleted: FOUND },
  "changeFile path.file_id": { ...file, ask: () => ({ body: { title: "Mine" } }), own: FOUND },
  "reindexFile path.file_id": file,
  "getFileContent path.file_id": { ...file, own: FOUND },
  "getFileText path.file_id": { ...file, own: FOUND },
  "getTask path.task_id": { ...task, deleted: FOUND, own: FOUND },
  "cancelTask path.task_id": { ...task, deleted: [409, "conflict"], own: [409, "conflict"] },
  "retryTask path.task_id": { ...task, deleted: [409, "conflict"], own: [409, "conflict"] },
  "getUploadSession path.session_id": { ...session, deleted: FOUND, own: FOUND },
  "cancelUploadSession path.session_id": { ...session, deleted: FOUND },
  "finalizeUploadSession path.session_id": {
    ...session,
    deleted: [410, "session_cancelled"],
    own: [409, "upload_incomplete"],
  },
  "getBatch path.batch_id": { ...batch, own: FOUND },
  "finalizeUploadBatch path.batch_id": {
    ...batch,
    ask: () => ({ body: { mode: "finalize_uploaded" } }),
    own: [202],
  },
  "getBucket path.bucket_id": { ...bucket, own: FOUND },
  "changeBucket path.bucket_id": { ...bucket, ask: () => ({ body: { name: "Mine" } }), own: FOUND },
  "deleteBucket path.bucket_id": { ...bucket, own: [409, "bucket_not_empty"] },
  "listBucketFiles path.bucket_id": { ...bucket, own: FOUND },
  "getResponse path.response_id": { ...response, own: FOUND },
  "deleteResponse path.response_id": response,
  "getProfile path.profile_id": { ...profile, own: FOUND },
  "updateProfile path.profile_id": { ...profile, ask: () => ({ body: { name: "Mine" } }), own: FOUND },
  "deleteProfile path.profile_id": profile,

  "listFiles query.bucket": {
    kind: "bucket",
    ask: (id) => ({ query: `bucket=${encodeURIComponent(id)}` }),
    absent: FOUND,
    own: FOUND,
  },
  "listFiles query.cursor": cursor("files cursor"),
  "listBuckets query.cursor": cursor("buckets cursor"),
  "listBucketFiles query.cursor": cursor("bucket files cursor"),
  "listTasks query.cursor": cursor("tasks cursor"),
  "listUploadSessions query.cursor": cursor("sessions cursor"),

  ...bucketForms("createUploadSession", "", [201], (fields) => ({ filename: "x", size_bytes: 1, ...fields })),
  ...bucketForms("uploadFile", "", [201], (form) => form, UNRESOLVED, "form"),
  ...bucketForms("createUploadBatch", "manifest.", [201], (fields) => batchOf(fields, {})),
  ...bucketForms("search", "", FOUND, (fields) => ({ query: "quay", ...fields })),
  ...bucketForms("changeFile", "", FOUND, (fields) => fields),
  // An item's own bucket rejects the item (BAT-6).
  ...bucketForms("createUploadBatch", "manifest.items[].", [201], (fields) => batchOf({}, fields), [201]),
  "createUploadBatch body.manifest.items[].client_file_id": ITS_OWN,
  "createUploadBatch body.files[].client_file_id": ITS_OWN,
  "search body.filters.file_ids": {
    kind: "file",
    ask: (id) => ({ body: { query: "quay", filters: { file_ids: [id] } } }),
    absent: FOUND,
    own: FOUND,
  },
  "deleteFiles body.filter.file_ids": {
    kind: "file",
    ask: (id) => ({ body: { filter: { file_ids: [id] }, dry_run: true } }),
    absent: FOUND,
    own: FOUND,
  },
  "deleteFiles body.filter.bucket": {
    kind: "bucket",
    ask: (id) => ({ body: { filter: { bucket: id }, dry_run: true } }),
    absent: FOUND,
    own: FOUND,
  },
  "deleteFiles body.cursor": {
    kind: "deletes cursor",
    ask: (id) => ({ body: { filter: { created_before: "2999-01-01T00:00:00Z" }, dry_run: true, cursor: id } }),
    absent: REFUSED,
    deleted: null,
  },
  "createResponse body.input": {
    kind: "file",
    ask: (file_id) =>
      question({
        input: [
          { type: "input_file", file_id },
          { type: "input_text", text: "quay" },
        ],
      }),
    absent: FOUND,
    own: FOUND,
  },
  "createResponse body.previous_response_id": {
    kind: "resp",
    ask: (id) => question({ previous_response_id: id }),
    absent: FOUND,
    own: FOUND,
  },
  "createResponse body.conversation": {
    kind: "conversation",
    ask: (id) => question({ conversation: id }),
    absent: FOUND,
    deleted: null,
    own: FOUND,
  },
  "createProfile body.profile_id": ITS_OWN,
  "createProfile body.bucket_ids": {
    kind: "bucket",
    ask: (id) => ({ body: { profile_id: `p-${randomUUID()}`, bucket_ids: [id] } }),
    absent: UNRESOLVED,
    own: [201],
  },
  "updateProfile body.bucket_ids": {
    kind: "bucket",
    ask: (id) => ({ body: { bucket_ids: [id] } }),
    absent: UNRESOLVED,
    own: FOUND,
  },
};
