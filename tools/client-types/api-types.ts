import {
  docOf,
  type Json,
  jsonOf,
  type Member,
  membersType,
  type Names,
  ownTypeOf,
  shapeOf,
  typeOf,
  withoutRequestId,
} from "./schema-type.ts";

/**
 * What users of the library call the API's objects, and where each stands: an operation's answer, and the way into it.
 * One that stands in other answers too is called so there as well.
 */
const NAMED: readonly (readonly [name: string, operation: string, ...way: readonly string[]])[] = [
  ["Task", "getTask"],
  ["FileTask", "getFile", "task"],
  ["FileWarning", "getFile", "warnings", "[]"],
  ["KnowledgeFile", "getFile"],
  ["FileChange", "changeFile"],
  ["Bucket", "getBucket"],
  ["BucketChange", "changeBucket"],
  ["UploadSession", "getUploadSession"],
  ["SearchResult", "search", "results", "[]"],
  ["SearchAnswer", "search"],
  ["BatchSession", "createUploadBatch", "accepted", "[]"],
  ["BatchRejection", "createUploadBatch", "rejected", "[]"],
  ["BatchItem", "getBatch", "items", "[]"],
  ["Batch", "getBatch"],
  ["AgentModel", "listModels", "data", "[]"],
  ["AgentProfile", "getProfile"],
  ["Answer", "getResponse"],
  ["Connection", "getConnection"],
];

interface Operation {
  readonly id: string;
  readonly route: string;
  readonly description: string;
  readonly members: readonly Member[];
  readonly answer: Json | null;
}

/**
 * `sdk/src/generated/types.ts`: every operation below /v1 with what goes in and comes out, and every error code.
 * Nothing at run time.
 */
export function apiTypes(document: Json): string {
  const operations = operationsOf(document);
  const named = NAMED.map(([name, operation, ...way]) => ({ name, schema: followed(operations, operation, way) }));
  const names = new Map(named.map(({ name, schema }) => [shapeOf(schema), name]));
  const types = named.map(({ name, schema }) => {
    const type = ownTypeOf(withoutRequestId(schema), names, "");
    return `${docOf(schema, "")}export type ${name} = ${type};`;
  });
  const errors = Object.entries(jsonOf(document["x-error-codes"]));
  return `${GENERATED}
/** Id of the request that was answered: name it when you report a fault. */
export type Answered = { readonly request_id: string };

${types.join("\n\n")}

/** What goes into each operation, and what it answers. */
export type Operations = {
${operations.map((operation) => operationType(operation, names)).join("\n")}
};

/** Every code that the API refuses with, its status, and whether the same request can succeed later. */
export type ErrorCatalogue = {
${errors.map(([code, spec]) => errorMember(code, jsonOf(spec))).join("\n")}
};
`;
}

/** `sdk/src/generated/routes.ts`: method and path below /v1 of every operation. */
export function apiRoutes(document: Json): string {
  const routes = operationsOf(document).map(({ id, route }) => `  ${id}: ${JSON.stringify(route)},`);
  return `${GENERATED}
import type { Operations } from "./types.ts";

export const ROUTES = {
${routes.join("\n")}
} as const satisfies Readonly<Record<keyof Operations, string>>;
`;
}

const GENERATED = `// Generated from openapi.json by tools/generate-client.ts: run npm run generate.
`;

function errorMember(code: string, spec: Json): string {
  const { status, retryable, message } = spec;
  const type = `{ readonly status: ${status}; readonly retryable: ${retryable} }`;
  return `${docOf({ description: message }, "  ")}  readonly ${code}: ${type};`;
}

function operationType({ id, description, members, answer }: Operation, names: Names): string {
  const input = members.length === 0 ? "{ readonly [name: string]: never }" : membersType(members, names, "    ");
  const output = answer === null ? "null" : typeOf(answer, names, "    ");
  const type = `{\n    readonly input: ${input};\n    readonly answer: ${output};\n  }`;
  return `${docOf({ description }, "  ")}  readonly ${id}: ${type};`;
}

function operationsOf(document: Json): readonly Operation[] {
  return Object.entries(jsonOf(document["paths"])).flatMap(([path, item]) => {
    // The byte end-point speaks another protocol.
    if (!path.startsWith("/v1/") || path.startsWith("/v1/uploads/")) return [];
    return Object.entries(jsonOf(item)).map(([method, described]) => {
      const operation = jsonOf(described);
      return {
        id: String(operation["operationId"]),
        route: `${method.toUpperCase()} ${path.slice("/v1".length)}`,
        description: [operation["summary"], operation["description"]].filter(Boolean).join(". "),
        members: inputOf(operation),
        answer: answerOf(jsonOf(operation["responses"])),
      };
    });
  });
}

/** path, query and body, each if the operation has it. Headers are the library's own. */
function inputOf(operation: Json): readonly Member[] {
  const parameters = Array.isArray(operation["parameters"]) ? operation["parameters"].map(jsonOf) : [];
  const inner = (where: string): readonly Member[] => {
    const properties = parameters.filter((parameter) => parameter["in"] === where && parameter["name"] !== "dry_run");
    if (properties.length === 0) return [];
    const required = properties.filter((parameter) => parameter["required"] === true).map(({ name }) => name);
    const schema = {
      type: "object",
      required,
      properties: Object.fromEntries(
        properties.map(({ name, schema: type, description }) => [String(name), { ...jsonOf(type), description }]),
      ),
    };
    return [{ name: where, schema, isOptional: required.length === 0 }];
  };
  const body = jsonOf(operation["requestBody"]);
  const schema = jsonOf(jsonOf(jsonOf(body["content"])["application/json"])["schema"]);
  const bodies =
    Object.keys(schema).length === 0 ? [] : [{ name: "body", schema, isOptional: body["required"] !== true }];
  return [...inner("path"), ...inner("query"), ...bodies];
}

/** Of the success with the largest status: a smaller one is a dry run's. */
function answerOf(responses: Json): Json | null {
  const status = Object.keys(responses)
    .filter((code) => /^2/.test(code))
    .sort()
    .at(-1);
  const schema = jsonOf(jsonOf(jsonOf(jsonOf(responses[status ?? ""])["content"])["application/json"])["schema"]);
  return Object.keys(schema).length === 0 ? null : schema;
}

function followed(operations: readonly Operation[], id: string, way: readonly string[]): Json {
  let schema = operations.find((operation) => operation.id === id)?.answer ?? null;
  for (const step of way) schema = jsonOf(step === "[]" ? schema?.["items"] : jsonOf(schema?.["properties"])[step]);
  if (schema === null || Object.keys(schema).length === 0)
    throw new Error(`openapi.json has no ${[id, ...way].join(" ")}: correct NAMED in tools/client-types/api-types.ts`);
  return schema;
}
