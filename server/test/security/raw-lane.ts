import { seededRandom } from "../support/random.ts";
import type { AnswerJudge } from "./answer-judge.ts";
import { type Exchange, exchangeBytes } from "./raw-exchange.ts";
import { RawMaker, type RawRequest, type RawSeeds } from "./raw-request.ts";
import type { Finding } from "./structured-lane.ts";

/**
 * After our half is closed the server has nothing to wait for: it answers, or not, and ends. Slower is tried again,
 * alone.
 */
export const END_WITHIN_MS = 2000;

export interface RawLaneDeps {
  readonly url: string;
  readonly judge: AnswerJudge;
  readonly found: (finding: Finding) => void;
}

/** Writes bytes on one connection after another, and looks at what comes back. */
export class RawLane {
  readonly #deps: RawLaneDeps;
  readonly #maker: RawMaker;
  readonly #seed: number;
  readonly slow: RawRequest[] = [];
  readonly statuses = new Map<number, number>();
  slowestMs = 0;

  constructor(deps: RawLaneDeps, seeds: RawSeeds, seed: number) {
    this.#deps = deps;
    this.#maker = new RawMaker(seeds);
    this.#seed = seed;
  }

  /** Requests number `from` to `to` − 1 of the lane. */
  async run(from: number, to: number): Promise<void> {
    for (let index = from; index < to; index++) {
      const request = this.#maker.make(seededRandom(Math.imul(this.#seed, 0x85ebca6b) + index));
      const exchange = await exchangeBytes(this.#deps.url, request.bytes, request);
      this.slowestMs = Math.max(this.slowestMs, exchange.tookMs);
      if (exchange.tookMs > END_WITHIN_MS) this.slow.push(request);
      this.#judge(request, exchange);
    }
  }

  /** Milliseconds until the server has ended the connection. */
  async again(request: RawRequest): Promise<number> {
    return (await exchangeBytes(this.#deps.url, request.bytes, request)).tookMs;
  }

  #judge(request: RawRequest, { answers, fault }: Exchange): void {
    const head = request.bytes.includes("HEAD ");
    const shown = request.bytes.subarray(0, 1500).toString("latin1");
    // One that was cut by us has no whole answer.
    if (fault !== null && request.ending === "half-close" && !head)
      this.#deps.found({ fault: `raw: ${fault}`, request: shown });
    for (const answer of answers) {
      this.statuses.set(answer.status, (this.statuses.get(answer.status) ?? 0) + 1);
      if (answer.status < 200) continue;
      for (const one of this.#deps.judge.faultsOfAny(answer))
        this.#deps.found({ fault: `raw: ${answer.status}: ${one}`, request: shown });
    }
  }
}
