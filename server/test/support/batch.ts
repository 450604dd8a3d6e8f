import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { setTimeout as wait } from "node:timers/promises";
import { type Api, FILES } from "./api.ts";
import { put } from "./bytes.ts";
import type { HttpAnswer } from "./http.ts";
import { at, listAt, textAt } from "./json.ts";

export const BATCHES = `${FILES}:batch/upload-session`;

/** A file of a batch; `item` and `file` go over what follows from the rest. */
export interface BatchPart {
  readonly id: string;
  readonly bytes: string;
  readonly item?: object;
  readonly file?: object;
}

export interface BatchBody {
  readonly manifest: object;
  readonly files: readonly object[];
}

const POLL_MS = 50;

/** Batches as one key sees them. */
export class Batches {
  readonly #api: Api;

  constructor(api: Api) {
    this.#api = api;
  }

  /** All of them into the key's bucket, unless `manifest` says otherwise. */
  bodyOf(parts: readonly BatchPart[], manifest: object = {}): BatchBody {
    return {
      manifest: {
        version: 1,
        batch_idempotency_key: randomUUID(),
        bucket: this.#api.bucket,
        create_missing_buckets: true,
        items: parts.map(({ id, item }) => ({ client_file_id: id, filename: `${id}.txt`, ...item })),
        ...manifest,
      },
      files: parts.map(({ id, bytes, file }) => ({
        client_file_id: id,
        filename: `${id}.txt`,
        content_type: "text/plain",
        size_bytes: bytes.length,
        ...file,
      })),
    };
  }

  send(body: object, query = ""): Promise<HttpAnswer> {
    return this.#api.call("POST", `${BATCHES}${query}`, { body });
  }

  finalize(id: string): Promise<HttpAnswer> {
    return this.#api.call("POST", `${BATCHES}/${id}/finalize`, { body: { mode: "finalize_uploaded" } });
  }

  /** With its items. */
  async status(id: string): Promise<unknown> {
    return (await this.#api.get(`/v1/knowledge/batches/${id}?include_items=true`)).json;
  }

  /** Sends the bytes of every part that the answer accepted. */
  async upload(answer: HttpAnswer, parts: readonly BatchPart[]): Promise<void> {
    for (const one of listAt(answer.json, "accepted")) {
      const part = parts.find(({ id }) => id === at(one, "client_file_id"));
      if (part !== undefined)
        assert.equal((await put(textAt(one, "upload_url"), null, Buffer.from(part.bytes))).status, 200);
    }
  }

  /** Waits until the batch is not `accepted` any more. */
  async ended(id: string): Promise<unknown> {
    for (;;) {
      const batch = await this.status(id);
      if (textAt(batch, "status") !== "accepted") return batch;
      for (const item of listAt(batch, "items"))
        if (["queued", "indexing"].includes(textAt(item, "status")))
          await this.#api.settled(textAt(item, "knowledgeId"));
      await wait(POLL_MS);
    }
  }
}
