import type { ClientConfig } from "../../server/src/config.ts";
import { CliError, EXIT } from "../exit-codes.ts";
import { type Answer, ConnectionError, type Exchange, HttpClient } from "./exchange.ts";
import { type JsonObject, objectIn, parseObject, textIn, textsIn } from "./json.ts";
import { isPassing, Patience, retryAfterOf, type Timing } from "./patience.ts";

/** A refusal in the API's shape (contract ALL-5). */
export class ApiError extends CliError {
  readonly status: number;
  readonly requestId: string | null;

  constructor(answer: Answer) {
    const body = parseObject(answer.text);
    const error = objectIn(body, "error");
    const refusedKey = answer.status === 401 || answer.status === 403;
    const code = textIn(error, "code") ?? `http_${answer.status}`;
    super(refusedKey ? EXIT.keyRefused : EXIT.failure, code, sentenceOf(error, code, answer.status));
    this.status = answer.status;
    this.requestId = textIn(body, "request_id");
  }
}

/**
 * The server's own sentence; where it speaks of JSON fields that the command line spells as flags or does not show,
 * ours.
 */
function sentenceOf(error: JsonObject | null, code: string, status: number): string {
  const message = textIn(error, "message") ?? `The server answered ${status}.`;
  const unresolved = textsIn(objectIn(error, "details"), "unresolved").join(", ");
  if (code !== "bucket_assignment_failed" || unresolved === "") return message;
  if (message.includes("create_missing_buckets"))
    return `There is no active bucket ${unresolved}. Correct it, or add --create-missing-buckets to upload.`;
  return message.replace("; details.unresolved lists them", `: ${unresolved}`);
}

export interface ApiOptions {
  readonly config: ClientConfig;
  readonly signal: AbortSignal;
  readonly timing: Timing;
  /** How long one call is tried again while the server does not answer or asks to wait, in milliseconds. */
  readonly patienceMs: number;
}

/**
 * The knowledge-upload API as this client uses it: every call is safe to repeat, and is repeated on lost connections and on answers that
 * may pass (408, 429, 5xx), as often and as late as they ask.
 */
export class Api {
  readonly http = new HttpClient();
  readonly options: ApiOptions;

  constructor(options: ApiOptions) {
    this.options = options;
  }

  close(): void {
    this.http.close();
  }

  get(path: string): Promise<JsonObject> {
    return this.#call("GET", path, undefined, {}).then((answer) => bodyOf(answer));
  }

  delete(path: string): Promise<JsonObject> {
    return this.#call("DELETE", path, undefined, {}).then((answer) => bodyOf(answer));
  }

  async post(
    path: string,
    body: object,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<{ readonly json: JsonObject; readonly answer: Answer }> {
    const answer = await this.#call("POST", path, body, headers);
    return { json: bodyOf(answer), answer };
  }

  async #call(
    method: Exchange["method"],
    path: string,
    body: object | undefined,
    headers: Readonly<Record<string, string>>,
  ): Promise<Answer> {
    const { config, signal, timing, patienceMs } = this.options;
    const exchange: Exchange = {
      method,
      url: `${config.url}${path}`,
      headers: {
        ...headers,
        Authorization: `Bearer ${keyOf(config)}`,
        ...(body === undefined ? {} : { "Content-Type": "application/json" }),
      },
      body: body === undefined ? undefined : Buffer.from(JSON.stringify(body)),
      signal,
      idleMs: IDLE_MS,
    };
    const patience = new Patience(patienceMs, timing);
    for (;;) {
      const outcome = await attempt(this.http, exchange);
      if (!(outcome instanceof ConnectionError) && !isPassing(outcome.status)) {
        if (outcome.status >= 400) throw new ApiError(outcome);
        return outcome;
      }
      const lost = outcome instanceof ConnectionError;
      if (await patience.again(lost ? null : retryAfterOf(outcome), signal)) continue;
      throw lost ? unreachable(config, outcome) : new ApiError(outcome);
    }
  }
}

/** Above the longest poll (60 s). */
const IDLE_MS = 75_000;

async function attempt(http: HttpClient, exchange: Exchange): Promise<Answer | ConnectionError> {
  try {
    return await http.send(exchange);
  } catch (error) {
    if (error instanceof ConnectionError) return error;
    throw error;
  }
}

export function unreachable(config: ClientConfig, error: ConnectionError): CliError {
  const { origin } = new URL(config.url);
  const message = `The server at ${origin} does not answer (${error.message}). Is it running, and is WHARF_URL right?`;
  return new CliError(EXIT.unreachable, "unreachable", message, { cause: error });
}

function keyOf(config: ClientConfig): string {
  if (config.apiKey === null || config.apiKey === "")
    throw new CliError(
      EXIT.config,
      "config",
      "WHARF_API_KEY is not set: export the key that the first start printed, or make one with wharf keys create.",
    );
  // What cannot be a header value would fail with a message that shows the key.
  if (!/^[\x21-\x7e]+$/.test(config.apiKey))
    throw new CliError(EXIT.config, "config", "WHARF_API_KEY holds characters that no key has: paste it again.");
  return config.apiKey;
}

function bodyOf(answer: Answer): JsonObject {
  const json = parseObject(answer.text);
  if (json === null)
    throw new CliError(EXIT.failure, "not_wharf", "The answer is not JSON: WHARF_URL does not name a Wharf server.");
  return json;
}
