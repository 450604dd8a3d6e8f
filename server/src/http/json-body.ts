import type { IncomingMessage } from "node:http";
import type { FastifyReply, FastifyRequest } from "fastify";
import { WharfError } from "../errors.ts";
import type { Places } from "../fairness/places.ts";
import { refuseFaulty } from "../json-faults.ts";
import { LIMITS } from "../limits.ts";
import { parseMediaType } from "../media-type.ts";
import { hasBody, readBounded } from "./bounded-body.ts";
import type { App } from "./route.ts";

/**
 * JSON request bodies (ALL-9, contract §12): read within a size and a time, decoded strictly, and judged *before*
 * anything recursive looks at them: a legal 8 KB can be 4 000 levels deep and overflow a validator's stack. What may be
 * large has places by its size, of which no team takes all: from before it is read until it is answered it is in
 * memory, as text and as values.
 */
export function addJsonBodies(app: App, bodies: Places): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", async (request: FastifyRequest) => {
    const { raw, routeOptions, headers } = request;
    // A route without a body takes none: the bytes stay unread (linger.ts drops them).
    if (routeOptions.schema?.body === undefined || !hasBody(raw)) return undefined;
    refuseCompressed(raw);
    const typed = isJsonType(headers["content-type"]);
    // Some clients send an absent body as an empty chunked one: it has no type to be wrong.
    if (!typed && routeOptions.config.emptyBody !== true) throw new WharfError("unsupported_content_type");
    const maxBytes = routeOptions.config.bodyBytes ?? LIMITS.jsonBodyBytes;
    const bytes = await readBounded(raw, { maxBytes, timeoutMs: LIMITS.jsonBodyTimeoutMs });
    if (!typed && bytes.length > 0) throw new WharfError("unsupported_content_type");
    return parseJsonBody(bytes);
  });
  app.addHook("preParsing", async (request, reply) => {
    const sizeBytes = mostBytesOf(request);
    if (sizeBytes > LIMITS.jsonBodyBytes) takePlaces(bodies, request, reply, sizeBytes);
  });
  app.addHook("preValidation", async (request) => {
    if (request.routeOptions.config.emptyBody && (request.body === undefined || request.body === null))
      request.body = {};
  });
}

export function refuseCompressed({ headers }: IncomingMessage): void {
  const encoding = headers["content-encoding"];
  if (encoding === undefined || encoding.toLowerCase() === "identity") return;
  throw new WharfError("unsupported_content_type", {
    message: "Send the body as it is, without Content-Encoding: compressed bodies are not read.",
    details: { header: "Content-Encoding" },
  });
}

/** How much of the body may be read: what it declares, or, sent in chunks, all that its route takes. */
function mostBytesOf({ raw, routeOptions }: FastifyRequest): number {
  const { bodyBytes } = routeOptions.config;
  if (bodyBytes === undefined || !hasBody(raw)) return 0;
  const declared = Number(raw.headers["content-length"] ?? bodyBytes);
  // What is too large is refused unread.
  return declared > bodyBytes ? 0 : declared;
}

/** Throws `overloaded`. */
function takePlaces(bodies: Places, { authenticated }: FastifyRequest, reply: FastifyReply, sizeBytes: number): void {
  if (authenticated === null) return;
  const { free } = bodies.take(authenticated, Math.ceil(sizeBytes / LIMITS.jsonBodyBytes));
  if (reply.raw.destroyed) free();
  else reply.raw.once("close", free);
}

/** The body's value without its null members, or undefined for no bytes. Throws `invalid_request`. */
export function parseJsonBody(bytes: Uint8Array): unknown {
  if (bytes.length === 0) return undefined;
  let value: unknown;
  try {
    // Not `toString`: that would turn bytes that are no UTF-8 into U+FFFD and store another text than was sent.
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new WharfError("invalid_request", { message: "The body is not valid JSON in UTF-8.", cause });
  }
  refuseFaulty(value);
  return withoutNulls(value);
}

/** "`null` counts as absent, except inside `metadata`." The depth is bounded by now. */
function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (typeof value !== "object" || value === null) return value;
  const kept = Object.entries(value).filter(([, member]) => member !== null);
  return Object.fromEntries(kept.map(([key, member]) => [key, key === "metadata" ? member : withoutNulls(member)]));
}

/** JSON is UTF-8 (RFC 8259 §8.1): another charset is refused rather than misread, and so is what nobody defined. */
export function isJsonType(contentType: string | undefined): boolean {
  const type = contentType === undefined ? null : parseMediaType(contentType);
  return (
    type?.essence === "application/json" &&
    type.parameters.every(([name, value]) => name === "charset" && UTF8.has(value.toLowerCase()))
  );
}

/** As old clients spell it, and the part of it that is ASCII. */
const UTF8: ReadonlySet<string> = new Set(["utf-8", "utf8", "us-ascii", "ascii"]);
