import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { CATALOGUE } from "../server/src/errors.ts";
import { apiRoutes, apiTypes } from "./client-types/api-types.ts";
import { type Json, jsonOf, typeOf } from "./client-types/schema-type.ts";

const ROOT = join(import.meta.dirname, "..");
const DOCUMENT: Json = jsonOf(JSON.parse(await readFile(join(ROOT, "openapi.json"), "utf8")));

test("the library's types are those of openapi.json, and any change of it makes them stale", async () => {
  const current = await readFile(join(ROOT, "sdk/src/generated/types.ts"), "utf8");
  assert.equal(apiTypes(DOCUMENT), current);
  const text = JSON.stringify(DOCUMENT);
  const changes = [
    text.replace('"size_bytes":{"type":"integer"', '"size_bytes":{"type":"string"'),
    text.replace('"queued","indexing","indexed"', '"queued","indexing","ready"'),
    text.replaceAll('"char_start"', '"from_char"'),
    text.replace('"bucket_required":{"status":400', '"bucket_required":{"status":422'),
  ];
  for (const changed of changes) {
    assert.notEqual(changed, text, "the change is one");
    assert.notEqual(apiTypes(jsonOf(JSON.parse(changed))), current);
  }
});

test("every operation below /v1 has its route, and every error its status", async () => {
  const routes = apiRoutes(DOCUMENT);
  for (const [path, item] of Object.entries(jsonOf(DOCUMENT["paths"])))
    for (const operation of Object.values(jsonOf(item))) {
      const isCall = path.startsWith("/v1/") && !path.startsWith("/v1/uploads/");
      const { operationId: id } = jsonOf(operation);
      if (isCall) assert.ok(routes.includes(`  ${String(id)}: "`), String(id));
    }
  const types = apiTypes(DOCUMENT);
  for (const [code, { status, retryable }] of Object.entries(CATALOGUE))
    assert.ok(types.includes(`${code}: { readonly status: ${status}; readonly retryable: ${retryable} };`), code);
});

test("schemas become the types that they describe", () => {
  const cases: readonly (readonly [Json, string])[] = [
    [{ type: "integer", minimum: 1 }, "number"],
    [{ type: ["string", "null"] }, "string | null"],
    [{ enum: ["a", "b"] }, '"a" | "b"'],
    [{ anyOf: [{ type: "string" }, { type: "null" }] }, "string | null"],
    [{ type: "array", items: { enum: ["a", "b"] } }, 'readonly ("a" | "b")[]'],
    [{ type: "array", items: { type: "array", items: { type: "string" } } }, "readonly (readonly string[])[]"],
    [{ type: "array", items: { type: "integer" }, minItems: 2, maxItems: 2 }, "readonly [number, number]"],
    [{ type: "object", additionalProperties: true }, "{ readonly [name: string]: unknown }"],
    [{}, "unknown"],
    [
      {
        type: "object",
        required: ["a"],
        properties: { a: { type: "string" }, b: { type: "null", description: "No." } },
      },
      "{\n  readonly a: string;\n  /** No. */\n  readonly b?: null | undefined;\n}",
    ],
  ];
  for (const [schema, type] of cases) assert.equal(typeOf(schema, new Map()), type);
});

test("a schema that the types cannot say is refused, not guessed at", () => {
  assert.throws(() => typeOf({ type: "object", patternProperties: {} }, new Map()), /patternProperties/);
  assert.throws(() => typeOf({ type: "tuple" }, new Map()), /the type tuple/);
});
