import { readFileSync } from "node:fs";
import { CATALOGUE, type ErrorCode } from "../errors.ts";

/** What a client sent, and what a real server answered: recorded by tools/record-examples.ts, by operation id. */
export interface RecordedExample {
  /** JSON body; absent = none was sent. */
  readonly request?: unknown;
  /** By status: JSON body. */
  readonly responses: Readonly<Record<string, unknown>>;
}

/** Read when the document is asked for, not at start. */
export function recordedExamples(): Readonly<Record<string, RecordedExample>> {
  return JSON.parse(readFileSync(new URL("openapi-examples.json", import.meta.url), "utf8"));
}

/** The operation with an example beside each JSON schema of its own. */
export function withExamples(
  operation: Readonly<Record<string, unknown>>,
  recorded: RecordedExample | undefined,
): Readonly<Record<string, unknown>> {
  if (recorded === undefined) return operation;
  const { requestBody, responses } = operation;
  const answers = Object.entries(recordOf(responses)).map(([status, response]) => [
    status,
    exampled(response, recorded.responses[status]),
  ]);
  return {
    ...operation,
    ...(requestBody === undefined ? {} : { requestBody: exampled(requestBody, recorded.request) }),
    responses: Object.fromEntries(answers),
  };
}

/** For `components.examples`: each code as it comes, and the references that a response takes. */
export function errorExamples(): Readonly<Record<string, object>> {
  const entries = Object.entries(CATALOGUE).map(([code, { retryable, say }]) => {
    const error = { code, message: say, retryable, details: {} };
    return [code, { summary: code, value: { error, request_id: REQUEST_ID } }];
  });
  return Object.fromEntries(entries);
}

export function errorExampleRefs(codes: readonly ErrorCode[]): Readonly<Record<string, object>> {
  return Object.fromEntries(codes.map((code) => [code, { $ref: `#/components/examples/${code}` }]));
}

const REQUEST_ID = "req_01kb6m7k2x0000000000000000";

function exampled(body: unknown, example: unknown): unknown {
  const content = recordOf(recordOf(body)["content"]);
  if (example === undefined || content["application/json"] === undefined) return body;
  const json = { ...recordOf(content["application/json"]), example };
  return { ...recordOf(body), content: { ...content, "application/json": json } };
}

function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? { ...value } : {};
}
