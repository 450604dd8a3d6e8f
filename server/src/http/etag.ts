import { createHash } from "node:crypto";
import type { App } from "./route.ts";

/**
 * Conditional answers (POL-6): a route that sets a weak `ETag` on a JSON answer gets its 304 here. The body is
 * serialised for nothing then; what is saved is the transfer and the client's work.
 */
export function addConditionalAnswers(app: App): void {
  app.addHook("onSend", async (request, reply, payload) => {
    const etag = reply.getHeader("etag");
    const conditional = (request.method === "GET" || request.method === "HEAD") && reply.statusCode === 200;
    if (!conditional || typeof etag !== "string" || typeof payload !== "string") return payload;
    if (!matchesEtag(request.headers["if-none-match"], etag)) return payload;
    reply.code(304).removeHeader("content-type").removeHeader("content-length");
    // Of a HEAD, fastify takes the body off itself, behind this hook, and fails when there is none any more.
    return request.method === "HEAD" ? payload : null;
  });
}

/** A validator over the body without `request_id`. Weak: the same state may be spelled by other bytes. */
export function weakEtag(body: object): string {
  return `W/"${createHash("sha256").update(JSON.stringify(body)).digest("base64url").slice(0, 27)}"`;
}

/** Whether `If-None-Match` names the tag, by weak comparison (RFC 9110 §13.1.2, §8.8.3.2). */
export function matchesEtag(ifNoneMatch: string | undefined, etag: string): boolean {
  if (ifNoneMatch === undefined) return false;
  if (ifNoneMatch.trim() === "*") return true;
  const tags = ifNoneMatch.match(/(?:W\/)?"[^"]*"/g) ?? [];
  return tags.some((tag) => opaqueTag(tag) === opaqueTag(etag));
}

function opaqueTag(tag: string): string {
  return tag.replace(/^W\//, "");
}
