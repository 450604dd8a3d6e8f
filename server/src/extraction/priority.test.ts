import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { getPriority } from "node:os";
import { after, test } from "node:test";
import { eventually } from "../../test/faults/processes.ts";
import { setReaderPriority } from "./priority.ts";

const children: ChildProcess[] = [];
after(() => {
  for (const child of children) child.kill("SIGKILL");
});

async function sleeper(detached: boolean): Promise<number> {
  const child = spawn(process.execPath, ["-e", "console.log(1); setInterval(() => {}, 1e6)"], {
    detached,
    stdio: ["ignore", "pipe", "ignore"],
  });
  children.push(child);
  if (child.stdout !== null) await once(child.stdout, "data");
  assert.ok(child.pid !== undefined);
  return child.pid;
}

const groupOf = (pid: number | "self") => readFileSync(`/proc/${pid}/autogroup`, "latin1").trim();
const NO_GROUPS = existsSync("/proc/self/autogroup") ? false : "this kernel has no autogroups";

test("a reader in a session of its own has a lower priority, and so has its session, half as far", {
  skip: NO_GROUPS,
}, async () => {
  const pid = await sleeper(true);
  // The system takes ten changes a second from all ordinary users together.
  await eventually("its session yields", 60_000, () => {
    assert.equal(setReaderPriority(pid, 10), true);
    return groupOf(pid).endsWith(" nice 5");
  });
  assert.equal(getPriority(pid), 10);
});

test("a process in the server's session never takes that down with it", { skip: NO_GROUPS }, async () => {
  const before = groupOf("self");
  const pid = await sleeper(false);
  assert.equal(setReaderPriority(pid, 10), true);
  assert.equal(getPriority(pid), 10);
  assert.equal(groupOf("self"), before);
});

test("a process that is gone is told", async () => {
  assert.equal(setReaderPriority(2 ** 22 + 5, 10), false);
});
