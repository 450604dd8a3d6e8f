import type { OutgoingHttpHeaders } from "node:http";
import { LIMITS } from "../../src/limits.ts";
import { at } from "../support/json.ts";
import type { Random } from "../support/random.ts";
import { oddHeader, oddText, oddValue } from "./odd-values.ts";
import type { Operation, Parameter } from "./operations.ts";
import { chance, type IdKind, type KnownSession, oneOf, type World } from "./world.ts";

/** A request that is valid, or was before something about it was changed. */
export interface StructuredRequest {
  readonly operation: Operation;
  readonly method: string;
  /** Path and query as they go out. */
  readonly target: string;
  readonly headers: OutgoingHttpHeaders;
  readonly body: Uint8Array | string | undefined;
  /** The session that the body is meant for. */
  readonly session?: KnownSession;
}

/** How often things are as they should be. Fewer, and nothing that depends on another thing is ever reached. */
const RIGHT_VALUE = 0.94;
const OPTIONAL_GIVEN = 0.35;
const RIGHT_METHOD = 0.97;
const RIGHT_TARGET = 0.97;
const RIGHT_BODY_TEXT = 0.93;
const OWN_ID = 0.8;

const WORDS = ["harbour", "pilot", "tide", "buoy", "walrus", "é", "zebra"];
const SLUGS = ["main", "notes", "a-b", "archive-2024"];

/** Makes requests for the operations that a server describes. */
export class RequestMaker {
  readonly #random: Random;
  readonly #own: World;
  readonly #foreign: World;

  /** `own`: what the caller's team knows; `foreign`: what it must not learn. */
  constructor(random: Random, own: World, foreign: World) {
    this.#random = random;
    this.#own = own;
    this.#foreign = foreign;
  }

  make(operation: Operation): StructuredRequest {
    const random = this.#random;
    const session = operation.path.startsWith("/v1/uploads/") ? this.#session(operation) : undefined;
    const made = { operation, method: this.#method(operation), target: this.#target(operation, session) };
    const headers = this.#headers(operation);
    if (session !== undefined) return { ...made, ...this.#bytes(session, headers), session };
    if (operation.body === undefined && chance(random, 0.97)) return { ...made, headers, body: undefined };
    const body = this.#bodyText(this.#fill(operation.body ?? {}, ""));
    const type = chance(random, 0.97) ? "application/json" : oddHeader(random);
    return { ...made, headers: { "content-type": type, ...headers }, body };
  }

  /** Mostly the newest that has not got its bytes yet, so that files come to be. */
  #session({ id }: Operation): KnownSession {
    const world = chance(this.#random, OWN_ID) ? this.#own : this.#foreign;
    const newest = world.sessions.at(-1);
    const session = id === "putBytes" && chance(this.#random, 0.6) ? newest : oneOf(this.#random, world.sessions);
    return session ?? { id: "sess_x", url: "http://x/v1/uploads/sess_x/y", sizeBytes: 1 };
  }

  #method({ method }: Operation): string {
    if (chance(this.#random, RIGHT_METHOD)) return method;
    return oneOf(this.#random, ["GET", "HEAD", "PUT", "POST", "DELETE", "PATCH", "OPTIONS", "PROPFIND"]) ?? method;
  }

  #target(operation: Operation, session: KnownSession | undefined): string {
    const random = this.#random;
    const path =
      session === undefined
        ? operation.path.replaceAll(/\{(\w+)\}/g, (_, name: string) => encode(this.#id(name)))
        : new URL(session.url).pathname;
    const query = operation.parameters
      .filter((parameter) => parameter.in === "query" && this.#isGiven(parameter))
      .flatMap(({ name, schema }) => this.#queryValues(name, schema).map((value) => `${name}=${encode(value)}`));
    if (operation.id === "listFiles" && chance(random, 0.2))
      query.push(`metadata.${encode(this.#text("word"))}=${encode(JSON.stringify(this.#text("word")))}`);
    if (chance(random, 0.03)) query.push(`${encode(oddText(random))}=${encode(oddText(random))}`);
    const target = query.length === 0 ? path : `${path}?${query.join("&")}`;
    return chance(random, RIGHT_TARGET) ? target : this.#oddTarget(target);
  }

  #oddTarget(target: string): string {
    const random = this.#random;
    const at = random.integer(1, target.length);
    const inserted = oneOf(random, [
      "/",
      "//",
      "..",
      "/../",
      "%",
      "%2f",
      "%00",
      "%C3",
      "%c3%a9",
      ";",
      "?",
      "&",
      "=",
      "#",
    ]);
    return `${target.slice(0, at)}${inserted}${target.slice(chance(random, 0.5) ? at : at + 1)}`;
  }

  #queryValues(name: string, schema: unknown): readonly string[] {
    const many = at(schema, "type") === "array" && chance(this.#random, 0.5);
    const one = () => {
      const value = this.#fill(schema, name);
      return typeof value === "string" ? value : JSON.stringify([value].flat()[0] ?? "");
    };
    return many ? [one(), one()] : [one()];
  }

  #headers(operation: Operation): OutgoingHttpHeaders {
    const random = this.#random;
    const headers: Record<string, string> = {};
    for (const { name, schema, ...parameter } of operation.parameters) {
      if (parameter.in !== "header" || !this.#isGiven({ name, schema, ...parameter })) continue;
      const value = this.#fill(schema, name);
      headers[name.toLowerCase()] = typeof value === "string" ? header(value) : oddHeader(random);
    }
    if (chance(random, 0.1)) headers["if-none-match"] = oneOf(random, this.#own.etags) ?? "*";
    if (chance(random, 0.08)) headers["range"] = oneOf(random, RANGES) ?? "bytes=0-0";
    if (chance(random, 0.08)) headers["accept"] = oneOf(random, ACCEPTS) ?? "*/*";
    if (chance(random, 0.03))
      headers["prefer"] = oneOf(random, ["wait=0", "wait=1", "wait=x", ",;=", "return=minimal"]) ?? "";
    if (chance(random, 0.03)) headers["if-range"] = oddHeader(random);
    if (chance(random, 0.03)) headers["origin"] = oneOf(random, ["https://app.example", "null", "x"]) ?? "";
    return headers;
  }

  #isGiven({ required }: Pick<Parameter, "required" | "name" | "schema" | "in">): boolean {
    return required || chance(this.#random, OPTIONAL_GIVEN);
  }

  /** What is sent to an upload URL: the right bytes, a part of them, a probe, or something odd. */
  #bytes(session: KnownSession, headers: OutgoingHttpHeaders): Pick<StructuredRequest, "headers" | "body"> {
    const random = this.#random;
    const { sizeBytes } = session;
    const bytes = contentOf(session);
    const ranged = (range: string, body: Uint8Array) => ({ headers: { ...headers, "content-range": range }, body });
    switch (random.integer(0, 9)) {
      case 0:
        return ranged(`bytes */${chance(random, 0.5) ? sizeBytes : "*"}`, new Uint8Array(0));
      case 1: {
        const from = random.integer(0, sizeBytes);
        return ranged(`bytes ${from}-${sizeBytes - 1}/${sizeBytes}`, bytes.subarray(from));
      }
      case 2:
        return ranged(oddHeader(random), bytes);
      case 3:
        return { headers: { ...headers, "x-goog-hash": oddHeader(random) }, body: bytes };
      case 4:
        return { headers, body: random.bytes(random.integer(0, 2 * sizeBytes)) };
      default:
        return chance(random, 0.5) ? { headers, body: bytes } : ranged(`bytes 0-${sizeBytes - 1}/${sizeBytes}`, bytes);
    }
  }

  /** JSON, or what was JSON before it was cut, doubled or mixed with something else. */
  #bodyText(value: unknown): string | Uint8Array {
    const random = this.#random;
    const text = JSON.stringify(value);
    if (chance(random, RIGHT_BODY_TEXT)) return text;
    const at = random.integer(0, text.length);
    switch (random.integer(0, 7)) {
      case 0:
        return text.slice(0, at);
      case 1:
        return text + text;
      case 2:
        return `\ufeff${text}`;
      case 3:
        return Buffer.concat([Buffer.from(text.slice(0, at)), random.bytes(3), Buffer.from(text.slice(at))]);
      case 4:
        return text.replace("{", '{"__proto__":{"limit":1},');
      case 5:
        return `${"[".repeat(random.integer(1, 5000))}${text}`;
      case 6:
        return text.replace("{", `{"filler":"${"x".repeat(random.integer(1, LIMITS.jsonBodyBytes + 1000))}",`);
      default:
        return text.replaceAll('"', "'");
    }
  }

  /** A value of a schema, or another one. `name`: of the member, which says what would be right. */
  #fill(schema: unknown, name: string): unknown {
    const random = this.#random;
    if (!chance(random, RIGHT_VALUE) && name !== "") return name === "wait" ? this.#oddWait() : oddValue(random);
    const words: unknown = at(schema, "enum");
    if (Array.isArray(words)) return oneOf(random, words);
    const type: unknown = at(schema, "type");
    switch (Array.isArray(type) ? oneOf(random, type) : type) {
      case "null":
        return null;
      case "object":
        return name === "metadata" ? this.#metadata() : this.#object(schema);
      case "array":
        return Array.from({ length: random.integer(0, 3) }, () => this.#fill(at(schema, "items"), name));
      case "boolean":
        return chance(random, 0.8);
      case "integer":
      case "number":
        return this.#number(name);
      default:
        return this.#text(name);
    }
  }

  #object(schema: unknown): Readonly<Record<string, unknown>> {
    const required: unknown = at(schema, "required");
    const members = Object.entries(membersOf(at(schema, "properties"))).filter(
      ([name]) =>
        (Array.isArray(required) && required.includes(name) && chance(this.#random, 0.98)) ||
        chance(this.#random, OFTEN_GIVEN[name] ?? OPTIONAL_GIVEN),
    );
    return Object.fromEntries(members.map(([name, member]) => [name, this.#fill(member, name)]));
  }

  #metadata(): Readonly<Record<string, unknown>> {
    const pairs = Array.from({ length: this.#random.integer(0, 3) }, () => [
      this.#text("word"),
      chance(this.#random, 0.7) ? this.#text("word") : oddValue(this.#random),
    ]);
    return Object.fromEntries(pairs);
  }

  #number(name: string): number {
    switch (name) {
      case "size_bytes":
        return chance(this.#random, 0.95) ? this.#random.integer(1, 400) : this.#random.integer(1, 600_000);
      case "wait":
        return this.#random.integer(0, 1);
      default:
        return this.#random.integer(1, 20);
    }
  }

  /** Never one that would be held for long. */
  #oddWait(): string {
    return oneOf(this.#random, ["-1", "1.5", "x", "", "1e0", " 1", "00", "0x1", "true"]) ?? "";
  }

  #text(name: string): string {
    const random = this.#random;
    switch (name) {
      case "session_id":
      case "file_id":
      case "task_id":
      case "bucket_id":
      case "bucket_ids":
      case "file_ids":
        return this.#id(name.replace(/s$/, ""));
      case "bucket":
        return chance(random, 0.8) ? (oneOf(random, SLUGS) ?? "main") : this.#id("bucket_id");
      case "bucket_slugs":
        return oneOf(random, SLUGS) ?? "main";
      case "filename":
        return `${this.#text("word")}.txt`;
      case "content_type":
        return (
          oneOf(random, ["text/plain", "text/markdown", "text/html", "application/json", "text/csv"]) ?? "text/plain"
        );
      case "cursor":
        return oneOf(random, this.#own.cursors) ?? oneOf(random, this.#foreign.cursors) ?? "x";
      case "created_after":
        return new Date(Date.UTC(2020 + random.integer(0, 10), random.integer(0, 11), 1)).toISOString();
      case "idempotency-key":
        return chance(random, 0.7) ? `key-${random.integer(0, 200)}` : `"key-${random.integer(0, 200)}"`;
      case "mode":
        return oneOf(random, ["keyword", "keyword", "semantic", "hybrid"]) ?? "keyword";
      case "query":
        return Array.from({ length: random.integer(1, 6) }, () => oneOf(random, WORDS)).join(" ");
      default:
        return oneOf(random, WORDS) ?? "x";
    }
  }

  /** Of the kind that the parameter is named for: own, foreign, of another kind, or none at all. */
  #id(parameter: string): string {
    const random = this.#random;
    const kind = KINDS[parameter];
    const world = chance(random, OWN_ID) ? this.#own : this.#foreign;
    if (kind === undefined || chance(random, 0.03)) return oddText(random);
    if (chance(random, 0.03)) return oneOf(random, world.ids(oneOf(random, ALL_KINDS) ?? kind)) ?? "x";
    const newest = world.ids(kind).at(-1);
    const id = chance(random, 0.3) ? newest : oneOf(random, world.ids(kind));
    return id ?? `${kind}_00000000000000000000000000`;
  }
}

/** What a session's bytes are: text that is worth indexing, known from the id alone. */
export function contentOf({ id, sizeBytes }: KnownSession): Buffer {
  return Buffer.alloc(sizeBytes, `${WORDS.slice(0, 3).join(" ")} ${id} `);
}

/** Without the first two nothing is made; with the others hardly anything is right. */
const OFTEN_GIVEN: Readonly<Record<string, number>> = {
  bucket: 0.9,
  create_missing_buckets: 0.9,
  bucket_ids: 0.1,
  bucket_slugs: 0.1,
  sha256: 0.05,
  crc32c: 0.05,
  mode: 0.1,
};
const KINDS: Readonly<Record<string, IdKind>> = {
  session_id: "sess",
  file_id: "file",
  task_id: "task",
  bucket_id: "bucket",
};
const ALL_KINDS: readonly IdKind[] = ["sess", "file", "task", "bucket"];
const RANGES = [
  "bytes=0-0",
  "bytes=0-",
  "bytes=-5",
  "bytes=5-2",
  "bytes=0-1,3-4",
  "bytes=999999999-",
  "lines=1-2",
  "bytes=",
];
const ACCEPTS = [
  "application/json",
  "application/problem+json",
  "application/problem+json;q=0.5, application/json;q=0.4",
  "text/html",
  "*/*;q=0",
  ",;q=",
];

function membersOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? { ...value } : {};
}

/** A lone surrogate has no encoding: it goes out as U+FFFD. */
function encode(text: string): string {
  return encodeURIComponent(text.toWellFormed());
}

function header(text: string): string {
  return text.replace(/[^\t\x20-\x7e\x80-\xff]/g, "?");
}
