import { STATUS_CODES } from "node:http";
import type { FastifyReply, FastifyRequest } from "fastify";
import Negotiator from "negotiator";
import { BlobStoreError } from "../blobs/blob-store.ts";
import { CATALOGUE, type ErrorCode, errorCodeOf, toError, WharfError } from "../errors.ts";
import { ClientGoneError } from "../fairness/turns.ts";
import type { Log } from "../log.ts";
import { SearchIndexError } from "../search-index/search-index.ts";
import type { App } from "./route.ts";

/** The shape of every answer: ids, headers, and what becomes of whatever was thrown (ALL-4, ALL-5). */
export function addEnvelope(app: App, log: Log): void {
  app.addHook("onRequest", async (request, reply) => {
    reply.headers(headersOfEveryAnswer(request.id));
  });
  app.addHook("preSerialization", async (request, _reply, body) =>
    request.routeOptions.config.scope !== undefined && isPlainBody(body) ? { ...body, request_id: request.id } : body,
  );
  app.addHook("onResponse", async (request, reply) => {
    // The route's pattern, never the URL: that may hold what must not be logged.
    const { method, routeOptions } = request;
    const took = Math.round(reply.elapsedTime);
    log.debug(
      { request_id: request.id, method, route: routeOptions.url, status: reply.statusCode, ms: took },
      "answered",
    );
  });
  app.setErrorHandler((error, request, reply) => answerError(log, request, reply, error));
  app.setNotFoundHandler((request, reply) => answerError(log, request, reply, new WharfError("not_found")));
}

/** Answers with the error's code, or `internal`. The place that decides the outcome logs it, once. */
export function answerError(log: Log, request: FastifyRequest, reply: FastifyReply, thrown: unknown): FastifyReply {
  const error = toWharfError(thrown);
  const { status } = CATALOGUE[error.code];
  // Nobody reads the answer of a client that left, and nothing went wrong.
  if (status >= 500 && !isOfLeaving(request, thrown)) {
    const fields = {
      request_id: request.id,
      method: request.method,
      route: request.routeOptions.url,
      code: error.code,
    };
    log[status === 500 ? "error" : "warn"]({ ...fields, err: error.cause ?? error }, "request failed");
  }
  const { detail = false } = request.routeOptions.config;
  const { type, body } = errorBody(error, request.id, request.headers.accept, { detail });
  return reply
    .code(status)
    .headers({ ...headersOfEveryAnswer(request.id), ...retryAfter(error), ...error.headers })
    .type(type)
    .send(body);
}

/**
 * Whether the client left: while it waited for its turn, or before the first byte of a stream, which then ends early.
 */
function isOfLeaving(request: FastifyRequest, thrown: unknown): boolean {
  if (thrown instanceof ClientGoneError) return true;
  return errorCodeOf(thrown) === "ERR_STREAM_PREMATURE_CLOSE" && request.raw.socket.destroyed;
}

/** The answer as text, for places outside Fastify too (server.ts). */
export function errorBody(
  error: WharfError,
  requestId: string,
  accept: string | undefined,
  { detail = false }: { readonly detail?: boolean } = {},
) {
  const { status, retryable } = CATALOGUE[error.code];
  const body = {
    error: { code: error.code, message: error.message, retryable, details: error.details },
    request_id: requestId,
    ...(detail ? { detail: error.message } : {}),
  };
  if (!prefersProblem(accept)) return { type: JSON_TYPE, body: JSON.stringify(body) };
  // RFC 9457. The type leads to the code's entry in our own OpenAPI document.
  const problem = {
    type: `/openapi.json#/x-error-codes/${error.code}`,
    title: STATUS_CODES[status] ?? "Error",
    status,
    detail: error.message,
    instance: `urn:request:${requestId}`,
  };
  return { type: PROBLEM_TYPE, body: JSON.stringify({ ...body, ...problem }) };
}

export function headersOfEveryAnswer(requestId: string): Readonly<Record<string, string>> {
  return {
    "X-Request-Id": requestId,
    // Answers carry capabilities and documents: no cache, no referrer, no sniffing, no part or frame of another
    // origin's page (a key cannot come with those, but the dashboard's cookie does). A route may allow
    // revalidation (etag.ts).
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
  };
}

/** Every 429, 503 and 507 says when to come back (RFC 9110 §10.2.3), in whole seconds. */
export function retryAfter(error: WharfError): Readonly<Record<string, string>> {
  switch (CATALOGUE[error.code].status) {
    case 429:
      return { "Retry-After": "1" };
    case 503:
      return { "Retry-After": "2" };
    case 507:
      return { "Retry-After": "60" };
    default:
      return error.code === "idempotency_in_progress" ? { "Retry-After": "1" } : {};
  }
}

const JSON_TYPE = "application/json; charset=utf-8";
const PROBLEM_TYPE = "application/problem+json; charset=utf-8";

/** "application/problem+json when `Accept` prefers it, in every other case application/json" (contract §12). */
function prefersProblem(accept: string | undefined): boolean {
  if (accept === undefined) return false;
  const ranked = new Negotiator({ headers: { accept } }).mediaTypes(["application/json", "application/problem+json"]);
  return ranked[0] === "application/problem+json";
}

function toWharfError(thrown: unknown): WharfError {
  if (thrown instanceof WharfError) return thrown;
  if (thrown instanceof BlobStoreError) return new WharfError(codeOfBlobFailure(thrown), { cause: thrown });
  if (thrown instanceof SearchIndexError) return new WharfError("storage_unavailable", { cause: thrown });
  switch (errorCodeOf(thrown)) {
    case "FST_ERR_CTP_INVALID_MEDIA_TYPE":
    case "FST_ERR_ROUTE_MISSING_CONTENT_TYPE":
      return new WharfError("unsupported_content_type");
    default:
      return refusalOfPlugin(thrown) ?? new WharfError("internal", { cause: toError(thrown) });
  }
}

/**
 * Fastify's and its plugins' refusals (a static file's name with two slashes, a body too large) are errors with a
 * status: no defects of ours. Their words stay inside: they may name paths. A status that the catalogue has no general
 * code for is a request to correct.
 */
function refusalOfPlugin(thrown: unknown): WharfError | null {
  if (!(thrown instanceof Error) || !("statusCode" in thrown) || typeof thrown.statusCode !== "number") return null;
  if (thrown.statusCode < 400 || thrown.statusCode > 499) return null;
  return new WharfError(CODE_OF_STATUS[thrown.statusCode] ?? "invalid_request");
}

const CODE_OF_STATUS: Readonly<Record<number, ErrorCode>> = {
  // What may not be seen is the same 404 as what is not there.
  403: "not_found",
  404: "not_found",
  405: "method_not_allowed",
  409: "conflict",
  413: "request_too_large",
  415: "unsupported_content_type",
  416: "range_not_satisfiable",
};

/** A missing or damaged blob that no capability expected is a defect or a damaged disk, not an outage. */
function codeOfBlobFailure(error: BlobStoreError): "storage_full" | "storage_unavailable" | "internal" {
  switch (error.failure) {
    case "full":
      return "storage_full";
    case "unavailable":
      return "storage_unavailable";
    default:
      return "internal";
  }
}

function isPlainBody(body: unknown): body is Readonly<Record<string, unknown>> {
  return typeof body === "object" && body !== null && !Array.isArray(body);
}
