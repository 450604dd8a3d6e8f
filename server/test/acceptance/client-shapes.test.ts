import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { FILES, SESSIONS } from "../support/api.ts";
import { put } from "../support/bytes.ts";
import type { HttpAnswer } from "../support/http.ts";
import { listAt, shown, textAt } from "../support/json.ts";
import { proves } from "../support/proves.ts";
import {
  count,
  flag,
  id,
  is,
  listOf,
  nothing,
  number,
  object,
  orNull,
  recordOf,
  type Shape,
  someText,
  text,
  time,
  tuple,
} from "../support/shape.ts";
import { openTarget } from "../support/target.ts";

/**
 * What published clients read, field by field (contract §2 to §8, §10, §16). They test for the substring
 * `application/json`.
 */

const { api } = await openTarget();

const REQUEST = { request_id: id("req") };
const SESSION = object({ session_id: id("sess"), upload_url: someText, expires_at: time });
const FILE = object({
  id: id("file"),
  object: is("knowledge_file"),
  status: is("queued", "indexing", "indexed"),
  title: text,
  filename: text,
  content_type: text,
  detected_content_type: orNull(text),
  size_bytes: count,
  sha256: someText,
  tags: listOf(text),
  metadata: recordOf(() => []),
  bucket_ids: listOf(id("bucket"), 1),
  bucketSyncStatus: is("pending", "active"),
  bucketSync: recordOf(object({ slug: someText, status: is("pending", "active") })),
  task: object({
    id: id("task"),
    object: is("knowledge_indexing_task"),
    type: is("index"),
    status: is("queued", "indexing", "indexed"),
  }),
  source: object({ kind: is("upload_session"), session_id: id("sess") }),
  created_at: time,
  updated_at: time,
});
const BUCKET = object({
  id: id("bucket"),
  teamId: id("team"),
  slug: someText,
  name: someText,
  description: orNull(text),
  status: is("active", "archived"),
  knowledgeIds: listOf(id("file")),
  fileIds: listOf(id("file")),
  fileKnowledgeIds: listOf(id("file")),
  filesCount: count,
  memberCount: count,
  rawMemberCount: count,
  fileCount: count,
  retrievableFileCount: count,
  staleMemberCount: count,
  activeNonFileMemberCount: count,
  counts: object({ raw_members: count, file: count, retrievable_files: count }),
  bucketStore: object({
    alias: orNull(text),
    status: is("active"),
    file_count: count,
    indexed_file_count: count,
    pending_file_count: count,
    member_count: count,
    indexed_member_count: count,
    pending_member_count: count,
    last_synced_at: orNull(time),
    last_error: orNull(text),
  }),
});
const ERROR = object({
  error: object({ code: someText, message: someText, retryable: flag, details: object({}) }),
  ...REQUEST,
});
const AGENT_ERROR = (value: unknown, path: string) => [
  ...ERROR(value, path),
  ...object({ detail: someText })(value, path),
];

const ITEM = object({
  client_file_id: someText,
  session_id: id("sess"),
  knowledge_id: id("file"),
  task_id: id("task"),
});
const BATCH = object({
  id: id("batch"),
  object: is("knowledge_batch"),
  status: is("accepted", "active", "partially_failed", "partially_active", "failed"),
  message: someText,
  total: count,
  accepted: count,
  rejected: count,
  queued: count,
  indexing: count,
  active: count,
  partialFailedCount: count,
  failed: count,
  items: listOf(
    object({
      client_file_id: someText,
      clientFileId: someText,
      status: someText,
      file: FILE,
      knowledgeId: id("file"),
      taskId: id("task"),
      canonicalStatus: someText,
      bucketSyncStatus: is("pending", "active"),
      bucketSync: recordOf(object({ slug: someText, status: someText })),
      error: nothing,
    }),
    1,
  ),
  ...REQUEST,
});

const CITATION = object({
  type: is("file_citation"),
  file_id: id("file"),
  filename: someText,
  index: count,
  name: someText,
  url: someText,
  page: count,
  char_start: count,
  char_end: count,
});
const RESPONSE = object({
  id: id("resp"),
  object: is("response"),
  created_at: count,
  status: is("completed"),
  model: is("calypso-rag-agent"),
  error: nothing,
  conversation: object({ id: someText }),
  previous_response_id: orNull(id("resp")),
  output: tuple(
    object({
      type: is("file_search_call"),
      id: someText,
      status: is("completed"),
      queries: listOf(someText, 1),
      results: listOf(
        object({ file_id: id("file"), filename: someText, score: number, text: someText, page: count }),
        1,
      ),
      // Only messages carry content: a client takes the text of whatever item has one.
      content: is(undefined),
    }),
    object({
      type: is("message"),
      id: someText,
      role: is("assistant"),
      status: is("completed"),
      content: tuple(object({ type: is("output_text"), text: someText, annotations: listOf(CITATION, 1) })),
    }),
  ),
  output_text: someText,
  metadata: object({
    sent: object({ nested: listOf(number, 1) }),
    _aicore: object({
      display_text: someText,
      grounded_sources: listOf(
        object({
          index: count,
          label: someText,
          filename: someText,
          snippet: someText,
          knowledge_id: id("file"),
          page: count,
        }),
        1,
      ),
      grounding_supports: listOf(object({ support_index: count, chunks: listOf(count, 1), text: someText }), 1),
    }),
  }),
  usage: object({ input_tokens: count, output_tokens: count, total_tokens: count }),
  ...REQUEST,
});
const MODELS = object({
  object: is("rag_agent_model_list"),
  team_id: id("team"),
  data: listOf(
    object({
      id: someText,
      base_model: is("calypso-rag-agent"),
      profile_id: orNull(text),
      source: is("default_policy", "named_profile"),
      enabled: flag,
      bucket_ids: listOf(id("bucket"), 1),
      buckets: listOf(
        object({ id: id("bucket"), name: text, slug: text, status: is("active"), member_count: count }),
        1,
      ),
      missing_bucket_ids: listOf(text),
    }),
    1,
  ),
  ...REQUEST,
});

proves(
  ["ALL-4", "CRE-1", "FIN-2", "POL-1", "CON-1", "BUC-1"],
  "create, finalize, poll, connection and buckets have every member that clients read",
  async () => {
    const created = await api.createRaw(api.createBody(5, { metadata: { a: 1 }, tags: ["t"] }));
    assertShape(created, 201, object({ session_id: id("sess"), upload_strategy: is("gcs_resumable"), ...REQUEST }));
    assertShape(created, 201, SESSION);
    assert.equal((await put(textAt(created.json, "upload_url"), null, "words")).status, 200);
    const finalized = await api.finalize(textAt(created.json, "session_id"));
    assertShape(finalized, 201, FILE);
    const fileId = textAt(finalized.json, "id");
    await api.settled(fileId);
    assertShape(await api.file(fileId), 200, FILE);
    assertShape(
      await api.file(fileId),
      200,
      object({ status: is("indexed"), bucketSyncStatus: is("active"), ...REQUEST }),
    );
    assertShape(
      await api.get("/v1/connection"),
      200,
      object({
        ok: is(true),
        team_id: id("team"),
        key: object({ id: id("key"), name: someText, scopes: listOf(text, 1) }),
      }),
    );
    assertShape(
      await api.get("/v1/knowledge/buckets"),
      200,
      object({ team_id: id("team"), buckets: listOf(BUCKET, 1), ...REQUEST }),
    );
    assertShape(await api.deleteFile(fileId), 200, object({ status: is("deleted"), metadata: object({}) }));
  },
);

proves(
  ["ALL-5", "ALL-7", "AGT-7"],
  "a refusal has a code, a sentence, retryable and an object of details",
  async () => {
    assertShape(await api.createRaw({}), 400, ERROR);
    assertShape(await api.file("file_absent"), 404, ERROR);
    assertShape(await api.call("GET", "/v1/connection", { headers: { Authorization: "Bearer no" } }), 401, ERROR);
    assertShape(await api.call("POST", "/v1/responses", { body: { input: "" } }), 400, AGENT_ERROR);
  },
);

proves(["BAT-7", "BAT-8"], "a batch, its finalize and its status have every member that clients read", async () => {
  const item = { client_file_id: "one", filename: "one.txt" };
  const manifest = {
    version: 1,
    batch_idempotency_key: randomUUID(),
    bucket: api.bucket,
    create_missing_buckets: true,
  };
  const body = {
    manifest: { ...manifest, items: [item, { client_file_id: "bad", filename: "bad.txt" }] },
    files: [
      { ...item, content_type: "text/plain", size_bytes: 5 },
      { client_file_id: "bad", filename: "bad.txt", content_type: "text/plain", size_bytes: 0 },
    ],
  };
  const made = await api.call("POST", `${FILES}:batch/upload-session`, { body });
  const accepted = object({
    client_file_id: is("one"),
    session_id: id("sess"),
    upload_url: someText,
    expires_at: time,
  });
  const rejected = object({ client_file_id: is("bad"), error: object({ code: someText, message: someText }) });
  assertShape(
    made,
    201,
    object({
      batch_id: id("batch"),
      upload_strategy: is("gcs_resumable"),
      accepted: tuple(accepted),
      rejected: tuple(rejected),
      ...REQUEST,
    }),
  );
  const [session] = listAt(made.json, "accepted");
  assert.equal((await put(textAt(session, "upload_url"), null, "words")).status, 200);
  const batchId = textAt(made.json, "batch_id");
  const finalize = () =>
    api.call("POST", `${FILES}:batch/upload-session/${batchId}/finalize`, { body: { mode: "finalize_uploaded" } });
  const lists = (finalized: Shape, replayed: Shape) =>
    object({
      batch_id: is(batchId),
      status: is("finalized"),
      finalized,
      pending: tuple(),
      failed: tuple(),
      replayed,
      ...REQUEST,
    });
  const first = await finalize();
  assertShape(first, 202, lists(tuple(ITEM), tuple()));
  assertShape(await finalize(), 202, lists(tuple(), tuple(ITEM)));
  await api.settled(textAt(listAt(first.json, "finalized")[0], "knowledge_id"));
  const whole = await api.get(`/v1/knowledge/batches/${batchId}?include_items=true`);
  assertShape(
    whole,
    200,
    object({ items: listOf(object({ client_file_id: someText, clientFileId: someText, status: someText }), 2) }),
  );
  const [one] = listAt(whole.json, "items");
  assertShape({ ...whole, json: { ...Object(whole.json), items: [one] } }, 200, BATCH);
  assertShape(await api.call("DELETE", `${SESSIONS}/${textAt(session, "session_id")}`), 409, ERROR);
});

proves(
  ["AGT-1", "AGT-3", "AGT-4"],
  "each form of a request is answered with every member that clients read",
  async () => {
    const word = `quay${randomUUID().replaceAll("-", "")}`;
    const fileId = await api.indexed(`The ${word} fee is 40 euros a night.`, { filename: "fees.txt", title: "Fees" });
    const question = `How much is the ${word} fee?`;
    const part = { type: "input_text", text: question };
    const forms = [
      question,
      [part],
      [{ role: "user", content: question }],
      [{ role: "user", content: [part, { type: "input_file", file_id: fileId }] }],
      [
        { role: "developer", content: "Be brief." },
        { role: "user", content: "Hello" },
        { role: "assistant", content: "Yes?" },
        { role: "user", content: [part] },
      ],
    ];
    for (const input of forms) {
      const answer = await api.call("POST", "/v1/responses", {
        body: {
          model: "calypso-rag-agent",
          input,
          stream: false,
          store: true,
          metadata: { sent: { nested: [1] } },
          conversation: { id: `shapes-${randomUUID()}` },
          previous_response_id: null,
          instructions: "Be brief.",
          temperature: 0.2,
          tools: [],
        },
      });
      assertShape(answer, 200, RESPONSE);
      const read = await api.get(`/v1/responses/${textAt(answer.json, "id")}`);
      assertShape(read, 200, RESPONSE);
    }
    assertShape(await api.get("/v1/rag-agent/models"), 200, MODELS);
  },
);

function assertShape(answer: HttpAnswer, status: number, shape: Shape): void {
  assert.equal(answer.status, status, shown(answer.json));
  assert.ok(String(answer.headers["content-type"]).includes("application/json"));
  assert.deepEqual(shape(answer.json, "answer"), []);
}
