/** JSON Schema, as far as our own openapi.json uses it: a schema that has anything else is refused, not guessed at. */
export type Json = Readonly<Record<string, unknown>>;

/** Names of schemas that stand in more than one place, by `shapeOf`. */
export type Names = ReadonlyMap<string, string>;

/** The TypeScript type of a schema. Objects come out multi-line, indented below `indent`. */
export function typeOf(schema: Json, names: Names, indent = ""): string {
  const name = names.get(shapeOf(schema));
  if (name !== undefined) return withRequestId(schema, name);
  return ownTypeOf(schema, names, indent);
}

/** The same, without looking whether the schema itself has a name. */
export function ownTypeOf(schema: Json, names: Names, indent = ""): string {
  const unknown = Object.keys(schema).filter((key) => !KNOWN.has(key));
  if (unknown.length > 0) throw new Error(`a schema has ${unknown.join(", ")}, which the types cannot say`);
  if (Array.isArray(schema["enum"])) return union(schema["enum"].map((value) => JSON.stringify(value)));
  if (Array.isArray(schema["anyOf"]))
    return union(schema["anyOf"].map((member) => typeOf(jsonOf(member), names, indent)));
  if ("const" in schema) return JSON.stringify(schema["const"]);
  const { type } = schema;
  if (Array.isArray(type)) return union(type.map((one) => ownTypeOf({ ...schema, type: one }, names, indent)));
  switch (type) {
    case "string":
    case "boolean":
    case "null":
      return type;
    case "integer":
    case "number":
      return "number";
    case "array":
      return arrayOf(schema, names, indent);
    case "object":
      return objectOf(schema, names, indent);
    case undefined:
      return "unknown";
    default:
      throw new Error(`a schema has the type ${String(type)}`);
  }
}

const KNOWN = new Set([
  ...["type", "enum", "const", "anyOf", "items", "properties", "required", "additionalProperties"],
  ...["description", "format", "minimum", "maximum", "minItems", "maxItems"],
]);

function arrayOf(schema: Json, names: Names, indent: string): string {
  const item = typeOf(jsonOf(schema["items"]), names, indent);
  // Pairs, such as the ranges of highlights.
  if (schema["minItems"] === 2 && schema["maxItems"] === 2) return `readonly [${item}, ${item}]`;
  // An object's own closing brace ends it; a union of objects has words behind one.
  const isOne = /^\w+$/.test(item) || (item.startsWith("{") && !item.includes("} | "));
  return isOne ? `readonly ${item}[]` : `readonly (${item})[]`;
}

function objectOf(schema: Json, names: Names, indent: string): string {
  const members = Object.entries(jsonOf(schema["properties"]));
  if (members.length === 0) {
    const values = jsonOf(schema["additionalProperties"]);
    const value = Object.keys(values).length === 0 ? "unknown" : typeOf(values, names, indent);
    return `{ readonly [name: string]: ${value} }`;
  }
  const required = new Set(Array.isArray(schema["required"]) ? schema["required"] : []);
  return membersType(
    members.map(([name, member]) => ({ name, schema: jsonOf(member), isOptional: !required.has(name) })),
    names,
    indent,
  );
}

export interface Member {
  readonly name: string;
  readonly schema: Json;
  readonly isOptional: boolean;
}

export function membersType(members: readonly Member[], names: Names, indent: string): string {
  const inner = `${indent}  `;
  const lines = members.map(({ name, schema, isOptional }) => {
    const type = typeOf(schema, names, inner);
    const key = /^[A-Za-z_]\w*$/.test(name) ? name : JSON.stringify(name);
    const member = isOptional ? `${key}?: ${type} | undefined` : `${key}: ${type}`;
    return `${docOf(schema, inner)}${inner}readonly ${member};`;
  });
  return `{\n${lines.join("\n")}\n${indent}}`;
}

/** The description as a comment above what it describes, or nothing. */
export function docOf(schema: Json, indent: string): string {
  const { description } = schema;
  if (typeof description !== "string" || description === "") return "";
  return `${indent}/** ${description.replaceAll("*/", "* /").replace(/\s*\n\s*/g, " ")} */\n`;
}

/** Equal for schemas that describe the same value: without words, and without the request_id that every answer has. */
export function shapeOf(schema: Json): string {
  return JSON.stringify(plain(withoutRequestId(schema)));
}

function withRequestId(schema: Json, name: string): string {
  return "request_id" in jsonOf(schema["properties"]) ? `${name} & Answered` : name;
}

export function withoutRequestId(schema: Json): Json {
  const { request_id: _, ...properties } = jsonOf(schema["properties"]);
  if (Object.keys(properties).length === 0) return schema;
  const required = Array.isArray(schema["required"]) ? schema["required"].filter((name) => name !== "request_id") : [];
  return { ...schema, properties, required };
}

function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).filter(([key, inner]) => key !== "description" || typeof inner !== "string");
  return Object.fromEntries(entries.map(([key, inner]) => [key, plain(inner)]).sort());
}

function union(types: readonly string[]): string {
  return [...new Set(types)].join(" | ");
}

export function jsonOf(value: unknown): Json {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? { ...value } : {};
}
