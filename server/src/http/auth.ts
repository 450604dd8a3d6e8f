import type { FastifyRequest } from "fastify";
import type { Scope } from "../access/api-key.ts";
import { authenticate } from "../access/authenticate.ts";
import type { SignedIn } from "../access/dashboard.ts";
import type { Caller } from "../access/store.ts";
import type { Catalogue } from "../catalogue/catalogue.ts";
import { WharfError } from "../errors.ts";
import { countHeader, faultOfRequestLine, isWellEncoded } from "./request-line.ts";
import { type App, isUnderV1 } from "./route.ts";
import { CSRF_HEADER, cookieCaller, isCookieRoute, sessionSecretOf, VARY_OF_COOKIE_ROUTES } from "./session-cookie.ts";

declare module "fastify" {
  interface FastifyRequest {
    /** Who calls. Reading it on a public route is a defect and throws. */
    readonly caller: Caller;
    authenticated: Caller | null;
    /** The session of the dashboard that the request came with; null: it came with a key. */
    signedIn: SignedIn | null;
  }
}

export interface GuardDeps {
  readonly catalogue: Catalogue;
  /** How the server is reached from outside: the cookie's name follows from it. */
  readonly publicUrl: () => string;
}

/** Refuses whatever must not reach a handler, before a byte of the body is read. */
export function addGuard(app: App, deps: GuardDeps): void {
  app.decorateRequest("authenticated", null);
  app.decorateRequest("signedIn", null);
  app.decorateRequest("caller", {
    getter(this: FastifyRequest): Caller {
      if (this.authenticated === null) throw new Error("this route has no caller: its scope is public");
      return this.authenticated;
    },
  });
  app.addHook("onRequest", (request, reply) => {
    if (isCookieRoute(request.method, request.routeOptions.url)) reply.header("Vary", VARY_OF_COOKIE_ROUTES);
    return guardRequest(deps, request);
  });
}

/** "Order of refusals: 401, unknown route 404, 405 (+ `Allow`), 403, 415/413/400, 404 of ids" (contract §12, all). */
export async function guardRequest(deps: GuardDeps, request: FastifyRequest): Promise<void> {
  // What is no well-formed HTTP request is refused whoever sent it.
  const fault = faultOfRequestLine(request.raw);
  if (fault !== null) throw new WharfError("invalid_request", { message: fault });

  // By the route that was found: `/%76%31/…` reaches the same one. Without a route, by the URL.
  const address = request.routeOptions.url ?? request.originalUrl;
  const { allow, scope } = request.routeOptions.config;
  if (isUnderV1(address) || (scope !== undefined && scope !== "public")) await identify(deps, request);

  if (!isWellEncoded(request.originalUrl)) {
    const message =
      "The URL's percent-encoding is malformed: % must be followed by two hexadecimal digits of UTF-8, and %00 is not allowed in a query.";
    throw new WharfError("invalid_request", { message });
  }
  if (request.is404) throw new WharfError("not_found");
  if (lacksId(request.params)) throw new WharfError("not_found", { message: NO_ID });

  if (allow !== undefined) throw new WharfError("method_not_allowed", { headers: { Allow: allow } });

  if (request.authenticated === null || scope === undefined || scope === "any" || scope === "public") return;
  if (!request.authenticated.scopes.includes(scope))
    throw new WharfError("forbidden_scope", { details: { required: scope } });
}

/**
 * On a public route: whether a key was sent that has the scope. A wrong one is as good as none; so is a catalogue that
 * cannot be asked.
 */
export async function hasScope(catalogue: Catalogue, request: FastifyRequest, scope: Scope): Promise<boolean> {
  if (request.headers.authorization === undefined) return false;
  const caller = await callerOf(catalogue, request).catch(() => null);
  return caller?.scopes.includes(scope) ?? false;
}

/** By the key, which stands before the cookie: a page that was given a key wants to be that. */
async function identify({ catalogue, publicUrl }: GuardDeps, request: FastifyRequest): Promise<void> {
  const { raw, method, routeOptions } = request;
  if (raw.headers.cookie === undefined || raw.headers.authorization !== undefined) {
    request.authenticated = await callerOf(catalogue, request);
    return;
  }
  request.signedIn = await cookieCaller(catalogue, raw, { method, url: routeOptions.url ?? "" }, publicUrl());
  if (request.signedIn === null) throw unauthenticated(sessionSecretOf(raw, publicUrl()) === null ? null : NO_SESSION);
  request.authenticated = request.signedIn.caller;
}

const NO_SESSION = [
  "This sign-in is over, was replaced by a later one of this browser, or is not taken here: it is good on the routes of",
  `the dashboard's own page alone, and writes want the page's ${CSRF_HEADER} header. Sign in again with a new link, or`,
  "send a key as Authorization: Bearer.",
].join(" ");

function unauthenticated(message: string | null): WharfError {
  const headers = { "WWW-Authenticate": "Bearer" };
  return new WharfError("invalid_api_key", { headers, ...(message === null ? {} : { message }) });
}

const NO_ID =
  "There is nothing at this address: an id is missing in it, or the slash at its end is one too many. /docs lists the routes.";

/** `/files/` is no file with an empty id: whoever wanted the list would be told to check the id. */
function lacksId(params: unknown): boolean {
  return typeof params === "object" && params !== null && Object.values(params).includes("");
}

/** The key comes from the header alone, never from the URL; two headers are as good as none (ALL-2). */
async function callerOf(catalogue: Catalogue, request: FastifyRequest): Promise<Caller> {
  const single = countHeader(request.raw, "authorization") === 1;
  const caller = single ? await authenticate(catalogue, request.headers.authorization) : null;
  if (caller === null) throw unauthenticated(null);
  return caller;
}
