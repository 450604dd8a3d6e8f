import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { brandId } from "../ids.ts";
import type { Holder } from "./places.ts";
import { ClientGoneError, Turns } from "./turns.ts";

const holder = (team: string, key = "1"): Holder => ({
  teamId: brandId("team", `team_${team}`),
  keyId: brandId("key", `key_${team}_${key}`),
});
const STAYS = new AbortController().signal;

/** Work that begins and ends when the test says so. */
class Workshop {
  readonly begun: string[] = [];
  readonly #turns: Turns;
  readonly #ends = new Map<string, () => void>();

  constructor(atOnce: number, atOnceOfTeam = atOnce) {
    this.#turns = new Turns({ atOnce, atOnceOfTeam });
  }

  ask(name: string, by: Holder, gone: AbortSignal = STAYS): Promise<string> {
    return this.#turns.run(by, gone, async () => {
      this.begun.push(name);
      await new Promise<void>((resolve) => this.#ends.set(name, resolve));
      if (name === "fails") throw new Error("it failed");
      return name;
    });
  }

  /** Ends what runs, and lets what follows begin, until nothing runs. */
  async endAll(): Promise<readonly string[]> {
    for (;;) {
      await settled();
      const [first] = this.#ends;
      if (first === undefined) return this.begun;
      this.#ends.delete(first[0]);
      first[1]();
    }
  }
}

const settled = () => new Promise<void>((resolve) => setImmediate(resolve));

describe("fair turns", () => {
  test("teams take turns, and within a team its keys, in the order in which each asked", async () => {
    const work = new Workshop(1);
    const asked = [
      ...["a1", "a2", "a3"].map((name) => work.ask(name, holder("a", "1"))),
      work.ask("a4", holder("a", "2")),
      work.ask("b1", holder("b")),
      work.ask("c1", holder("c")),
      work.ask("b2", holder("b")),
    ];
    assert.deepEqual(await work.endAll(), ["a1", "a2", "b1", "c1", "a4", "b2", "a3"]);
    await Promise.all(asked);
  });

  test("a team's thousand hold up another team's one by the one that runs and the next", async () => {
    const work = new Workshop(1);
    const loud = Array.from({ length: 1000 }, (_, n) => work.ask(`loud ${n}`, holder("loud")));
    const quiet = work.ask("quiet", holder("quiet"));
    const begun = await work.endAll();
    assert.equal(begun.indexOf("quiet"), 2);
    await Promise.all([...loud, quiet]);
  });

  test("a team that may use a part of what there is leaves the other part free for another, at any time", async () => {
    const work = new Workshop(2, 1);
    const asked = [work.ask("a1", holder("a")), work.ask("a2", holder("a", "2"))];
    await settled();
    assert.deepEqual(work.begun, ["a1"]);
    asked.push(work.ask("b1", holder("b")), work.ask("c1", holder("c")));
    await settled();
    assert.deepEqual(work.begun, ["a1", "b1"]);
    await work.endAll();
    assert.deepEqual(await Promise.all(asked), ["a1", "a2", "b1", "c1"]);
  });

  test("what its client no longer waits for is never begun, and takes nobody's turn", async () => {
    const work = new Workshop(1);
    const first = work.ask("first", holder("a"));
    const left = Array.from({ length: 50 }, (_, n) => {
      const client = new AbortController();
      return { client, answer: work.ask(`left ${n}`, holder("a"), client.signal) };
    });
    const stays = work.ask("stays", holder("a"));
    for (const { client } of left) client.abort();
    for (const { answer } of left) await assert.rejects(answer, ClientGoneError);
    await assert.rejects(work.ask("too late", holder("b"), AbortSignal.abort()), ClientGoneError);
    assert.deepEqual(await work.endAll(), ["first", "stays"]);
    await Promise.all([first, stays]);
  });

  test("a client that leaves while its work is done changes nothing for the others", async () => {
    const work = new Workshop(1);
    const client = new AbortController();
    const first = work.ask("first", holder("a"), client.signal);
    const second = work.ask("second", holder("b"));
    await settled();
    client.abort();
    assert.deepEqual(await work.endAll(), ["first", "second"]);
    await Promise.all([first, second]);
  });

  test("work that fails passes the turn on", async () => {
    const work = new Workshop(1);
    const fails = assert.rejects(work.ask("fails", holder("a")), /it failed/);
    const next = work.ask("next", holder("a"));
    assert.deepEqual(await work.endAll(), ["fails", "next"]);
    await Promise.all([fails, next]);
  });
});
