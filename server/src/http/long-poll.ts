import type { FastifyReply, FastifyRequest } from "fastify";
import { Type } from "typebox";
import type { Catalogue } from "../catalogue/catalogue.ts";
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
  /** Commits that touch one of these wake the poll; besides, the object is read again every limits.pollRereadMs. */
  readonly topics: readonly string[];
  readonly read: () => Promise<T>;
  readonly state: (body: T) => string;
  readonly ended: (body: T) => boolean;
}

/** The query parameter of a route that polls. More than 60 counts as 60. */
export const Wait = Type.Optional(
  Type.Integer({
    minimum: 0,
    description: `Seconds to hold the answer until the status changes, at most ${LIMITS.pollWaitMaxSeconds}. The header "Prefer: wait=30" asks the same.`,
  }),
);

export class LongPolls {
  readonly #catalogue: Catalogue;
  readonly #released = new AbortController();

  constructor(catalogue: Catalogue) {
    this.#catalogue = catalogue;
  }

  /** Shutdown: every held answer goes out at once, and none is held any more. */
  release(): void {
    this.#released.abort();
  }

  /**
   * "Holds the answer until `status` or `task.status` differs from what it was on arrival, at once when it is terminal or the server
   * shuts down; with a matching `If-None-Match` it waits on terminal objects too and ends in 304" (POL-5).
   */
  async answer<T extends object>(request: FastifyRequest, reply: FastifyReply, polled: Polled<T>): Promise<T> {
    // Listening starts before the first read, so a change between the two is not missed.
    const changes = new Changes(this.#catalogue, polled.topics);
    try {
      let body = await polled.read();
      const arrival = polled.state(body);
      const known = matchesEtag(request.headers["if-none-match"], weakEtag(body));
      const waitMs = polled.ended(body) && !known ? 0 : requestedWaitMs(request);
      const end = performance.now() + waitMs;
      const stop = AbortSignal.any([this.#released.signal, clientGone(reply)]);
      for (let left = waitMs; left > 0 && !stop.aborted; left = end - performance.now()) {
        await changes.next(Math.min(left, LIMITS.pollRereadMs), stop);
        body = await polled.read();
        if (polled.state(body) !== arrival) break;
      }
      reply.headers({ ETag: weakEtag(body), "Cache-Control": "private, no-cache" });
      return body;
    } finally {
      changes.stop();
    }
  }
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

  /** Resolves at a touch (also one since the last call), after `ms`, or at `stop`. */
  async next(ms: number, stop: AbortSignal): Promise<void> {
    if (!this.#touched && !stop.aborted) {
      await new Promise<void>((resolve) => {
        const done = (): void => {
          clearTimeout(timer);
          stop.removeEventListener("abort", done);
          resolve();
        };
        const timer = setTimeout(done, ms);
        stop.addEventListener("abort", done);
        this.#wake = done;
      });
    }
    this.#touched = false;
  }

  stop(): void {
    for (const stop of this.#stops) stop();
  }
}

/** `?wait=` before `Prefer: wait=` (RFC 7240 §4.3); "a `?wait` that is no whole number is 400; in `Prefer` it is ignored". */
function requestedWaitMs(request: FastifyRequest): number {
  const { query } = request;
  const inQuery = typeof query === "object" && query !== null && "wait" in query ? query.wait : undefined;
  const prefer = [request.headers["prefer"] ?? []].flat().join(",");
  const seconds =
    typeof inQuery === "number"
      ? inQuery
      : Number(/(?:^|,|;)\s*wait\s*=\s*"?(\d+)"?\s*(?:$|,|;)/i.exec(prefer)?.[1] ?? 0);
  return Math.min(seconds, LIMITS.pollWaitMaxSeconds) * 1000;
}
