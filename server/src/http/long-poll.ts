import type { FastifyReply, FastifyRequest } from "fastify";
import { Type } from "typebox";
import { isStillGood } from "../access/authenticate.ts";
import { type Catalogue, TOPICS } from "../catalogue/catalogue.ts";
import { WharfError } from "../errors.ts";
import type { Places } from "../fairness/places.ts";
import { LIMITS } from "../limits.ts";
import { clientGone } from "./client-gone.ts";
import { matchesEtag, weakEtag } from "./etag.ts";

/**
 * What a client polls: answers may wait for a change (POL-5) and carry a validator (POL-6).
 *
 * ```ts
 * querystring: Type.Object({ wait: Wait }),
 * handler: (request, reply) =>
 *   deps.polls.answer(request, reply, {
 *     topics: [TOPICS.file(id)],
 *     read: async () => toWire(await getFile(deps, request.caller.teamId, id)),   // throws file_not_found
 *     state: (file) => `${file.status} ${file.task.status}`,                      // what counts as a change
 *     ended: (file) => isTerminal(file.status),
 *   }),
 * ```
 */
export interface Polled<T extends object> {
  /** Commits that touch one of these wake the poll; besides, the object is read again now and then (rereadMs). */
  readonly topics: readonly string[];
  readonly read: () => Promise<T>;
  readonly state: (body: T) => string;
  readonly ended: (body: T) => boolean;
}

/** The query parameter of a route that polls. More than 60 counts as 60. */
export const Wait = Type.Optional(
  Type.Integer({
    minimum: 0,
    description: `Seconds to hold the answer until the status changes, at most ${LIMITS.pollWaitMaxSeconds}. The header "Prefer: wait=30" asks the same. While a team or key has very many answers held, further ones are held for a second.`,
  }),
);

export interface LongPollsDeps {
  readonly catalogue: Catalogue;
  /** Of answers that are held. */
  readonly places: Places;
}

/**
 * Held answers. Who holds more than a share of the places is never refused: a client that waits for its file must not
 * fail over it. It hears of a change at once, like all others, but without one it is held for a moment only, and comes
 * again; the more of them there are, the longer, so that together they come less often; but not for long, since each of
 * them holds a connection that somebody else may need.
 */
export class LongPolls {
  readonly #deps: LongPollsDeps;
  #released = false;
  /**
   * What ends each held poll. Not one signal for all: adding a listener to a signal walks those that it has, and with
   * 9 000 held polls that was a sixth of the server's time.
   */
  readonly #held = new Set<AbortController>();
  /** What ends each poll that is held beyond its share, the one that has been held longest first. */
  readonly #surplus = new Set<AbortController>();

  constructor(deps: LongPollsDeps) {
    this.#deps = deps;
  }

  /** Shutdown: every held answer goes out at once, and none is held any more. */
  release(): void {
    this.#released = true;
    for (const ends of this.#held) ends.abort();
  }

  /** Connections run out: the poll that has been held longest beyond its share is answered, so that its own can end. */
  giveWay(): void {
    const [oldest] = this.#surplus;
    if (oldest === undefined) return;
    this.#surplus.delete(oldest);
    oldest.abort();
  }

  /**
   * "Holds the answer until `status` or `task.status` differs from what it was on arrival, at once when it is terminal
   * or the server shuts down; with a matching `If-None-Match` it waits on terminal objects too and ends in 304"
   * (POL-5). Whose key is revoked, or session ended, meanwhile is told nothing more: 401.
   */
  async answer<T extends object>(request: FastifyRequest, reply: FastifyReply, polled: Polled<T>): Promise<T> {
    // Listening starts before the first read, so a change between the two is not missed.
    const topics = [...polled.topics, TOPICS.credential(request.caller.keyId)];
    const changes = new Changes(this.#deps.catalogue, topics);
    try {
      let body = await polled.read();
      const known = matchesEtag(request.headers["if-none-match"], weakEtag(body));
      const waitMs = polled.ended(body) && !known ? 0 : requestedWaitMs(request);
      if (waitMs > 0) body = await this.#hold(reply, { caller: request.caller, polled, changes, body, waitMs });
      reply.headers({ ETag: weakEtag(body), "Cache-Control": "private, no-cache" });
      return body;
    } finally {
      changes.stop();
    }
  }

  async #hold<T extends object>(reply: FastifyReply, poll: Poll<T>): Promise<T> {
    if (this.#released) return poll.body;
    const place = this.#deps.places.tryTake(poll.caller);
    const ends = new AbortController();
    const stops = [ends.signal, clientGone(reply)];
    this.#held.add(ends);
    try {
      if (typeof place !== "string") return await this.#untilChange(poll, poll.waitMs, stops);
      this.#surplus.add(ends);
      return await this.#untilChange(poll, Math.min(poll.waitMs, surplusMs(this.#surplus.size)), stops);
    } finally {
      if (typeof place !== "string") place.free();
      this.#surplus.delete(ends);
      this.#held.delete(ends);
    }
  }

  async #untilChange<T extends object>(
    { caller, polled, changes, body: arrived }: Poll<T>,
    holdMs: number,
    stops: readonly AbortSignal[],
  ): Promise<T> {
    const arrival = polled.state(arrived);
    const end = performance.now() + holdMs;
    let body = arrived;
    for (;;) {
      const left = end - performance.now();
      if (left <= 0 || stops.some((stop) => stop.aborted)) return body;
      await changes.next(Math.min(left, rereadMs(this.#deps.places.taken)), stops);
      // Nobody would see it.
      if (stops.at(-1)?.aborted === true) return body;
      if (!(await isStillGood(this.#deps.catalogue, caller))) throw new WharfError("invalid_api_key", IS_OVER);
      body = await polled.read();
      if (polled.state(body) !== arrival) return body;
    }
  }
}

const IS_OVER = {
  message: "The key was revoked, or the sign-in ended, while this request waited.",
  headers: { "WWW-Authenticate": "Bearer" },
};

interface Poll<T extends object> {
  readonly caller: FastifyRequest["caller"];
  readonly polled: Polled<T>;
  readonly changes: Changes;
  /** As on arrival. */
  readonly body: T;
  readonly waitMs: number;
}

/**
 * Commits wake polls; reading again is for what woke nobody. All together they read no more often than
 * limits.pollRereadsPerSecond.
 */
function rereadMs(held: number): number {
  return Math.max(LIMITS.pollRereadMs, (held / LIMITS.pollRereadsPerSecond) * 1000);
}

function surplusMs(surplus: number): number {
  const spread = (surplus / LIMITS.pollSurplusPerSecond) * 1000;
  return Math.min(Math.max(LIMITS.pollSurplusMs, spread), LIMITS.pollSurplusMaxMs);
}

/** Whether one of the topics was touched since the last look. */
class Changes {
  readonly #stops: readonly (() => void)[];
  #touched = false;
  #wake: () => void = () => {};

  constructor(catalogue: Catalogue, topics: readonly string[]) {
    const touch = (): void => {
      this.#touched = true;
      this.#wake();
    };
    this.#stops = topics.map((topic) => catalogue.listen(topic, touch));
  }

  /** Resolves at a touch (also one since the last call), after `ms`, or at one of the stops. */
  async next(ms: number, stops: readonly AbortSignal[]): Promise<void> {
    if (!this.#touched && !stops.some((stop) => stop.aborted)) {
      await new Promise<void>((resolve) => {
        const done = (): void => {
          clearTimeout(timer);
          for (const stop of stops) stop.removeEventListener("abort", done);
          resolve();
        };
        const timer = setTimeout(done, ms);
        for (const stop of stops) stop.addEventListener("abort", done);
        this.#wake = done;
      });
    }
    this.#touched = false;
  }

  stop(): void {
    for (const stop of this.#stops) stop();
  }
}

/**
 * `?wait=` before `Prefer: wait=` (RFC 7240 §4.3); "a `?wait` that is no whole number is 400; in `Prefer` it
 * is ignored".
 */
function requestedWaitMs(request: FastifyRequest): number {
  const { query } = request;
  const inQuery = typeof query === "object" && query !== null && "wait" in query ? query.wait : undefined;
  const seconds =
    typeof inQuery === "number" ? inQuery : preferredWait([request.headers["prefer"] ?? []].flat().join(","));
  return Math.min(seconds, LIMITS.pollWaitMaxSeconds) * 1000;
}

/** The seconds of `wait=`; 0 when it is absent or no whole number. */
export function preferredWait(prefer: string): number {
  return Number(/(?:^|,|;)\s*wait\s*=\s*"?(\d+)"?\s*(?:$|,|;)/i.exec(prefer)?.[1] ?? 0);
}
