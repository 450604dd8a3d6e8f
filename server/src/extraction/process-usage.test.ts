import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { waitedMsOf } from "./process-usage.ts";
import { tool } from "./system-tools.ts";

/** Works without end on the first processor, like its rival. Says so once. */
function rival(taskset: string): ChildProcess {
  const work = "process.stdout.write('.'); for (;;) Math.random();";
  return spawn(taskset, ["--cpu-list", "0", process.execPath, "-e", work], { stdio: ["ignore", "pipe", "ignore"] });
}

test("what a process waited for a processor is told apart from what it worked", async (t) => {
  const taskset = tool("taskset");
  if (taskset === null) return t.skip("needs taskset (util-linux)");
  const rivals = [rival(taskset), rival(taskset)];
  t.after(() => rivals.map((each) => each.kill("SIGKILL")));
  await Promise.all(rivals.map(({ stdout }) => stdout !== null && once(stdout, "data")));
  const waited = () => Math.min(...rivals.map(({ pid = 0 }) => waitedMsOf(pid)));
  const before = waited();
  const deadline = performance.now() + 60_000;
  while (waited() < before + 100 && performance.now() < deadline) await new Promise((resolve) => setImmediate(resolve));
  assert.ok(waited() >= before + 100, "two on one processor wait for each other");
});

test("a process that is gone has waited for nothing", () => {
  assert.equal(waitedMsOf(0), 0);
});
