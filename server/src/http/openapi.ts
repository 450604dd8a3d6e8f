import { STATUS_CODES } from "node:http";
import Fastify, { type FastifyInstance, type RouteOptions } from "fastify";
import type { Config } from "../config.ts";
import { CATALOGUE, type ErrorCode } from "../errors.ts";
import { LIMITS } from "../limits.ts";
import { NO_COMPILERS } from "./compilers.ts";
import { ConstantAnswer } from "./constant-answer.ts";
import { byteEndpointPath } from "./openapi-bytes.ts";
import { errorExampleRefs, errorExamples, recordedExamples, withExamples } from "./openapi-examples.ts";
import { type App, isUnderV1 } from "./route.ts";

export type DescribedLimits = Pick<
  Config,
  "bucketsPerTeam" | "createsPerSecond" | "maxFileBytes" | "sessionTtlSeconds"
>;

/**
 * `/openapi.json`: OpenAPI 3.1 from the routes' own schemas. Add it before the routes. A route without tags is not
 * described. It names the public URL as its server: behind a proxy that passes a sub-path on, what /docs calls lies
 * below that path.
 */
export function addOpenApi(app: App, config: DescribedLimits & Pick<Config, "publicUrl">): void {
  const routes = new Map<string, RouteOptions>();
  app.addHook("onRoute", (route) => {
    if (route.method !== "HEAD" && route.schema?.operationId !== undefined) routes.set(route.schema.operationId, route);
  });
  const answer = new ConstantAnswer(async () => ({
    type: "application/json; charset=utf-8",
    bytes: Buffer.from(JSON.stringify(completeDocument(await generate([...routes.values()], config), routes, config))),
  }));
  app.get("/openapi.json", { config: { scope: "public" } }, (request, reply) => answer.send(request, reply));
}

/**
 * What the routes' own schemas say. Made at the first request, in an instance that answers nothing: what makes it, 70
 * modules, is not loaded by a start.
 */
async function generate(
  routes: readonly RouteOptions[],
  config: DescribedLimits & Pick<Config, "publicUrl">,
): Promise<object> {
  const { publicUrl, ...limits } = config;
  const { default: swagger } = await import("@fastify/swagger");
  const app: FastifyInstance = Fastify({ exposeHeadRoutes: false, schemaController: NO_COMPILERS });
  app.setValidatorCompiler(() => () => true);
  app.setSerializerCompiler(() => () => "");
  await app.register(swagger, {
    hideUntagged: true,
    openapi: {
      openapi: "3.1.0",
      info: { title: "Wharf", version: "1", description: describeService(limits) },
      ...(publicUrl === null ? {} : { servers: [{ url: publicUrl }] }),
      tags: TAGS.map(([name, description]) => ({ name, description })),
      components: {
        securitySchemes: { bearerAuth: { type: "http", scheme: "bearer", description: "A project API key, sk_…" } },
      },
    },
  });
  for (const { method, url, schema = {} } of routes) app.route({ method, url, schema, handler: () => undefined });
  await app.ready();
  return app.swagger();
}

const TAGS = [
  ["connection", "Which team and key you are connected as."],
  ["uploads", "One document in: create a session, PUT the bytes to its upload_url, finalize."],
  ["files", "Files, their originals and their text."],
  ["tasks", "Indexing, as it goes on."],
  ["buckets", "What files are sorted into and searches are scoped to."],
  ["search", "Passages with citations."],
  ["agents", "Questions, and answers with citations."],
  ["operation", "For supervisors and load balancers."],
] as const;

function describeService(limits: DescribedLimits): string {
  return [
    "One document in, durable, indexed and findable.",
    "Create an upload session, PUT the bytes to upload_url, finalize, poll the file until its status is indexed, search.",
    `Files have at most ${limits.maxFileBytes} bytes. A team may create ${limits.createsPerSecond} upload sessions a second; a session lives ${limits.sessionTtlSeconds} seconds, longer while bytes arrive. A team may have ${limits.bucketsPerTeam} buckets.`,
    `JSON bodies have at most ${LIMITS.jsonBodyBytes} bytes and ${LIMITS.jsonDepth} levels. Unknown fields are ignored; null counts as absent, except inside metadata.`,
    "Errors have the codes of x-error-codes; retryable says whether trying again can help.",
    "Agents have the same documents at POST /mcp, as tools of the Model Context Protocol, which describes itself (tools/list).",
  ].join(" ");
}

/** What every route under /v1 may answer, beside its own codes. */
const EVERYWHERE: readonly ErrorCode[] = [
  "invalid_request",
  "invalid_api_key",
  "internal",
  "storage_unavailable",
  "overloaded",
];

/** The generated document with what schemas do not say: security, errors, the byte end-point, the codes. */
function completeDocument(
  generated: object,
  routes: ReadonlyMap<string, RouteOptions>,
  limits: DescribedLimits,
): object {
  const document = membersOf(generated);
  const recorded = recordedExamples();
  const described = { ...membersOf(document["paths"]), ...byteEndpointPath(limits.maxFileBytes) };
  const paths = Object.entries(described).map(([path, item]) => {
    const operations = Object.entries(membersOf(item)).map(([method, operation]) => {
      const members = membersOf(operation);
      const { operationId } = members;
      // Parameters that all methods share.
      if (typeof operationId !== "string") return [method, operation];
      const route = routes.get(operationId);
      return [
        method,
        withExamples(route === undefined ? members : completeOperation(members, route), recorded[operationId]),
      ];
    });
    return [path, Object.fromEntries(operations)];
  });
  const components = membersOf(document["components"]);
  return {
    ...document,
    paths: Object.fromEntries(paths),
    components: {
      ...components,
      schemas: { ...membersOf(components["schemas"]), Error: errorSchema() },
      examples: errorExamples(),
    },
    "x-error-codes": Object.fromEntries(
      Object.entries(CATALOGUE).map(([code, { status, retryable, say }]) => [
        code,
        { status, retryable, message: say },
      ]),
    ),
  };
}

function completeOperation(
  operation: Readonly<Record<string, unknown>>,
  route: RouteOptions,
): Readonly<Record<string, unknown>> {
  const { scope, errors = [], emptyBody, form } = route.config ?? {};
  const guarded = isUnderV1(route.url);
  const codes = new Set<ErrorCode>(guarded ? EVERYWHERE : []);
  if (guarded && scope !== "any") codes.add("forbidden_scope");
  if (route.schema?.body !== undefined || form !== undefined) codes.add("request_too_large");
  // Also where a body is not wanted: a Content-Type that is none is refused before anybody asks for the body.
  if (guarded && route.method !== "GET") codes.add("unsupported_content_type");
  for (const code of errors) codes.add(code);
  const access = scope === "public" ? "" : scope === "any" ? "Needs any key." : `Needs a key with the scope ${scope}.`;
  const body = membersOf(operation["requestBody"]);
  return {
    ...operation,
    description: [operation["description"], access].filter(Boolean).join("\n\n"),
    ...(operation["requestBody"] === undefined ? {} : { requestBody: bodyOf(body, emptyBody === true) }),
    ...(form === undefined ? {} : { requestBody: { content: { [FORM]: { schema: form } }, required: true } }),
    responses: { ...named(membersOf(operation["responses"])), ...unchanged(route), ...errorResponses([...codes]) },
    security: guarded ? [{ bearerAuth: [] }] : [],
  };
}

const FORM = "multipart/form-data";

/** Of every optional member, and of a body that may be left out, null says the same as nothing (ALL-9). */
function bodyOf(body: Readonly<Record<string, unknown>>, isOptional: boolean): object {
  const content = Object.entries(membersOf(body["content"])).map(([type, media]) => {
    const schema = withNulls(membersOf(membersOf(media)["schema"]));
    return [type, { ...membersOf(media), schema: isOptional ? orNull(schema) : schema }];
  });
  return { ...body, content: Object.fromEntries(content), required: !isOptional };
}

function withNulls(schema: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const required = Array.isArray(schema["required"]) ? schema["required"] : [];
  const members = Object.entries(membersOf(schema["properties"])).map(([name, member]) => {
    const inner = withNulls(membersOf(member));
    return [name, required.includes(name) ? inner : orNull(inner)];
  });
  return members.length === 0 ? schema : { ...schema, properties: Object.fromEntries(members) };
}

/** A schema without a type and without values takes anything. */
function orNull(schema: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  if (Array.isArray(schema["anyOf"])) return { ...schema, anyOf: [...schema["anyOf"], { type: "null" }] };
  const { type, enum: values } = schema;
  return {
    ...schema,
    ...(type === undefined ? {} : { type: [type, "null"] }),
    ...(Array.isArray(values) ? { enum: [...values, null] } : {}),
  };
}

/** A route's own answers: the generator calls each "Default Response". */
function named(responses: Readonly<Record<string, unknown>>): Readonly<Record<string, object>> {
  const entries = Object.entries(responses).map(([status, response]) => {
    const { description, ...rest } = membersOf(response);
    const own = description === "Default Response" ? STATUS_CODES[status] : description;
    return [status, { description: own ?? status, ...rest }];
  });
  return Object.fromEntries(entries);
}

/** What can be waited for carries an ETag (long-poll.ts). */
function unchanged(route: RouteOptions): Readonly<Record<string, object>> {
  const polled = "wait" in membersOf(membersOf(route.schema?.querystring)["properties"]);
  return polled ? { 304: { description: "Nothing has changed since the ETag that If-None-Match names." } } : {};
}

/** One response a status, naming its codes. */
function errorResponses(codes: readonly ErrorCode[]): Readonly<Record<string, object>> {
  const responses: Record<string, object> = {};
  const statuses = new Set(codes.map((code) => CATALOGUE[code].status));
  for (const status of [...statuses].sort()) {
    const ofStatus = codes.filter((code) => CATALOGUE[code].status === status).sort();
    const schema = { $ref: "#/components/schemas/Error" };
    responses[status] = {
      description: ofStatus.map((code) => `\`${code}\`: ${CATALOGUE[code].say}`).join("\n\n"),
      content: {
        "application/json": { schema, examples: errorExampleRefs(ofStatus) },
        "application/problem+json": { schema },
      },
    };
  }
  return responses;
}

function errorSchema(): object {
  return {
    type: "object",
    required: ["error", "request_id"],
    properties: {
      error: {
        type: "object",
        required: ["code", "message", "retryable", "details"],
        properties: {
          code: { type: "string", enum: Object.keys(CATALOGUE) },
          message: { type: "string", description: "What to change." },
          retryable: { type: "boolean", description: "Whether the same request can succeed later." },
          details: { type: "object", additionalProperties: true },
        },
      },
      request_id: { type: "string" },
    },
  };
}

function membersOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? { ...value } : {};
}
