import type { Answer, Recorder } from "./recorder.ts";

const FILES = "/v1/knowledge/files";
const SESSIONS = `${FILES}/upload-session`;
const BATCHES = `${FILES}:batch/upload-session`;
const BUCKETS = "/v1/knowledge/buckets";
const TASKS = "/v1/knowledge/tasks";
const PROFILES = "/v1/rag-agent/profiles";

const RULES = "Ships longer than forty metres take a pilot on board. A pilot is ordered 24 hours before arrival.";
const FEES = "The mooring fee is 40 euros a night. Fees are due before noon.";

/** A team's first day: every operation that answers JSON, once or more. */
export async function recordAll(to: Recorder): Promise<void> {
  await to.call("getHealth", "GET", "/healthz");
  await to.call("getConnection", "GET", "/v1/connection");
  const bucket = await buckets(to);
  const fileId = await oneFile(to, bucket);
  await inOneCall(to);
  await batch(to);
  await lists(to, bucket);
  await to.call("search", "POST", "/v1/knowledge/search", {
    body: { query: "who needs a pilot", bucket: "harbour", filters: { tags: ["rules"] }, limit: 1 },
  });
  await agents(to, bucket);
  await tasks(to, fileId);
  await deletes(to, fileId);
  // The first look at the index is behind it.
  await to.call("getReadiness", "GET", "/readyz", {
    until: (answer) => JSON.stringify(answer).includes('"search_index":"ok"'),
  });
}

async function buckets(to: Recorder): Promise<string> {
  const body = { slug: "harbour", name: "Harbour", description: "What ships and their masters ask" };
  const bucket = (await to.call("createBucket", "POST", BUCKETS, { body })).text("id");
  await to.call("changeBucket", "PATCH", `${BUCKETS}/${bucket}`, { body: { name: "Harbour office" } });
  await to.call("getBucket", "GET", `${BUCKETS}/${bucket}`);
  return bucket;
}

/** Create, PUT, finalize, until it is indexed. */
async function oneFile(to: Recorder, bucket: string): Promise<string> {
  const body = {
    filename: "pilots.md",
    content_type: "text/markdown",
    size_bytes: RULES.length,
    title: "Rules for pilots",
    tags: ["rules"],
    metadata: { external_id: "rule-7", year: 2026 },
    bucket: "harbour",
  };
  await to.call("createUploadSession", "POST", `${SESSIONS}?dry_run=true`, { body });
  const session = await to.call("createUploadSession", "POST", SESSIONS, { body });
  const id = session.text("session_id");
  await to.put(session.text("upload_url"), RULES);
  await to.call("getUploadSession", "GET", `${SESSIONS}/${id}`);
  const file = await to.call("finalizeUploadSession", "POST", `${SESSIONS}/${id}/finalize`, { body: {} });
  const fileId = file.text("id");
  await indexed(to, fileId);
  const changes = { tags: ["rules", "pilots"], bucket_ids: [bucket] };
  await to.call("changeFile", "PATCH", `${FILES}/${fileId}`, { body: changes });
  await to.call("getFileText", "GET", `${FILES}/${fileId}/text`);
  const other = await to.call("createUploadSession", "POST", SESSIONS, { body: { ...body, filename: "draft.md" } });
  await to.call("cancelUploadSession", "DELETE", `${SESSIONS}/${other.text("session_id")}`);
  return fileId;
}

async function inOneCall(to: Recorder): Promise<void> {
  const form = new FormData();
  form.set("file", new File([FEES], "fees.txt", { type: "text/plain" }));
  form.set("bucket", "harbour");
  form.set("tags", "fees");
  await to.call("uploadFile", "POST", FILES, { form });
}

function indexed(to: Recorder, fileId: string): Promise<Answer> {
  return to.call("getFile", "GET", `${FILES}/${fileId}?wait=10`, { until: ({ status }) => status === "indexed" });
}

async function batch(to: Recorder): Promise<void> {
  const body = {
    manifest: {
      version: 1,
      batch_idempotency_key: "fees-2026-11-29",
      bucket: "harbour",
      items: [
        { client_file_id: "fees", filename: "Fees", tags: ["fees"] },
        { client_file_id: "empty", filename: "Nothing" },
      ],
    },
    files: [
      { client_file_id: "fees", filename: "fees.txt", content_type: "text/plain", size_bytes: FEES.length },
      { client_file_id: "empty", filename: "empty.txt", content_type: "text/plain", size_bytes: 0 },
    ],
  };
  await to.call("createUploadBatch", "POST", `${BATCHES}?dry_run=true`, { body });
  const made = await to.call("createUploadBatch", "POST", BATCHES, { body });
  const id = made.text("batch_id");
  await to.put(made.text("accepted", 0, "upload_url"), FEES);
  const mode = { mode: "finalize_uploaded" };
  await to.call("finalizeUploadBatch", "POST", `${BATCHES}/${id}/finalize`, { body: mode });
  await to.call("getBatch", "GET", `/v1/knowledge/batches/${id}?include_items=true`, {
    until: ({ status }) => status !== "accepted",
  });
}

async function lists(to: Recorder, bucket: string): Promise<void> {
  await to.call("listBuckets", "GET", BUCKETS);
  await to.call("listFiles", "GET", `${FILES}?bucket=harbour&tag=rules`);
  await to.call("listBucketFiles", "GET", `${BUCKETS}/${bucket}/files?limit=1`);
  await to.call("listTasks", "GET", `${TASKS}?limit=1`);
  await to.call("listUploadSessions", "GET", `${SESSIONS}s?status=cancelled`);
}

async function agents(to: Recorder, bucket: string): Promise<void> {
  const body = { profile_id: "pilots", name: "Pilots", bucket_ids: [bucket], instructions: "Be brief." };
  await to.call("createProfile", "POST", PROFILES, { body });
  await to.call("updateProfile", "PATCH", `${PROFILES}/pilots`, { body: { enabled: true } });
  await to.call("getProfile", "GET", `${PROFILES}/pilots`);
  await to.call("listProfiles", "GET", PROFILES);
  await to.call("listModels", "GET", "/v1/rag-agent/models");
  await to.call("listOpenAiModels", "GET", "/v1/models");
  const question = { model: "calypso-rag-agent", input: "Which ships need a pilot?", metadata: { ticket: 12 } };
  const id = (await to.call("createResponse", "POST", "/v1/responses", { body: question })).text("id");
  await to.call("getResponse", "GET", `/v1/responses/${id}`);
  await to.call("deleteResponse", "DELETE", `/v1/responses/${id}`);
  await to.call("deleteProfile", "DELETE", `${PROFILES}/pilots`);
}

/** A task that waits is given up, and taken up again. Files are added until one has to wait. */
async function tasks(to: Recorder, fileId: string): Promise<void> {
  const reindexed = await to.call("reindexFile", "POST", `${FILES}/${fileId}/reindex`);
  await to.call("getTask", "GET", `${TASKS}/${reindexed.text("task", "id")}`, {
    until: ({ status }) => status === "indexed",
  });
  for (let tries = 0; ; tries++) {
    const again = await Promise.all(
      Array.from({ length: 8 }, () => to.call("reindexFile", "POST", `${FILES}/${fileId}/reindex`)),
    );
    const task = again.at(-1)?.text("task", "id");
    const cancelled = await to.call("cancelTask", "POST", `${TASKS}/${task}/cancel`).catch((error: unknown) => error);
    if (!(cancelled instanceof Error)) {
      await to.call("retryTask", "POST", `${TASKS}/${task}/retry`);
      await indexed(to, fileId);
      return;
    }
    if (tries === 20) throw cancelled;
  }
}

async function deletes(to: Recorder, fileId: string): Promise<void> {
  await to.call("deleteFile", "DELETE", `${FILES}/${fileId}`);
  const body = { filter: { bucket: "harbour", tag: "fees" }, dry_run: false };
  await to.call("deleteFiles", "POST", `${FILES}:delete`, { body });
  const made = await to.call("createBucket", "POST", BUCKETS, { body: { slug: "short-lived" } });
  await to.call("deleteBucket", "DELETE", `${BUCKETS}/${made.text("id")}`);
}
