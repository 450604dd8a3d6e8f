import assert from "node:assert/strict";
import { test } from "node:test";
import { isPassing } from "./errors.ts";
import { delayBefore, Patience, retryAfterOf, type Timing } from "./patience.ts";

/** A clock that moves only by waiting. */
function simulated(random: number): Timing & { readonly waited: number[] } {
  const waited: number[] = [];
  return {
    waited,
    now: () => waited.reduce((sum, ms) => sum + ms, 0),
    random: () => random,
    wait: async (ms) => void waited.push(ms),
  };
}

const never = new AbortController().signal;

test("the back-off doubles from 0.25 s to 15 s, and up to half of it is taken off at random", () => {
  const cases = [
    [0, 0, 250],
    [1, 0, 500],
    [5, 0, 8000],
    [6, 0, 15_000],
    [40, 0, 15_000],
    [1, 1, 250],
  ] as const;
  for (const [failures, random, expected] of cases) assert.equal(delayBefore(failures, null, random), expected);
});

test("Retry-After is waited for in full, but never more than two minutes", () => {
  assert.equal(delayBefore(9, 3, 0), 3000);
  assert.equal(delayBefore(9, 3, 1), 3250);
  assert.equal(delayBefore(0, 86_400, 0), 120_000);
});

test("it gives up when the limit would pass without progress, and progress starts the count anew", async () => {
  const timing = simulated(0);
  const patience = new Patience(1000, timing);
  assert.ok(await patience.again(null, never));
  assert.ok(await patience.again(null, never));
  assert.equal(await patience.again(null, never), false);
  patience.progress();
  assert.ok(await patience.again(null, never));
  assert.deepEqual(timing.waited, [250, 500, 250]);
});

test("a limit of 0 never waits", async () => {
  assert.equal(await new Patience(0, simulated(1)).again(null, never), false);
});

test("only what may pass is tried again", () => {
  const passing = [400, 401, 404, 408, 409, 410, 413, 422, 429, 499, 500, 503, 507].filter(isPassing);
  assert.deepEqual(passing, [408, 429, 500, 503, 507]);
});

test("Retry-After is read as seconds and as a time, by the answer's clock; anything else counts as absent", () => {
  const time = "Wed, 21 Oct 2026 07:28:00 GMT";
  const cases: readonly (readonly [text: string | null, date: string | null, expected: number | null])[] = [
    ["1", null, 1],
    ["120", time, 120],
    [time, "Wed, 21 Oct 2026 07:27:00 GMT", 60],
    [time, null, 5],
    [time, "yesterday", 5],
    [time, "Wed, 21 Oct 2026 08:00:00 GMT", 0],
    ...["", "1.5", "-1", "2026-10-21", "Foo, 99 Bar 2026 07:28:00 GMT", null].map(
      (text) => [text, time, null] as const,
    ),
  ];
  const now = Date.parse("Wed, 21 Oct 2026 07:27:55 GMT");
  for (const [text, date, expected] of cases)
    assert.equal(retryAfterOf({ header: (name) => (name === "Date" ? date : text) }, now), expected, String(text));
});

test("who is told to come back at once, or at a time that is over, backs off all the same", () => {
  assert.equal(delayBefore(3, 0, 0), 2000);
});
