import assert from "node:assert/strict";
import { type HttpAnswer, http } from "../support/http.ts";

/** A team that asks as much as it can: callers that each have one request under way, until they are stopped. */
export class LoudTeam {
  readonly #callers: readonly Promise<void>[];
  readonly #statuses = new Map<number, number>();
  #stopped = false;
  /** The last refusal that it got. */
  refusal: HttpAnswer | null = null;

  constructor(callers: number, ask: () => Promise<HttpAnswer>) {
    this.#callers = Array.from({ length: callers }, async () => {
      while (!this.#stopped) {
        const answer = await ask();
        this.#statuses.set(answer.status, (this.#statuses.get(answer.status) ?? 0) + 1);
        if (answer.status === 503) this.refusal = answer;
      }
    });
  }

  get answered(): number {
    let sum = 0;
    for (const count of this.#statuses.values()) sum += count;
    return sum;
  }

  /** So many answers of each status. */
  get statuses(): ReadonlyMap<number, number> {
    return this.#statuses;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#callers);
  }
}

/**
 * How many answers the loud team got for each one that a quiet team got: as many as it has callers when everybody waits
 * in one line.
 */
export async function answersPerQuietOne(
  loud: LoudTeam,
  times: number,
  askQuietly: () => Promise<HttpAnswer>,
): Promise<number> {
  const before = loud.answered;
  for (let n = 0; n < times; n++) {
    const answer = await askQuietly();
    assert.equal(answer.status, 200, answer.text);
  }
  return (loud.answered - before) / times;
}

/** One figure of `/metrics`, such as `wharf_places_taken{of="polls"}`; 0 when it is not there. */
export async function figure(url: string, name: string): Promise<number> {
  const { text } = await http(`${url}/metrics`, { method: "GET" });
  const line = text.split("\n").find((each) => each.startsWith(`${name} `));
  return Number(line?.slice(name.length + 1) ?? 0);
}
