import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import type { Agent, OutgoingHttpHeaders } from "node:http";
import { type HttpAnswer, http } from "./http.ts";
import { numberAt, shown, textAt } from "./json.ts";

export interface CreateFields {
  readonly filename?: string;
  readonly content_type?: string;
  readonly [field: string]: unknown;
}

export interface Session {
  readonly id: string;
  readonly url: string;
  readonly answer: HttpAnswer;
}

export interface JsonCall {
  readonly body?: unknown;
  /** Sent as it stands, with `Content-Type: application/json`. */
  readonly rawBody?: string | Uint8Array;
  readonly headers?: OutgoingHttpHeaders;
  readonly timeoutMs?: number;
  readonly pieceMs?: number;
}

/** The JSON API as one key sees it. Nothing here asserts but the methods that say so. */
export class Api {
  /** Base without `/v1`. */
  readonly base: string;
  readonly key: string;
  /** A bucket of this test file alone, so that a shared server's other files do not matter. */
  readonly bucket = `acceptance-${randomUUID().slice(0, 13)}`;

  readonly #agent: Agent | undefined;

  /** `agent`: keeps connections; default: each call has its own. */
  constructor(base: string, key: string, agent?: Agent) {
    this.base = base;
    this.key = key;
    this.#agent = agent;
  }

  call(method: string, path: string, call: JsonCall = {}): Promise<HttpAnswer> {
    const { body, rawBody, headers = {}, timeoutMs, pieceMs } = call;
    const sent = rawBody ?? (body === undefined ? undefined : JSON.stringify(body));
    return http(`${this.base}${path}`, {
      method,
      headers: {
        Authorization: `Bearer ${this.key}`,
        ...(sent === undefined ? {} : { "Content-Type": "application/json" }),
        ...headers,
      },
      ...(sent === undefined ? {} : { body: sent }),
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
      ...(pieceMs === undefined ? {} : { pieceMs }),
      ...(this.#agent === undefined ? {} : { agent: this.#agent }),
    });
  }

  get(path: string, headers: OutgoingHttpHeaders = {}, timeoutMs?: number): Promise<HttpAnswer> {
    return this.call("GET", path, { headers, ...(timeoutMs === undefined ? {} : { timeoutMs }) });
  }

  /** POST create with the given fields as they are, nothing added. */
  createRaw(body: unknown, headers: OutgoingHttpHeaders = {}): Promise<HttpAnswer> {
    return this.call("POST", SESSIONS, { body, headers });
  }

  /** A session for `sizeBytes` in this file's bucket. Asserts 201. */
  async create(sizeBytes: number, fields: CreateFields = {}, headers: OutgoingHttpHeaders = {}): Promise<Session> {
    const answer = await this.createRaw(this.createBody(sizeBytes, fields), headers);
    assert.equal(answer.status, 201, shown(answer.json));
    return { id: textAt(answer.json, "session_id"), url: textAt(answer.json, "upload_url"), answer };
  }

  /** What `create` sends. A field given as undefined is left out. */
  createBody(sizeBytes: number, fields: CreateFields = {}): Readonly<Record<string, unknown>> {
    return {
      filename: "note.txt",
      content_type: "text/plain",
      size_bytes: sizeBytes,
      bucket: this.bucket,
      create_missing_buckets: true,
      ...fields,
    };
  }

  finalize(sessionId: string, body: unknown = {}): Promise<HttpAnswer> {
    return this.call("POST", `${SESSIONS}/${sessionId}/finalize`, { body });
  }

  session(sessionId: string): Promise<HttpAnswer> {
    return this.get(`${SESSIONS}/${sessionId}`);
  }

  async receivedBytes(sessionId: string): Promise<number> {
    return numberAt((await this.session(sessionId)).json, "received_bytes");
  }

  /** Create, one PUT, finalize. Asserts each and returns the file's id. */
  async upload(bytes: Uint8Array, fields: CreateFields = {}): Promise<string> {
    const session = await this.create(bytes.length, fields);
    const put = await http(session.url, { method: "PUT", body: bytes });
    assert.equal(put.status, 200, put.text);
    const finalized = await this.finalize(session.id);
    assert.equal(finalized.status, 201, shown(finalized.json));
    return textAt(finalized.json, "id");
  }

  file(fileId: string, query = ""): Promise<HttpAnswer> {
    return this.get(`${FILES}/${fileId}${query}`, {}, 90_000);
  }

  content(fileId: string, headers: OutgoingHttpHeaders = {}): Promise<HttpAnswer> {
    return this.get(`${FILES}/${fileId}/content`, headers);
  }

  deleteFile(fileId: string): Promise<HttpAnswer> {
    return this.call("DELETE", `${FILES}/${fileId}`);
  }

  /** Waits until the file is indexed, failed or deleted, and returns it. */
  async settled(fileId: string, withinMs = 600_000): Promise<unknown> {
    const until = performance.now() + withinMs;
    for (;;) {
      const { status, json } = await this.file(fileId, "?wait=20");
      assert.equal(status, 200, shown(json));
      if (["indexed", "failed", "deleted"].includes(textAt(json, "status"))) return json;
      assert.ok(performance.now() < until, `not settled in time: ${shown(json)}`);
    }
  }

  /** Upload and wait. Asserts that it is indexed. */
  async indexed(content: Uint8Array | string, fields: CreateFields = {}): Promise<string> {
    const fileId = await this.upload(Buffer.from(content), fields);
    const file = await this.settled(fileId);
    assert.equal(textAt(file, "status"), "indexed", shown(file));
    return fileId;
  }

  search(body: Readonly<Record<string, unknown>>): Promise<HttpAnswer> {
    return this.call("POST", "/v1/knowledge/search", { body });
  }
}

export const FILES = "/v1/knowledge/files";
export const SESSIONS = `${FILES}/upload-session`;
