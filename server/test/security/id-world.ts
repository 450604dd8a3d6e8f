import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { type Api, FILES, SESSIONS } from "../support/api.ts";
import { listAt, shown, textAt } from "../support/json.ts";
import type { Named } from "./id-rows.ts";

const PROFILES = "/v1/rag-agent/profiles";

/** One of everything that can be named, of the team of this key. */
export async function makeNamed(api: Api): Promise<Named> {
  const slug = `named-${randomUUID().slice(0, 8)}`;
  const file = await api.indexed("The quay fee is due at noon.", { bucket: slug });
  await api.indexed("Boats leave the quay at dawn.", { bucket: slug });
  const session = await api.create(1, { bucket: slug });
  const seen = (await api.file(file)).json;
  const bucket = String(listAt(seen, "bucket_ids")[0]);
  // So that the list has a second page.
  await api.create(1, { bucket: `${slug}-2` });
  const item = { client_file_id: "one", filename: "one.txt" };
  const batch = await made(api, "/v1/knowledge/files:batch/upload-session", {
    manifest: { version: 1, batch_idempotency_key: randomUUID(), bucket: slug, items: [item] },
    files: [{ ...item, size_bytes: 1 }],
  });
  const conversation = `conversation-${randomUUID()}`;
  const response = await made(api, "/v1/responses", { input: "quay fee", conversation });
  const profile = await made(api, PROFILES, { profile_id: `p-${randomUUID()}`, enabled: false });
  const cursorOf = async (path: string) => {
    const { json } = await api.get(path);
    return textAt(json, "next_cursor");
  };
  const files = await cursorOf(`${FILES}?limit=1`);
  return {
    file,
    task: textAt(seen, "task", "id"),
    sess: session.id,
    batch: textAt(batch, "batch_id"),
    bucket,
    resp: textAt(response, "id"),
    profile: textAt(profile, "profile_id"),
    conversation,
    "files cursor": files,
    "buckets cursor": await cursorOf("/v1/knowledge/buckets?limit=1"),
    "bucket files cursor": await cursorOf(`/v1/knowledge/buckets/${bucket}/files?limit=1`),
    "tasks cursor": await cursorOf("/v1/knowledge/tasks?limit=1"),
    "sessions cursor": await cursorOf(`${SESSIONS}s?limit=1`),
    // One of its own comes after 1 000 files; both are cursors of files.
    "deletes cursor": files,
  };
}

/** The same, and deleted again, but for what nothing deletes. */
export async function makeDeleted(api: Api): Promise<Named> {
  const named = await makeNamed(api);
  for (const path of [
    `${FILES}/${named.file}`,
    `${SESSIONS}/${named.sess}`,
    `/v1/knowledge/buckets/${named.bucket}?force=true`,
    `/v1/responses/${named.resp}`,
    `${PROFILES}/${named.profile}`,
  ]) {
    const answer = await api.call("DELETE", path);
    assert.equal(answer.status, 200, `${path}: ${shown(answer.json)}`);
  }
  return named;
}

async function made(api: Api, path: string, body: unknown): Promise<unknown> {
  const { status, json } = await api.call("POST", path, { body });
  assert.ok(status < 300, shown(json));
  return json;
}
