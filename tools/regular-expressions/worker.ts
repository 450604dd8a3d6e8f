import { runInNewContext } from "node:vm";
import { parentPort } from "node:worker_threads";
import { checkSync, type Diagnostics } from "recheck";
import type { Pattern } from "./patterns.ts";
import type { Question, Verdict } from "./verdict.ts";

const NO_END_MS = 5000;

// Started by judge.ts alone, with one question at a time.
parentPort?.on("message", (question: Question) => parentPort?.postMessage(judge(question)));

function judge({ pattern, chars }: Question): Verdict {
  // Ten times what the checker gives itself: its limits in steps decide, also on a busy machine. Without any it may
  // run out of memory.
  const found = checkSync(pattern.source, pattern.flags, {
    timeout: 100_000,
    attackTimeout: 10_000,
    incubationTimeout: 2500,
    seedingTimeout: 1000,
  });
  if (found.status === "safe") return { kind: "linear" };
  if (found.status === "unknown") return { kind: "unknown", why: found.error.kind };
  return {
    kind: "slow",
    complexity: found.complexity.summary,
    attack: found.attack.pattern,
    atBoundMs: chars === null ? null : costAt(chars, pattern, found.attack),
  };
}

type Attack = Extract<Diagnostics, { readonly status: "vulnerable" }>["attack"];

/** The checker's own attack with its pumps repeated up to the bound. */
function costAt(chars: number, { source, flags }: Pattern, { pumps, suffix }: Attack): number {
  const fixed = pumps.reduce((sum, { prefix }) => sum + prefix.length, suffix.length);
  const pumped = pumps.reduce((sum, { pump }) => sum + pump.length, 0);
  const times = Math.max(0, Math.floor((chars - fixed) / pumped));
  const text = pumps.map(({ prefix, pump }) => prefix + pump.repeat(times)).join("") + suffix;
  const before = process.threadCpuUsage();
  try {
    runInNewContext("pattern.exec(text)", { pattern: new RegExp(source, flags), text }, { timeout: NO_END_MS });
  } catch {
    return Number.POSITIVE_INFINITY;
  }
  return process.threadCpuUsage(before).user / 1000;
}
