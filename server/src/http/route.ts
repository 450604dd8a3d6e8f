import { type IncomingMessage, METHODS, type ServerResponse } from "node:http";
import type { TypeBoxTypeProvider } from "@fastify/type-provider-typebox";
import type { FastifyBaseLogger, FastifyInstance, RawServerDefault, RouteOptions } from "fastify";
import { type TSchema, Type } from "typebox";
import type { Scope } from "../access/api-key.ts";
import type { ErrorCode } from "../errors.ts";

/**
 * How a capability adds routes: a table of contents in its `routes.ts`, a handler of a few lines that calls
 * one function.
 *
 * ```ts
 * export function fileRoutes(app: App, deps: FileRoutesDeps): void {
 *   app.get("/v1/knowledge/files/:file_id", {
 *     config: { scope: "files:read", errors: ["file_not_found"] },   // who may call, what else may come back
 *     schema: {
 *       operationId: "getFile",
 *       summary: "One file",
 *       tags: ["files"],
 *       params: Type.Object({ file_id: Type.String() }),
 *       querystring: Type.Object({ wait: Type.Optional(Type.Integer({ minimum: 0 })) }),
 *       response: { 200: FileObject },                                // fields not named here are not sent
 *     },
 *     handler: async (request) => toWire(await getFile(deps, request.caller.teamId, request.params.file_id)),
 *   });
 * }
 * ```
 *
 * - Handlers return the body without `request_id`; `request.id` is the id if one is needed (ALL-4).
 * - `request.caller` is who calls (ALL-2); the team is never a parameter.
 * - Outcomes of the contract are thrown as WharfError; anything else that is thrown is a defect: logged,
 *   500 `internal`.
 * - Schemas state types, and limits whose breach is `invalid_request`. A limit with a code of its own (`invalid_size`)
 *   is judged in the capability, which batches use as well; the schema's description names it.
 * - Query parameters are declared as integer, boolean, string or array of string, and arrive as such.
 * - `null` members of a body have been taken out (except inside `metadata`): declare them optional, not nullable.
 * - A colon that is part of the path is written twice: `/v1/knowledge/files::batch/upload-session`.
 */
export type App = FastifyInstance<
  RawServerDefault,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  TypeBoxTypeProvider
>;

/** Who may call a route: holders of a scope, any key, or anybody (never under /v1). */
export type RouteScope = Scope | "any" | "public";

declare module "fastify" {
  interface FastifyContextConfig {
    scope?: RouteScope;
    /** Codes that this route may answer beside those that every route may; for OpenAPI. */
    errors?: readonly ErrorCode[];
    /** Most bytes of a JSON body; absent = limits.jsonBodyBytes. */
    bodyBytes?: number;
    /** The fields of a `multipart/form-data` body, for OpenAPI; the handler itself reads it (multipart.ts). */
    form?: TSchema;
    /** The handler serializes its answer, and nothing is validated: no compiler is loaded for it (compilers.ts). */
    writesItself?: boolean;
    /** Errors say their message as a top-level `detail` too, where clients look for it (AGT-7). */
    detail?: boolean;
    /** A missing or `null` body counts as `{}`. */
    emptyBody?: boolean;
    /** Set on the routes that refuseOtherMethods makes: the Allow header of their 405. */
    allow?: string;
  }
  interface FastifyInstance {
    /** Which methods each address takes, by its pattern without the parameters' names. */
    readonly routeTable: Map<string, { readonly url: string; readonly methods: Set<string>; readonly detail: boolean }>;
  }
}

/**
 * Looks at each route when it is registered: a route under /v1 that does not say who may call it stops the start
 * (nothing is open by oversight), and every JSON answer gets its `request_id` in schema and documentation (ALL-4).
 */
export function addRoutePolicy(app: App): void {
  const table: App["routeTable"] = new Map();
  app.decorate("routeTable", table);
  app.addHook("onRoute", (route) => {
    const { scope, allow, detail = false } = route.config ?? {};
    if (allow !== undefined) return;
    if (isUnderV1(route.url) && (scope === undefined || scope === "public"))
      throw new Error(`the route ${String(route.method)} ${route.url} names no scope`);
    // A plugin's own routes (the files of /docs) are left as they are.
    if (scope === undefined) return;
    addRequestId(route);
    const address = route.url.replace(/(?<!:):(?!:)\w+/g, ":");
    const entry = table.get(address) ?? { url: route.url, methods: new Set(), detail };
    for (const method of [route.method].flat()) entry.methods.add(method);
    table.set(address, entry);
  });
}

/** Registers, for every address, the methods that it does not take: 405 with `Allow` (the guard answers them). */
export function refuseOtherMethods(app: App): void {
  const known = METHODS.filter((method) => method !== "CONNECT");
  for (const method of known) if (!app.supportedMethods.includes(method)) app.addHttpMethod(method);
  for (const { url, methods, detail } of app.routeTable.values()) {
    const allow = [...methods].sort().join(", ");
    const others = known.filter((method) => !methods.has(method));
    app.route({ method: others, url, config: { allow, detail }, exposeHeadRoute: false, handler: () => undefined });
  }
}

export function isUnderV1(path: string): boolean {
  return /^\/v1(?:[/?]|$)/.test(path);
}

function addRequestId(route: RouteOptions): void {
  const responses = route.schema?.response;
  if (!isRecord(responses)) return;
  const withId = Object.entries(responses).map(([status, schema]) => {
    if (!isRecord(schema) || schema["type"] !== "object" || !isRecord(schema["properties"])) return [status, schema];
    const required = Array.isArray(schema["required"]) ? schema["required"] : [];
    const properties = { ...schema["properties"], request_id: Type.String({ description: "Id of this request." }) };
    return [status, { ...schema, properties, required: [...new Set([...required, "request_id"])] }];
  });
  route.schema = { ...route.schema, response: Object.fromEntries(withId) };
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}
