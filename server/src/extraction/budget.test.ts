import assert from "node:assert/strict";
import { test } from "node:test";
import { LIMITS } from "../limits.ts";
import { Budget, DOCUMENT_LIMITS } from "./budget.ts";
import { parseUsage, type Usage } from "./process-usage.ts";

const POLL = LIMITS.childPollMs;
const IDLE: Usage = { cpuMs: 0, rssBytes: 1, stopped: false };

/** Samples at the normal pace until something is judged, for at most `ms`; answers when, or null. */
function judgedAfter(
  ms: number,
  usageAt: (atMs: number) => Usage | null,
  held = false,
): { atMs: number; code: string } | null {
  const budget = new Budget(DOCUMENT_LIMITS, usageAt(0));
  for (let atMs = POLL; atMs <= ms; atMs += POLL) {
    const overrun = budget.sample(POLL, usageAt(atMs), held);
    if (overrun !== null) return { atMs, code: overrun.code };
  }
  return null;
}

const HOUR = 3_600_000;
const cases = [
  { name: "120 s of time", usage: () => IDLE, code: "extraction_timeout", atMs: 120_000 },
  {
    name: "120 s of time where the system tells nothing",
    usage: () => null,
    code: "extraction_timeout",
    atMs: 120_000,
  },
  {
    name: "30 s of processor time",
    usage: (atMs: number) => ({ ...IDLE, cpuMs: 5_000_000 + atMs }),
    code: "extraction_timeout",
    atMs: 30_000,
  },
  {
    name: "768 MiB",
    usage: (atMs: number) => ({ ...IDLE, rssBytes: atMs * 1024 * 1024 }),
    code: "extraction_memory",
    atMs: 768,
  },
  { name: "3 s of standing still", usage: () => ({ ...IDLE, stopped: true }), code: "extraction_timeout", atMs: 3_000 },
] as const;

for (const { name, usage, code, atMs } of cases) {
  test(`a document that takes more than ${name} ends with ${code}`, () => {
    const judged = judgedAfter(HOUR, usage);
    assert.equal(judged?.code, code);
    assert.ok(judged.atMs > atMs && judged.atMs <= atMs + 2 * POLL, `${judged.atMs} ms`);
  });
}

test("a document that waits for us, or is stopped for less than 3 s at a time, never runs out of time", () => {
  assert.equal(
    judgedAfter(HOUR, () => IDLE, true),
    null,
  );
  assert.equal(
    judgedAfter(100_000, (atMs) => ({ ...IDLE, stopped: atMs % 3000 !== 0 })),
    null,
  );
});

test("samples that come late, because the server itself was stopped, count for nothing", () => {
  const budget = new Budget(DOCUMENT_LIMITS, IDLE);
  const late = POLL + LIMITS.lateTimerMs + 1;
  for (let round = 0; round < 1000; round++) assert.equal(budget.sample(late, { ...IDLE, stopped: true }, false), null);
  assert.equal(budget.ranMs, 0);
});

test("usage is read from a process whose name holds brackets and spaces", () => {
  const stat = `7 (a) R (b c) T ${Array.from({ length: 49 }, (_, index) => index + 4).join(" ")}`;
  assert.deepEqual(parseUsage(stat, "Name:\tx\nVmRSS:\t  2048 kB\n"), {
    cpuMs: 290,
    rssBytes: 2 * 1024 * 1024,
    stopped: true,
  });
  assert.equal(parseUsage("7 (a) Z 1 1", "Name:\tx\n"), null);
});

test("time in its place counts also while the document waits for its bytes or its consumer", () => {
  const budget = new Budget(DOCUMENT_LIMITS, IDLE);
  budget.sample(POLL, IDLE, true);
  budget.sample(POLL, IDLE, false);
  budget.sample(HOUR, IDLE, true);
  assert.deepEqual([budget.ranMs, budget.stayedMs], [POLL, 2 * POLL]);
});
