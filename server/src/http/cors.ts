import type { FastifyRequest } from "fastify";
import { type App, isUnderV1 } from "./route.ts";

/** Headers of the API's answers that a page may read, beside those that every page may. */
const EXPOSED = [
  "Content-Disposition",
  "Content-Range",
  "ETag",
  "Idempotent-Replayed",
  "RateLimit",
  "RateLimit-Policy",
  "Retry-After",
  "X-Request-Id",
  "X-Should-Retry",
].join(", ");

const ALLOWED_HEADERS = "Authorization, Content-Type, Idempotency-Key, If-None-Match, Last-Event-ID, Prefer, Range";

/**
 * Lets pages of `origins` call the API ("*": of any). Refusals carry the headers, too: else a page could not tell a
 * wrong key from a dead network. Credentials are never allowed: a key is sent in a header, and a cookie must not be
 * used from elsewhere. Add it before the guard: a preflight has no key, and its answer says nothing about what is
 * there. upload_url has its own (byte-endpoint §2, C).
 */
export function addCors(app: App, origins: readonly string[]): void {
  if (origins.length === 0) return;
  const any = origins.includes("*");
  app.addHook("onRequest", async (request, reply) => {
    if (!isUnderV1(request.url)) return;
    reply.header("Vary", "Origin");
    const { origin } = request.headers;
    if (origin === undefined || !(any || origins.includes(origin))) return;
    reply.headers({
      "Access-Control-Allow-Origin": any ? "*" : origin,
      "Access-Control-Expose-Headers": EXPOSED,
    });
    if (!isPreflight(request)) return;
    reply.headers({
      "Access-Control-Allow-Methods": "GET, HEAD, POST, PATCH, DELETE",
      "Access-Control-Allow-Headers": ALLOWED_HEADERS,
      "Access-Control-Max-Age": "600",
    });
    return reply.code(204).send();
  });
}

function isPreflight({ method, headers }: FastifyRequest): boolean {
  return method === "OPTIONS" && headers["access-control-request-method"] !== undefined;
}
