import { Agent } from "node:http";
import { isWellEncoded } from "../../src/http/request-line.ts";
import { BrokenExchange, type HttpAnswer, http } from "../support/http.ts";
import { at } from "../support/json.ts";
import { type Random, seededRandom } from "../support/random.ts";
import type { AnswerJudge } from "./answer-judge.ts";
import type { Operation } from "./operations.ts";
import { RequestMaker, type StructuredRequest } from "./structured-request.ts";
import { ID, oneOf, World } from "./world.ts";

/** A key, and whose it is. */
export interface Caller {
  readonly name: string;
  /** Null: the request carries none. */
  readonly key: string | null;
  /** Index of its team; null = of none. */
  readonly team: 0 | 1 | null;
}

export interface LaneDeps {
  readonly url: string;
  readonly operations: readonly Operation[];
  readonly callers: readonly Caller[];
  readonly judge: AnswerJudge;
  /** Told of everything that may not be. */
  readonly found: (fault: Finding) => void;
}

export interface Finding {
  readonly fault: string;
  /** The request, so that somebody can send it again. */
  readonly request: string;
}

/** Slower is looked at again, alone. */
export const SLOW_MS = 2000;
const PATIENCE_MS = 30_000;
/** How often an operation is chosen: what makes things more often than what removes them. */
const WEIGHTS: Readonly<Record<string, number>> = {
  createUploadSession: 12,
  putBytes: 16,
  finalizeUploadSession: 10,
  search: 4,
  getFile: 3,
  deleteFile: 1,
  deleteFiles: 1,
  deleteBucket: 1,
  cancelUploadSession: 1,
  cancelBytes: 1,
  reindexFile: 1,
};
const USUAL_WEIGHT = 2;

/**
 * One client after another's order: its requests go out one by one, on one kept connection, and what it learns from
 * an answer it uses in the next. Each request is drawn from a source of its own, so that the same seed draws the same
 * ones whatever was answered before.
 */
export class StructuredLane {
  readonly #deps: LaneDeps;
  readonly #seed: number;
  readonly #worlds: readonly [World, World] = [new World(), new World()];
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 });
  readonly #chosen: readonly Operation[];
  /** Requests that took too long: for another try when nothing else runs. */
  readonly slow: (StructuredRequest & { readonly caller: Caller })[] = [];
  readonly statuses = new Map<number, number>();
  slowestMs = 0;

  constructor(deps: LaneDeps, seed: number) {
    this.#deps = deps;
    this.#seed = seed;
    this.#chosen = deps.operations.flatMap((operation) =>
      Array.from({ length: WEIGHTS[operation.id] ?? USUAL_WEIGHT }, () => operation),
    );
  }

  /** Requests number `from` to `to` − 1 of the lane. */
  async run(from: number, to: number): Promise<void> {
    for (let index = from; index < to; index++) {
      const random = seededRandom(Math.imul(this.#seed, 0x9e3779b1) + index);
      const operation = oneOf(random, this.#chosen);
      const caller = this.#caller(random);
      if (operation === undefined) continue;
      const [own, foreign] = this.#worldsOf(caller);
      const request = new RequestMaker(random, own, foreign).make(operation);
      await this.#exchange(request, caller, own, foreign);
    }
  }

  close(): void {
    this.#agent.destroy();
  }

  /** Milliseconds until the answer is whole. Judges nothing else. */
  async again(request: StructuredRequest, caller: Caller): Promise<number> {
    const began = performance.now();
    await this.#send(request, caller).catch(() => null);
    return performance.now() - began;
  }

  /** Mostly the keys that may do everything, of both teams. */
  #caller(random: Random): Caller {
    const { callers } = this.#deps;
    const usual = random.next() < 0.8 ? callers.slice(0, 2) : callers;
    return oneOf(random, usual) ?? { name: "none", key: null, team: null };
  }

  #worldsOf({ team }: Caller): readonly [own: World, foreign: World] {
    const [first, second] = this.#worlds;
    return team === 1 ? [second, first] : [first, second];
  }

  async #exchange(request: StructuredRequest, caller: Caller, own: World, foreign: World): Promise<void> {
    const began = performance.now();
    try {
      const answer = await this.#send(request, caller);
      const tookMs = performance.now() - began;
      this.slowestMs = Math.max(this.slowestMs, tookMs);
      if (tookMs > SLOW_MS) this.slow.push({ ...request, caller });
      this.statuses.set(answer.status, (this.statuses.get(answer.status) ?? 0) + 1);
      this.#judge(request, caller, answer, foreign);
      if (caller.team !== null) learn(own, request, answer);
    } catch (error) {
      if (!(error instanceof BrokenExchange)) throw error;
      this.#report(request, caller, `no whole answer: ${error.message}`);
    }
  }

  #judge(request: StructuredRequest, caller: Caller, answer: HttpAnswer, foreign: World): void {
    const { operation, method, target } = request;
    const path = target.split(/[?#]/, 1)[0] ?? "";
    // A changed target may be another operation's, or none's: then only what holds for every answer is judged.
    const described =
      method === operation.method && isWellEncoded(target) && new RegExp(`^${patternOf(operation.path)}$`).test(path);
    const ofBytes = target.startsWith("/v1/uploads/") === operation.path.startsWith("/v1/uploads/");
    const asked = { operation: ofBytes ? operation : null, described, head: method === "HEAD" };
    for (const fault of this.#deps.judge.faultsOf(answer, asked))
      this.#report(request, caller, `${answer.status}: ${fault}`);
    if (caller.team === null || operation.path.startsWith("/v1/uploads/")) return;
    const sent = `${target} ${String(request.body ?? "")}`;
    for (const [id = ""] of answer.text.matchAll(ID))
      if (foreign.knows(id) && !sent.includes(id))
        this.#report(request, caller, `the answer names ${id} of another team`);
  }

  #send({ method, target, headers, body }: StructuredRequest, { key }: Caller): Promise<HttpAnswer> {
    const authorization = key === null ? {} : { authorization: `Bearer ${key}` };
    return http(`${this.#deps.url}${target}`, {
      method,
      headers: { ...authorization, ...headers },
      agent: this.#agent,
      timeoutMs: PATIENCE_MS,
      ...(body === undefined ? {} : { body }),
    });
  }

  #report(request: StructuredRequest, caller: Caller, fault: string): void {
    this.#deps.found({ fault: `${request.operation.id} by ${caller.name}: ${fault}`, request: shownRequest(request) });
  }
}

function learn(
  own: World,
  { operation, session, body }: StructuredRequest,
  { status, headers, text, json }: HttpAnswer,
): void {
  if (operation.path.startsWith("/v1/uploads/") || session !== undefined) return;
  if (status >= 400) return;
  own.learn(text);
  const etag = headers["etag"];
  if (etag !== undefined) own.learnEtag(etag);
  const cursor = at(json, "next_cursor");
  if (typeof cursor === "string") own.learnCursor(cursor);
  const [id, url] = [at(json, "session_id"), at(json, "upload_url")];
  const sizeBytes = sizeIn(body);
  if (typeof id === "string" && typeof url === "string" && sizeBytes !== null) own.learnSession({ id, url, sizeBytes });
}

/** What a create declared; null for a body that is no JSON. */
function sizeIn(body: unknown): number | null {
  try {
    const size = at(JSON.parse(String(body)), "size_bytes");
    return typeof size === "number" && size <= 1_000_000 ? size : null;
  } catch {
    return null;
  }
}

function patternOf(path: string): string {
  return path.replaceAll(/[.:]/g, "\\$&").replaceAll(/\{\w+\}/g, "[^/]+");
}

function shownRequest({ method, target, headers, body }: StructuredRequest): string {
  const shownBody = body === undefined ? "" : Buffer.from(body).subarray(0, 600).toString("utf8");
  return `${method} ${target} ${JSON.stringify(headers)} ${shownBody}`;
}
