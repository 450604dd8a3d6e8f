import { invalidRequest, WharfError } from "../errors.ts";
import type { App } from "./route.ts";

/**
 * "Wrong types are 400 `invalid_request` naming the field" (ALL-9). Nothing is coerced in bodies: "5" is no number.
 * Query parameters are text on the wire, so each is read as the type that its schema declares, strictly: `1e1` and ` 5`
 * are no integers.
 */
export function addValidation(app: App): void {
  app.addHook("preValidation", async (request) => {
    const declared = propertiesOf(request.routeOptions.schema?.querystring);
    const query = propertiesIn(request.query);
    for (const [name, schema] of Object.entries(declared)) {
      const type = typeOf(schema);
      if (type !== "array" && Array.isArray(query[name]))
        throw invalidRequest(name, `${name} is given more than once: give it once.`);
      if (query[name] !== undefined) query[name] = readParameter(query[name], type);
    }
    request.query = query;
  });
  app.setSchemaErrorFormatter((errors, part) => {
    const { instancePath, params, message } = errors[0] ?? { instancePath: "", params: {}, message: "is not valid" };
    const missing = "missingProperty" in params ? [String(params["missingProperty"])] : [];
    const field = [...instancePath.split("/").filter(Boolean).map(unescapePointer), ...missing].join(".");
    const allowed = "allowedValues" in params ? [params["allowedValues"]].flat() : null;
    const type = "type" in params ? TYPES[String(params["type"])] : undefined;
    const says =
      missing.length > 0
        ? "is required"
        : allowed !== null
          ? `must be one of ${allowed.join(", ")}`
          : type !== undefined
            ? `must be ${type}`
            : (message ?? "is not valid");
    const subject = field === "" ? `The ${part}` : field;
    return new WharfError("invalid_request", { message: `${subject} ${says}.`, details: { field } });
  });
}

/** Of JSON Schema, in words. */
const TYPES: Readonly<Record<string, string>> = {
  string: "a string",
  integer: "a whole number",
  number: "a number",
  boolean: "true or false",
  array: "a list",
  object: "an object",
};

/** The value as declared, or the text itself, which validation then refuses with the field's name. */
function readParameter(value: unknown, type: unknown): unknown {
  if (type === "array") return Array.isArray(value) ? value : [value];
  if (typeof value !== "string") return value;
  if (type === "integer") return /^-?\d+$/.test(value) ? Number(value) : value;
  if (type === "boolean") return value === "true" ? true : value === "false" ? false : value;
  return value;
}

function propertiesOf(schema: unknown): Readonly<Record<string, unknown>> {
  return propertiesIn(propertiesIn(schema)["properties"]);
}

function typeOf(schema: unknown): unknown {
  return propertiesIn(schema)["type"];
}

/** A copy without a prototype's reach. */
function propertiesIn(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? { ...value } : {};
}

/** RFC 6901 §4. */
function unescapePointer(part: string): string {
  return part.replaceAll("~1", "/").replaceAll("~0", "~");
}
