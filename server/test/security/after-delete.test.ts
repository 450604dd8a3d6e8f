import assert from "node:assert/strict";
import { createHash, randomUUID } from "node:crypto";
import { FILES, SESSIONS } from "../support/api.ts";
import { probe, put } from "../support/bytes.ts";
import { crc32cBase64, md5Base64, md5Hex, sha256Hex } from "../support/digests.ts";
import { type HttpAnswer, http } from "../support/http.ts";
import { at, textAt } from "../support/json.ts";
import { proves } from "../support/proves.ts";
import { openTarget } from "../support/target.ts";

/**
 * After a delete nobody learns from any answer what the file was: not its name, and not whether a document that
 * somebody has was it.
 */

const { api } = await openTarget();

proves(
  ["PUT-18", "FIN-2"],
  "after a delete no answer holds a digest, name, title, tag, metadata or word of the file",
  async () => {
    const bytes = Buffer.from("Vermilion zeppelins moor at the ninth bollard.");
    const fields = {
      filename: "canary-9c1e-name.txt",
      title: "Canary-9c1e title",
      tags: ["canary-9c1e-tag"],
      metadata: { note: "canary-9c1e-note" },
    };
    const key = { "Idempotency-Key": `after-delete-${randomUUID()}` };
    const session = await api.create(bytes.length, fields, key);
    const before = await put(session.url, null, bytes);
    const finalized = await api.finalize(session.id);
    const [fileId, taskId] = [textAt(finalized.json, "id"), textAt(finalized.json, "task", "id")];
    await api.settled(fileId);

    const secrets = {
      names: "9c1e",
      text: "zeppelin",
      sha256: sha256Hex(bytes),
      sha256Base64: createHash("sha256").update(bytes).digest("base64"),
      md5: md5Base64(bytes),
      md5Hex: md5Hex(bytes),
      crc32c: crc32cBase64(bytes),
    };
    const task = `/v1/knowledge/tasks/${taskId}`;
    const calls: Record<string, () => Promise<HttpAnswer>> = {
      delete: () => api.deleteFile(fileId),
      file: () => api.file(fileId),
      list: () => api.get(`${FILES}?status=deleted&limit=200`),
      content: () => api.content(fileId),
      "content by digest": () => api.content(fileId, { "If-None-Match": `"${secrets.sha256}"` }),
      text: () => api.get(`${FILES}/${fileId}/text`),
      reindex: () => api.call("POST", `${FILES}/${fileId}/reindex`),
      task: () => api.get(task),
      "cancel task": () => api.call("POST", `${task}/cancel`),
      "retry task": () => api.call("POST", `${task}/retry`),
      session: () => api.session(session.id),
      "cancel session": () => api.call("DELETE", `${SESSIONS}/${session.id}`),
      finalize: () => api.finalize(session.id),
      "finalize with its digests": () => api.finalize(session.id, { sha256: secrets.sha256, crc32c: secrets.crc32c }),
      "finalize with another digest": () => api.finalize(session.id, { sha256: "0".repeat(64) }),
      "finalize with another crc32c": () => api.finalize(session.id, { crc32c: "AAAAAA==" }),
      replay: () => api.createRaw(api.createBody(bytes.length, fields), key),
      "other body": () => api.createRaw(api.createBody(bytes.length + 1, fields), key),
      probe: () => probe(session.url),
      "whole probe": () => probe(session.url, bytes.length),
      "put again": () => put(session.url, null, bytes),
      "put others": () => put(session.url, null, Buffer.alloc(bytes.length)),
      "put with a digest": () => put(session.url, null, bytes, { "X-Goog-Hash": `md5=${secrets.md5}` }),
      post: () => put(session.url, null, bytes, {}, "POST"),
      "delete upload": () => put(session.url, null, undefined, {}, "DELETE"),
      search: () => api.search({ query: "vermilion bollard", bucket: api.bucket }),
      buckets: () => api.get("/v1/knowledge/buckets"),
      metrics: () => http(`${api.base}/metrics`),
    };
    // At once, and when the removal task is likely to have been there.
    for (let round = 0; round < 2; round++) {
      for (const [name, call] of Object.entries(calls)) {
        const answer = await call();
        assert.ok(answer.status < 500, `${name}: ${answer.status} ${answer.text}`);
        const all = `${answer.text}\n${JSON.stringify(answer.headers)}`;
        for (const [what, secret] of Object.entries(secrets))
          assert.ok(!all.includes(secret), `${name} answers with the ${what} of a deleted file: ${all}`);
      }
    }

    for (const answer of [await probe(session.url), await put(session.url, null, bytes)]) {
      assert.equal(answer.status, 200);
      const { md5Hash, crc32c, ...rest } = JSON.parse(before.text);
      assert.ok(md5Hash !== undefined && crc32c !== undefined);
      assert.deepEqual(answer.json, rest, "the same resource, but for its digests");
    }
    for (const body of [{}, { sha256: secrets.sha256 }, { sha256: "0".repeat(64) }]) {
      const answer = await api.finalize(session.id, body);
      assert.equal(answer.status, 201, "right and wrong digests are answered alike");
      assert.equal(textAt(answer.json, "status"), "deleted");
      assert.equal(at(answer.json, "id"), fileId);
    }
  },
);
