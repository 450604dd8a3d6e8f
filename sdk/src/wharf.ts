import { Answers } from "./answers.ts";
import { Batches } from "./batches.ts";
import { Buckets } from "./buckets.ts";
import { type CallOptions, Calls, type Input, type Result } from "./core/calls.ts";
import { WharfError } from "./core/errors.ts";
import type { Send } from "./core/exchange.ts";
import { type Fetch, fetchSend } from "./core/fetch-send.ts";
import { realTiming, type Timing } from "./core/patience.ts";
import { noPaths, type OpenPath } from "./files/content.ts";
import { Files } from "./files/files.ts";
import { Tasks } from "./tasks.ts";

export interface WharfOptions {
  /** The server, with or without `/v1`: `https://files.example.com`. */
  readonly baseUrl: string;
  /** A project API key, sk_…. Whoever has it may do all that it may: in a page it is for tools of your own. */
  readonly apiKey: string;
  /**
   * How long a call is tried again while the server does not answer, or asks to wait; of an upload, since its last
   * progress. Default 60 s.
   */
  readonly retryForMs?: number | undefined;
  /** Sends the requests. Default: in Node its own client, elsewhere the platform's fetch. */
  readonly fetch?: Fetch | undefined;
  /** For tests: the clock. */
  readonly timing?: Timing | undefined;
}

/** What differs between the places where it runs. */
export interface Platform {
  readonly send: Send;
  readonly openPath: OpenPath;
}

/** Looked up at each call, and called as a plain function: a browser's own wants no other object before it. */
const ANYWHERE: Platform = { send: fetchSend((url, init) => fetch(url, init)), openPath: noPaths };

/**
 * A client of one Wharf server. It keeps nothing and needs no closing. Calls take and return the API's own objects,
 * under the API's names; every method takes a `signal`.
 */
export class Wharf {
  readonly answers: Answers;
  readonly batches: Batches;
  readonly files: Files;
  readonly buckets: Buckets;
  readonly tasks: Tasks;
  /** Any operation of openapi.json by its id, with the same retries: `wharf.calls.json("getTask", { path })`. */
  readonly calls: Calls;

  /** Throws WharfError `config` when the address or the key cannot be one. */
  constructor(options: WharfOptions, platform: Platform = ANYWHERE) {
    const { retryForMs = 60_000, timing = realTiming } = options;
    const { openPath } = platform;
    const send = options.fetch === undefined ? platform.send : fetchSend(options.fetch);
    const baseUrl = baseUrlOf(options.baseUrl);
    this.calls = new Calls(keyOf(options.apiKey), { baseUrl, send, timing, retryForMs });
    this.answers = new Answers(this.calls);
    this.batches = new Batches(this.calls, openPath);
    this.files = new Files(this.calls, openPath);
    this.buckets = new Buckets(this.calls);
    this.tasks = new Tasks(this.calls);
  }

  /** Passages that hold the query's words, best first, with file and page. */
  search(body: Input<"search">["body"], options: CallOptions = {}): Promise<Result<"search">> {
    return this.calls.json("search", { body }, options);
  }

  /** Which team and key this is: the cheapest way to try address and key. */
  connection(options: CallOptions = {}): Promise<Result<"getConnection">> {
    return this.calls.json("getConnection", {}, options);
  }
}

function baseUrlOf(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !/^https?:$/.test(url.protocol) || url.search !== "" || url.hash !== "" || url.username !== "")
    throw new WharfError("config", `baseUrl must be an http or https URL without query, not "${text}".`);
  let base = url.href;
  while (base.endsWith("/")) base = base.slice(0, -1);
  return base.endsWith("/v1") ? base : `${base}/v1`;
}

function keyOf(apiKey: unknown): string {
  // What cannot be a header value would fail with a message that shows the key; an environment without it
  // gives undefined.
  if (typeof apiKey === "string" && /^[\x21-\x7e]+$/.test(apiKey)) return apiKey;
  throw new WharfError("config", "apiKey is empty or holds characters that no key has: paste it again.");
}
