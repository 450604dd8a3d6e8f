import assert from "node:assert/strict";
import { Api } from "../support/api.ts";
import { listAt, objectAt, textAt } from "../support/json.ts";
import { backToLevel, levelsOf } from "../support/levels.ts";
import { requestHead } from "../support/raw.ts";
import { TestServer } from "../support/server.ts";
import { mintTeamKeys, type TeamKeys } from "../support/team-keys.ts";
import { AnswerJudge } from "./answer-judge.ts";
import { AnswerSchemas, operationsOf } from "./operations.ts";
import { END_WITHIN_MS, RawLane } from "./raw-lane.ts";
import type { RawSeeds } from "./raw-request.ts";
import { type Caller, type Finding, SLOW_MS, StructuredLane } from "./structured-lane.ts";

export interface FuzzOptions {
  readonly structured: number;
  readonly raw: number;
  readonly seed: number;
  readonly progress?: (line: string) => void;
}

export interface FuzzReport {
  readonly requests: number;
  /** How often each status came. */
  readonly statuses: Readonly<Record<string, number>>;
  /** The slowest answer while all lanes ran: on a busy machine it says little. */
  readonly slowestMs: number;
  /** Different ones, with a request for each. */
  readonly findings: readonly (Finding & { readonly times: number })[];
}

/** Clients at once. More would only wait for one processor. */
const STRUCTURED_LANES = 4;
const RAW_LANES = 24;
/** Before the level is taken: caches and compiled code are there, indexes are open. */
const WARM_UP = 2000;
/** A request that was slow among others is sent alone so often: only one that is slow each time is a fault of ours. */
const ALONE_TRIES = 3;
/** V8 keeps a part of what it needed; an index of more files takes memory of its own. */
const SLACK = { rssBytes: 192 * 1024 * 1024 };
const MOST_FINDINGS = 50;
const STRETCH = 5000;

interface Lane {
  run(from: number, to: number): Promise<void>;
}

/**
 * Requests from the server's own description, then raw bytes, on a real server; everything that may not be is a
 * finding.
 */
export async function runFuzz(options: FuzzOptions): Promise<FuzzReport> {
  const server = await TestServer.start({ WHARF_LOG_LEVEL: "error" });
  try {
    return await new FuzzRun(server, await mintTeamKeys(server), options).run();
  } finally {
    await server.close();
  }
}

class FuzzRun {
  readonly #server: TestServer;
  readonly #keys: TeamKeys;
  readonly #options: FuzzOptions;
  readonly #findings = new Map<string, Finding & { times: number }>();
  readonly #statuses = new Map<number, number>();
  #slowestMs = 0;

  constructor(server: TestServer, keys: TeamKeys, options: FuzzOptions) {
    this.#server = server;
    this.#keys = keys;
    this.#options = options;
  }

  async run(): Promise<FuzzReport> {
    const { structured, raw, seed } = this.#options;
    const api = new Api(this.#server.url, this.#keys.all);
    const document = objectAt((await api.get("/openapi.json")).json);
    const judge = new AnswerJudge(new AnswerSchemas(document));
    await this.#structured(document, judge, Math.min(Math.ceil(structured / 4), WARM_UP), seed + 1000);
    const before = levelsOf(this.#server.pid);
    await this.#structured(document, judge, structured, seed);
    await this.#raw(api, judge, raw, seed);
    await this.#afterwards(before);
    return {
      requests: structured + raw,
      statuses: Object.fromEntries([...this.#statuses].sort(([a], [b]) => a - b)),
      slowestMs: Math.round(this.#slowestMs),
      findings: [...this.#findings.values()],
    };
  }

  async #structured(document: object, judge: AnswerJudge, requests: number, seed: number): Promise<void> {
    const operations = operationsOf(document);
    const deps = { url: this.#server.url, operations, callers: this.#callers(), judge, found: this.#found };
    const lanes = seedsOf(seed, STRUCTURED_LANES).map((laneSeed) => new StructuredLane(deps, laneSeed));
    await this.#inStretches("structured", requests, lanes);
    for (const lane of lanes) {
      this.#tally(lane);
      for (const { caller, ...request } of lane.slow) {
        const ms = await fastest(() => lane.again(request, caller));
        if (ms > SLOW_MS)
          this.#found({ fault: `${request.operation.id}: ${Math.round(ms)} ms, alone`, request: request.target });
      }
      lane.close();
    }
  }

  async #raw(api: Api, judge: AnswerJudge, requests: number, seed: number): Promise<void> {
    const seeds = await rawSeeds(api);
    const deps = { url: this.#server.url, judge, found: this.#found };
    const lanes = seedsOf(seed, RAW_LANES).map((laneSeed) => new RawLane(deps, seeds, laneSeed));
    await this.#inStretches("raw", requests, lanes);
    for (const lane of lanes) {
      this.#tally(lane);
      for (const request of lane.slow) {
        const ms = await fastest(() => lane.again(request));
        const shown = request.bytes.subarray(0, 1500).toString("latin1");
        if (ms > END_WITHIN_MS)
          this.#found({ fault: `raw: open ${Math.round(ms)} ms after its end, alone`, request: shown });
      }
    }
  }

  /** Side by side, and says after each stretch how far it is. */
  async #inStretches(kind: string, requests: number, lanes: readonly Lane[]): Promise<void> {
    const each = Math.ceil(requests / lanes.length);
    for (let from = 0; from < each; ) {
      const to = Math.min(each, from + Math.ceil(STRETCH / lanes.length));
      await Promise.all(lanes.map((lane) => lane.run(from, to)));
      from = to;
      this.#options.progress?.(`${from * lanes.length} ${kind} requests, ${this.#findings.size} kinds of findings`);
    }
  }

  /** The process is the same, holds what it held before, has nothing to be ashamed of in its log, and does its work. */
  async #afterwards(before: ReturnType<typeof levelsOf>): Promise<void> {
    const fault = (error: unknown) => this.#found({ fault: `afterwards: ${String(error)}`, request: "" });
    await backToLevel(this.#server.pid, before, SLACK).catch(fault);
    for (const key of [this.#keys.all, this.#keys.foreign]) {
      const api = new Api(this.#server.url, key);
      const word = `afterwards${api.bucket.replaceAll("-", "")}`;
      await (async () => {
        const id = await api.indexed(`a text with ${word}`);
        const { json } = await api.search({ query: word });
        assert.deepEqual(
          listAt(json, "results").map((result) => textAt(result, "file_id")),
          [id],
        );
      })().catch(fault);
    }
    for (const line of this.#server.log
      .split("\n")
      .filter((line) => line !== "")
      .slice(0, MOST_FINDINGS))
      this.#found({ fault: `the log: ${line.replace(/"(?:time|request_id)":(?:\d+|"[^"]*"),?/g, "")}`, request: "" });
  }

  readonly #found = ({ fault, request }: Finding): void => {
    const kind = fault.replaceAll(/\b(?:req|sess|file|task|bucket|team|key)_[0-9a-z]{26}\b/g, "<id>");
    const known = this.#findings.get(kind);
    if (known !== undefined) known.times += 1;
    else if (this.#findings.size < MOST_FINDINGS) this.#findings.set(kind, { fault: kind, request, times: 1 });
  };

  #tally({
    statuses,
    slowestMs,
  }: {
    readonly statuses: ReadonlyMap<number, number>;
    readonly slowestMs: number;
  }): void {
    for (const [status, times] of statuses) this.#statuses.set(status, (this.#statuses.get(status) ?? 0) + times);
    this.#slowestMs = Math.max(this.#slowestMs, slowestMs);
  }

  /** The first two are those that can do everything. */
  #callers(): readonly Caller[] {
    const { all, foreign, write, read, search, admin } = this.#keys;
    return [
      { name: "one team", key: all, team: 0 },
      { name: "the other team", key: foreign, team: 1 },
      { name: "files:write", key: write, team: 0 },
      { name: "files:read", key: read, team: 0 },
      { name: "search", key: search, team: 0 },
      { name: "admin", key: admin, team: 0 },
      { name: "nobody", key: null, team: null },
      { name: "an unknown key", key: `${all.slice(0, -1)}${all.endsWith("x") ? "y" : "x"}`, team: null },
      { name: "no key at all", key: "x y", team: null },
    ];
  }
}

/** Lanes of one run draw from sources that are far apart. */
function seedsOf(seed: number, lanes: number): readonly number[] {
  return Array.from({ length: lanes }, (_, lane) => seed * 1000 + lane);
}

async function fastest(attempt: () => Promise<number>): Promise<number> {
  let best = Number.POSITIVE_INFINITY;
  for (let times = 0; times < ALONE_TRIES; times++) best = Math.min(best, await attempt());
  return best;
}

/** One request of each kind, as a client would send it. */
async function rawSeeds(api: Api): Promise<RawSeeds> {
  const session = await api.create(600_000);
  const small = await api.create(10);
  const fileId = await api.indexed("a text for raw requests");
  const key = `Authorization: Bearer ${api.key}`;
  const json = "Content-Type: application/json";
  const at = (path: string) => `${api.base}${path}`;
  const withBody = (method: string, url: string, headers: readonly string[], body: string) =>
    requestHead(method, url, [...headers, `Content-Length: ${body.length}`]) + body;
  const chunked = (method: string, url: string, headers: readonly string[], body: string) =>
    `${requestHead(method, url, [...headers, "Transfer-Encoding: chunked"])}${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;
  const create = JSON.stringify(api.createBody(10));
  const query = JSON.stringify({ query: "text" });
  return {
    requests: [
      requestHead("GET", at("/v1/connection"), [key]),
      requestHead("GET", at("/v1/knowledge/files?limit=2&tag=a&metadata.x=1"), [key]),
      requestHead("GET", at(`/v1/knowledge/files/${fileId}/content`), [key, "Range: bytes=0-1"]),
      requestHead("GET", at(`/v1/knowledge/files/${fileId}`), [key, "If-None-Match: *", "Accept: text/html"]),
      requestHead("GET", at("/docs/"), ["Range: bytes=0-5", "If-None-Match: *"]),
      requestHead("GET", at("/healthz"), ["Connection: keep-alive"]),
      requestHead("DELETE", session.url, []),
      withBody("POST", at("/v1/knowledge/search"), [key, json], query),
      chunked("POST", at("/v1/knowledge/search"), [key, json], query),
      withBody("POST", at("/v1/knowledge/files/upload-session"), [key, json, "Idempotency-Key: raw"], create),
      withBody("POST", at(`/v1/knowledge/files/upload-session/${small.id}/finalize`), [key], ""),
      withBody("PUT", small.url, ["Content-Range: bytes 0-9/10"], "0123456789"),
      withBody("PUT", session.url, ["Content-Range: bytes */600000"], ""),
      chunked("PUT", session.url, ["Content-Range: bytes 0-*/*", "X-Goog-Hash: crc32c=AAAAAA=="], "abcde"),
      withBody("PUT", session.url, ["Expect: 100-continue", "Content-MD5: x"], "abcde"),
      requestHead("OPTIONS", session.url, ["Origin: https://app.example", "Access-Control-Request-Method: PUT"]),
    ],
  };
}
