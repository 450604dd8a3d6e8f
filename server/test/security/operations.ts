import { Ajv2020, type AnySchemaObject } from "ajv/dist/2020.js";
import formats from "ajv-formats";
import { at, objectAt, textAt } from "../support/json.ts";

/** What `/openapi.json` says of one method of one address. */
export interface Operation {
  readonly id: string;
  readonly method: string;
  /** As described: `/v1/knowledge/files/{file_id}`. */
  readonly path: string;
  readonly needsKey: boolean;
  readonly parameters: readonly Parameter[];
  /** Schema of a JSON body; undefined = it takes none. */
  readonly body: unknown;
}

export interface Parameter {
  readonly name: string;
  readonly in: "path" | "query" | "header";
  readonly required: boolean;
  readonly schema: unknown;
}

const METHODS = ["get", "put", "post", "delete", "patch"] as const;
const PLACES = ["path", "query", "header"] as const;

export function operationsOf(document: unknown): readonly Operation[] {
  return Object.entries(objectAt(document, "paths")).flatMap(([path, item]) =>
    METHODS.filter((method) => at(item, method) !== undefined).map((method) => {
      const described = at(item, method);
      return {
        id: textAt(described, "operationId"),
        method: method.toUpperCase(),
        path,
        needsKey: listOf(at(described, "security")).length > 0,
        parameters: [...listOf(at(item, "parameters")), ...listOf(at(described, "parameters"))].map(parameterOf),
        body: at(described, "requestBody", "content", "application/json", "schema"),
      };
    }),
  );
}

function parameterOf(described: unknown): Parameter {
  const place = PLACES.find((known) => known === at(described, "in"));
  if (place === undefined) throw new Error(`a parameter is in ${String(at(described, "in"))}`);
  return {
    name: textAt(described, "name"),
    in: place,
    required: at(described, "required") === true,
    schema: at(described, "schema"),
  };
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** Holds answers against the schemas of a description. */
export class AnswerSchemas {
  readonly #document: unknown;
  readonly #ajv: Ajv2020;

  constructor(document: AnySchemaObject) {
    this.#document = document;
    // `binary` and the keywords of OpenAPI itself say nothing about JSON.
    this.#ajv = new Ajv2020({ strict: false, allErrors: false, formats: { binary: true } });
    formats.default(this.#ajv);
    this.#ajv.addSchema(document, ROOT);
  }

  /** Codes and what the description says of each: `x-error-codes`. */
  errorCode(code: string): unknown {
    return at(this.#document, "x-error-codes", code);
  }

  /** Media types that may come with the status; null when the operation does not name that status. */
  mediaTypes({ path, method }: Operation, status: number): readonly string[] | null {
    const answer = at(this.#document, "paths", path, method.toLowerCase(), "responses", String(status));
    if (answer === undefined) return null;
    const content = at(answer, "content");
    return typeof content === "object" && content !== null ? Object.keys(content) : [];
  }

  /** What is wrong with a JSON answer, or null. */
  faultOf({ path, method }: Operation, status: number, mediaType: string, value: unknown): string | null {
    const steps = ["paths", path, method.toLowerCase(), "responses", String(status), "content", mediaType, "schema"];
    return this.#fault(steps, value);
  }

  /** What is wrong with a JSON body that an operation takes, or null. */
  faultOfBody({ path, method }: Operation, value: unknown): string | null {
    const steps = ["paths", path, method.toLowerCase(), "requestBody", "content", "application/json", "schema"];
    return this.#fault(steps, value);
  }

  /** For answers of no operation: unknown addresses, other methods. */
  faultOfError(value: unknown): string | null {
    return this.#fault(["components", "schemas", "Error"], value);
  }

  #fault(steps: readonly string[], value: unknown): string | null {
    const pointer = steps.map((step) => encodeURIComponent(step.replaceAll("~", "~0").replaceAll("/", "~1"))).join("/");
    const validate = this.#ajv.getSchema(`${ROOT}#/${pointer}`);
    if (validate === undefined) return null;
    return validate(value) === true ? null : this.#ajv.errorsText(validate.errors);
  }
}

const ROOT = "http://wharf.invalid/openapi.json";
