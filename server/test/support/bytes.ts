import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import type { OutgoingHttpHeaders } from "node:http";
import type { Api, Session } from "./api.ts";
import { sha256Hex } from "./digests.ts";
import { type HttpAnswer, type HttpCall, http } from "./http.ts";
import { shown, textAt } from "./json.ts";

/** Speaking to `upload_url`. */

export const UNIT = 256 * 1024;

/** `range` is the value of Content-Range without "bytes ". */
export function put(
  url: string,
  range: string | null,
  body: HttpCall["body"] = Buffer.alloc(0),
  headers: OutgoingHttpHeaders = {},
  method = "PUT",
): Promise<HttpAnswer> {
  const contentRange = range === null ? {} : { "Content-Range": `bytes ${range}` };
  return http(url, { method, body, headers: { ...contentRange, ...headers } });
}

export function probe(url: string, total: number | "*" = "*"): Promise<HttpAnswer> {
  return put(url, `*/${total}`);
}

/** How many bytes a 308 says are kept. Asserts the shape that clients rely on (K5). */
export function keptOf(answer: HttpAnswer): number {
  assert.equal(answer.status, 308, answer.text);
  assert.equal(answer.headers["location"], undefined, "a 308 with a Location is followed by clients");
  assert.equal(answer.body.length, 0);
  const range = answer.headers["range"];
  if (range === undefined) return 0;
  const match = /^bytes=0-(\d+)$/.exec(range);
  assert.ok(match, `Range is ${range}`);
  return Number(match[1]) + 1;
}

export async function kept(url: string): Promise<number> {
  return keptOf(await probe(url));
}

/** Asserts 200 and the object resource of exactly these bytes. */
export function assertResource(answer: HttpAnswer, bytes: Uint8Array): void {
  assert.equal(answer.status, 200, answer.text);
  assert.equal(textAt(answer.json, "size"), String(bytes.length));
  assert.equal(answer.headers["location"], undefined);
}

/** Sends what is missing in one part and asserts that the object is complete. */
export async function resume(url: string, bytes: Uint8Array): Promise<HttpAnswer> {
  const have = keptOf(await probe(url));
  const answer = await put(url, `${have}-${bytes.length - 1}/${bytes.length}`, bytes.subarray(have));
  assertResource(answer, bytes);
  return answer;
}

/** Finalize, then read the file back: its sha256 is that of the bytes. Returns the file's id. */
export async function assertStored(api: Api, session: Session, bytes: Uint8Array): Promise<string> {
  const finalized = await api.finalize(session.id);
  assert.equal(finalized.status, 201, shown(finalized.json));
  assert.equal(textAt(finalized.json, "sha256"), sha256Hex(bytes));
  const fileId = textAt(finalized.json, "id");
  const content = await api.content(fileId);
  assert.equal(content.status, 200, content.text.slice(0, 300));
  assert.equal(sha256Hex(content.body), sha256Hex(bytes));
  return fileId;
}
