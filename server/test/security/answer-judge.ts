import { at } from "../support/json.ts";
import type { AnswerSchemas, Operation } from "./operations.ts";

/** An answer as it came, whoever read it from the wire. */
export interface JudgedAnswer {
  readonly status: number;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** What was asked; null when the request is of no described operation. */
export interface Asked {
  readonly operation: Operation | null;
  /** It is one that the operation describes: the method is the operation's own. */
  readonly described: boolean;
  readonly head: boolean;
}

/**
 * What no answer may say, whatever was asked. Our own paths, another program's words, and where in which file
 * something was thrown.
 */
const INTERNALS =
  /node_modules|\/server\/src\/|\bfile:\/\/\/|\.[cm]?[jt]s:\d+|\n\s+at \S+ \(|SQLITE_|\bE(?:NOENT|MFILE|ACCES|PIPE)\b|FST_ERR|wharf-acceptance-/;

/** The refusals that a limit of ours stands behind (contract §11); `storage_unavailable` would be a failure. */
const LIMIT_CODES = new Set(["overloaded", "storage_full"]);
const BYTES = "/v1/uploads/";

/**
 * Holds answers against the contract's rules for every call and against the server's own description of the operation.
 */
export class AnswerJudge {
  readonly #schemas: AnswerSchemas;

  constructor(schemas: AnswerSchemas) {
    this.#schemas = schemas;
  }

  /** What is wrong with the answer; empty = nothing. */
  faultsOf(answer: JudgedAnswer, asked: Asked): readonly string[] {
    const { status, headers, body } = answer;
    const faults: string[] = [];
    if (status < 200 || status > 599) faults.push(`${status} is no final status`);
    if (status === 500) faults.push("500");
    const id = headers["x-request-id"];
    if (id === undefined || !/^req_[0-9a-z]{26}$/.test(id)) faults.push(`X-Request-Id is ${id}`);
    if (headers["x-content-type-options"] !== "nosniff") faults.push("no X-Content-Type-Options");
    const location = headers["location"];
    if (location !== undefined && !/^\.?\/(?![/\\])/.test(location)) faults.push(`a Location leads to ${location}`);
    const text = status >= 400 || isJson(headers) ? body.toString("utf8") : "";
    const said = INTERNALS.exec(`${Object.values(headers).join("\n")}\n${status >= 400 ? text : ""}`);
    if (said !== null) faults.push(`the answer says ${said[0].trim()}`);
    const { operation } = asked;
    if (operation?.path.startsWith(BYTES)) return [...faults, ...this.#faultsOfBytes(answer, asked, text)];
    return [...faults, ...this.#faultsOfJson(answer, asked, text)];
  }

  /** For bytes whose request nobody can tell: which of the two dialects answered, the answer says itself. */
  faultsOfAny(answer: JudgedAnswer): readonly string[] {
    const ofBytes = answer.headers["x-guploader-uploadid"] !== undefined;
    const operation = ofBytes ? NO_BYTES : null;
    return this.faultsOf(answer, { operation, described: false, head: false });
  }

  #faultsOfJson({ status, headers }: JudgedAnswer, asked: Asked, text: string): readonly string[] {
    const { operation, described, head } = asked;
    const mediaType = mediaTypeOf(headers);
    const faults: string[] = [];
    if (described && operation !== null) faults.push(...this.#undescribed(operation, status, headers, status !== 304));
    if (
      status < 400 &&
      status !== 304 &&
      mediaType === "application/json" &&
      !/charset=utf-8$/i.test(headers["content-type"] ?? "")
    )
      faults.push(`Content-Type is ${headers["content-type"]}`);
    if (status === 304 || head || !isJson(headers))
      return status >= 400 && !head ? [...faults, "an error is no JSON"] : faults;
    const json = parsed(text);
    if (json === undefined) return [...faults, "the body is no JSON"];
    if (at(json, "request_id") !== headers["x-request-id"] && (status >= 400 || operation?.path.startsWith("/v1/")))
      faults.push(`request_id is ${String(at(json, "request_id"))}`);
    if (status >= 400) faults.push(...this.#faultsOfError(status, headers, json));
    else if (operation !== null && described) {
      const fault = this.#schemas.faultOf(operation, status, mediaType, json);
      if (fault !== null) faults.push(`the answer is not as described: ${fault}`);
    }
    return faults;
  }

  #undescribed(operation: Operation, status: number, headers: JudgedAnswer["headers"], hasBody: boolean) {
    const named = this.#schemas.mediaTypes(operation, status);
    if (named === null) return [`${operation.id} does not describe ${status}`];
    const mediaType = mediaTypeOf(headers);
    return hasBody && !named.includes(mediaType)
      ? [`${operation.id} does not describe ${mediaType} with ${status}`]
      : [];
  }

  #faultsOfError(status: number, headers: JudgedAnswer["headers"], json: unknown): readonly string[] {
    const faults: string[] = [];
    const schemaFault = this.#schemas.faultOfError(json);
    if (schemaFault !== null) faults.push(`the error is not as described: ${schemaFault}`);
    const code = String(at(json, "error", "code"));
    const known = this.#schemas.errorCode(code);
    if (at(known, "status") !== status) faults.push(`${code} came with ${status}`);
    if (at(known, "retryable") !== at(json, "error", "retryable")) faults.push(`${code} has another retryable`);
    if ((status === 503 || status === 507) && !LIMIT_CODES.has(code))
      faults.push(`${status} ${code} is no named limit`);
    const needed = HEADERS_OF[status];
    if (needed !== undefined && headers[needed] === undefined) faults.push(`${status} without ${needed}`);
    return faults;
  }

  /** The byte end-point speaks Google's dialect: its refusals are text. */
  #faultsOfBytes({ status, headers, body }: JudgedAnswer, asked: Asked, text: string): readonly string[] {
    const { operation, described, head } = asked;
    const faults: string[] = [];
    if (described && operation !== null) faults.push(...this.#undescribed(operation, status, headers, body.length > 0));
    if (status === 308 && body.length > 0) faults.push("a 308 with a body");
    if (status === 503 && headers["retry-after"] === undefined) faults.push("503 without retry-after");
    // PUT-6 and PUT-20 are the only ones.
    if (status === 503 && !BYTES_LIMITS.test(text)) faults.push(`503 is no named limit: ${text.slice(0, 200)}`);
    if (status === 200 && !head && headers["x-http-status-code-override"] === undefined && described) {
      const json = parsed(text);
      const fault = operation === null ? null : this.#schemas.faultOf(operation, status, "application/json", json);
      if (json === undefined || fault !== null) faults.push(`the resource is not as described: ${fault}`);
    }
    return faults;
  }
}

const NO_BYTES: Operation = { id: "bytes", method: "", path: BYTES, needsKey: false, parameters: [], body: undefined };
const BYTES_LIMITS = /Invalid request\.|disk is nearly full|at a limit|Too many/i;
const HEADERS_OF: Readonly<Record<number, string>> = {
  401: "www-authenticate",
  405: "allow",
  429: "retry-after",
  503: "retry-after",
  507: "retry-after",
};

function mediaTypeOf(headers: JudgedAnswer["headers"]): string {
  return (headers["content-type"] ?? "").split(";", 1)[0]?.trim().toLowerCase() ?? "";
}

function isJson(headers: JudgedAnswer["headers"]): boolean {
  return /^application\/(?:problem\+)?json$/.test(mediaTypeOf(headers));
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
