import { randomBytes } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { setTimeout as wait } from "node:timers/promises";
import { toRfc3339 } from "../../clock.ts";
import { WharfError } from "../../errors.ts";
import { LIMITS } from "../../limits.ts";
import type { Session } from "../session.ts";
import type { RefusalText } from "./byte-protocol.ts";
import type { Digests } from "./digests.ts";

/** The shapes of Google's answers on `upload_url` (byte-endpoint §6, rows P3, P4, K5 … K8, C5 … C13). */

const NO_STORE = {
  "Cache-Control": "no-cache, no-store, max-age=0, must-revalidate",
  Pragma: "no-cache",
  Expires: "Mon, 01 Jan 1990 00:00:00 GMT",
  "Referrer-Policy": "no-referrer",
  "X-Content-Type-Options": "nosniff",
} as const;

/** What a page may read; without `Range` a browser client takes a 308 for "all kept" and loses data silently (C6). */
const EXPOSED =
  "Content-Length, Content-Type, Date, Range, Retry-After, ETag, X-GUploader-UploadID, X-Goog-Running-Hash, X-HTTP-Status-Code-Override, X-Range-MD5, X-Request-Id";

const ALLOWED_HEADERS =
  "authorization, content-encoding, content-md5, content-range, content-type, idempotency-key, x-goog-api-client, x-goog-hash, x-guploader-no-308, x-upload-content-length, x-upload-content-type";

/** Headers of every answer: set before anything can go wrong, so that a page can read refusals too (C9). */
export function setCommonHeaders(
  request: IncomingMessage,
  response: ServerResponse,
  requestId: string,
  origins: readonly string[],
): void {
  for (const [name, value] of Object.entries(NO_STORE)) response.setHeader(name, value);
  response.setHeader("X-Request-Id", requestId);
  response.setHeader("X-GUploader-UploadID", randomBytes(24).toString("base64url"));
  const any = origins.includes("*");
  response.setHeader("Vary", "Origin, X-Origin");
  const origin = request.headers.origin;
  if (any) response.setHeader("Access-Control-Allow-Origin", "*");
  else if (origin !== undefined && origins.includes(origin)) response.setHeader("Access-Control-Allow-Origin", origin);
  response.setHeader("Access-Control-Expose-Headers", EXPOSED);
}

/** C1 … C4. The URL is the credential, so any plain header may be sent along. */
export function answerPreflight(request: IncomingMessage, response: ServerResponse): void {
  const asked = request.headers["access-control-request-headers"];
  const headers = asked !== undefined && /^[A-Za-z0-9-]+(\s*,\s*[A-Za-z0-9-]+)*$/.test(asked) ? asked : ALLOWED_HEADERS;
  response.writeHead(204, {
    "Access-Control-Allow-Methods": "PUT, POST, DELETE, OPTIONS",
    "Access-Control-Allow-Headers": headers,
    "Access-Control-Max-Age": "600",
  });
  response.end();
}

/** K5 … K7, K16, Q1: `Range` exactly `bytes=0-<last byte kept>`, none while nothing is kept, and never a Location. */
export function answerProgress(
  request: IncomingMessage,
  response: ServerResponse,
  receivedBytes: number,
  digests: Digests,
): void {
  const headers: Record<string, string | number> = { "Content-Type": "text/plain; charset=utf-8", "Content-Length": 0 };
  if (receivedBytes > 0) {
    headers["Range"] = `bytes=0-${receivedBytes - 1}`;
    headers["X-Range-MD5"] = digests.md5Hex;
    headers["X-Goog-Running-Hash"] = `crc32c=${digests.crc32cBase64}`;
  }
  if (request.headers["x-guploader-no-308"] === "yes") {
    response.writeHead(200, { ...headers, "X-HTTP-Status-Code-Override": 308 });
  } else {
    response.writeHead(308, "Resume Incomplete", headers);
  }
  response.end();
}

/** P3, P4, L1: the same resource for ever; once the file is deleted, without digests (PUT-18). */
export function answerResource(
  request: IncomingMessage,
  response: ServerResponse,
  session: Session,
  publicUrl: string,
): Promise<void> {
  const time = toRfc3339(session.receivedAt ?? session.createdAt);
  const generation = String((session.receivedAt ?? session.createdAt) * 1000);
  const name = `uploads/${session.id}`;
  const self = `${publicUrl}/v1/knowledge/files/upload-session/${session.id}`;
  const etag = Buffer.from(`${session.id}/${generation}`).toString("base64url");
  const body = JSON.stringify({
    kind: "storage#object",
    id: `wharf/${name}/${generation}`,
    selfLink: self,
    mediaLink: self,
    name,
    bucket: "wharf",
    generation,
    metageneration: "1",
    contentType: session.contentType,
    storageClass: "STANDARD",
    size: String(session.sizeBytes),
    md5Hash: session.md5 ?? undefined,
    crc32c: session.crc32c ?? undefined,
    etag,
    timeCreated: time,
    updated: time,
    timeStorageClassUpdated: time,
    timeFinalized: time,
  });
  const headers = { "Content-Type": "application/json; charset=UTF-8", ETag: etag };
  return answer(request, response, 200, undefined, headers, body);
}

/** The upload server's refusals are bare text (§6). */
export function refuseWithText(
  request: IncomingMessage,
  response: ServerResponse,
  refusal: RefusalText,
): Promise<void> {
  const headers: Record<string, string> = { "Content-Type": "text/plain; charset=utf-8" };
  if (refusal.allow !== undefined) headers["Allow"] = refusal.allow;
  if (refusal.status === 503) headers["Retry-After"] = "1";
  const reason = refusal.status === 499 ? "Client Closed Request" : undefined;
  return answer(request, response, refusal.status, reason, headers, refusal.text);
}

/** P23: digests are refused by the JSON API behind the upload server. */
export function refuseDigest(request: IncomingMessage, response: ServerResponse, message: string): Promise<void> {
  const error = { code: 400, message, errors: [{ message, domain: "global", reason: "invalid" }] };
  const headers = { "Content-Type": "application/json; charset=UTF-8" };
  return answer(request, response, 400, undefined, headers, JSON.stringify({ error }));
}

/**
 * An answer that a client which is still sending can read: send it, read and drop for at most 5 s or 32 MiB, and only
 * then end. Ending at once would reset the connection and lose the answer on its way (A16); reading for ever would
 * serve an attacker (A20).
 */
async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
  reason: string | undefined,
  headers: Record<string, string>,
  text: string,
): Promise<void> {
  if (response.headersSent || (request.destroyed && !request.complete)) {
    response.destroy();
    return;
  }
  const framed = { ...headers, "Content-Length": Buffer.byteLength(text) };
  const unread = !request.complete && hasBody(request);
  if (unread) Object.assign(framed, { Connection: "close" });
  if (reason === undefined) response.writeHead(status, framed);
  else response.writeHead(status, reason, framed);
  if (unread) {
    if (text === "") response.flushHeaders();
    else response.write(text);
    await dropRest(request);
  }
  response.end(unread ? undefined : text);
}

function hasBody(request: IncomingMessage): boolean {
  return request.headers["transfer-encoding"] !== undefined || Number(request.headers["content-length"] ?? 0) > 0;
}

async function dropRest(request: IncomingMessage): Promise<void> {
  const done = new AbortController();
  let dropped = 0;
  const finished = new Promise<void>((resolve) => {
    request.on("data", (chunk: Uint8Array) => {
      dropped += chunk.length;
      if (dropped > LIMITS.refusalDrainBytes) resolve();
    });
    request.once("end", resolve);
    request.once("close", resolve);
    request.once("error", () => resolve());
    request.resume();
  });
  const timeUp = wait(LIMITS.refusalDrainMs, undefined, { signal: done.signal }).catch(() => {});
  await Promise.race([finished, timeUp]);
  done.abort();
}

/** What a failure of ours is in this dialect: Google's clients retry 503 and give up on 507 (PUT-20). */
export function refusalOfFailure(error: unknown): RefusalText {
  const full = error instanceof WharfError && error.code === "storage_full";
  return {
    status: 503,
    text: full ? "The server's disk is nearly full. Try again later." : "Storage does not answer right now. Try again.",
  };
}
