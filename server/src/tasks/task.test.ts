import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import type { TaskState } from "../catalogue/schema.ts";
import { isRefusal } from "../errors.ts";
import { cancelTask, retryTask } from "../files/task-events.store.ts";
import { LIMITS } from "../limits.ts";
import { succeedTask } from "./attempt.store.ts";
import type { Claim } from "./claim.store.ts";
import {
  afterCrash,
  afterFault,
  afterLostLease,
  afterRelease,
  afterRetry,
  afterTrouble,
  backoffMs,
  isSuspect,
  NEXT,
  TASK_EVENTS,
  TASK_STATES,
  type TaskEvent,
  type TaskFigures,
} from "./task.ts";
import { openTestCatalogue, type TestCatalogue } from "./test-catalogue.ts";

const FRESH: TaskFigures = {
  type: "index",
  lane: "fast",
  faults: 0,
  deaths: 0,
  troubles: 0,
  leaseLosses: 0,
  crashes: 0,
};
const NOW = 1_000_000;

test("the fifth fault, the second death and any permanent fault fail the task, and nothing before them does", () => {
  const soft = { permanent: false, death: false };
  const death = { permanent: false, death: true };
  const cases = [
    { faults: [soft], state: "queued", waitMs: 1000 },
    { faults: [soft, soft], state: "queued", waitMs: 4000 },
    { faults: [soft, soft, soft], state: "queued", waitMs: 16_000 },
    { faults: [soft, soft, soft, soft], state: "queued", waitMs: 60_000 },
    { faults: [soft, soft, soft, soft, soft], state: "failed", waitMs: null },
    { faults: [death], state: "queued", waitMs: 1000 },
    { faults: [soft, death], state: "queued", waitMs: 4000 },
    { faults: [death, death], state: "failed", waitMs: null },
    { faults: [death, soft, death], state: "failed", waitMs: null },
    { faults: [{ permanent: true, death: false }], state: "failed", waitMs: null },
  ] as const;
  for (const { faults, state, waitMs } of cases) {
    let task: TaskFigures = FRESH;
    let last = afterFault(task, faults[0], NOW);
    for (const fault of faults.slice(1)) {
      task = { ...task, ...last };
      last = afterFault(task, fault, NOW);
    }
    assert.equal(last.state, state, JSON.stringify(faults));
    assert.equal(last.dueAt, waitMs === null ? null : NOW + waitMs);
    assert.equal(last.lane, "slow");
  }
});

test("trouble of the machine waits 1, 4, 16, 60 s, then every minute, and never fails the task", () => {
  let task: TaskFigures = { ...FRESH, faults: 4, deaths: 1 };
  const waits: (number | null)[] = [];
  for (let i = 0; i < 200; i++) {
    const next = afterTrouble(task, NOW);
    assert.equal(next.state, "queued");
    assert.deepEqual([next.faults, next.deaths, next.lane], [4, 1, "fast"]);
    waits.push(next.dueAt === null ? null : next.dueAt - NOW);
    task = { ...task, ...next };
  }
  assert.deepEqual(waits.slice(0, 4), [1000, 4000, 16_000, 60_000]);
  assert.ok(waits.slice(4).every((wait) => wait === 60_000));
});

test("a lost lease costs nothing until the 20th, and a minute from then on", () => {
  let task = FRESH;
  for (let loss = 1; loss <= 40; loss++) {
    const next = afterLostLease(task, NOW);
    assert.deepEqual([next.state, next.faults, next.leaseLosses], ["queued", 0, loss]);
    assert.equal(next.dueAt, loss < 20 ? null : NOW + 60_000, `loss ${loss}`);
    task = { ...task, ...next };
  }
});

test("a crash costs nothing until the third in a row, an hour from then on, and never fails the task", () => {
  let task = FRESH;
  for (let crash = 1; crash <= 40; crash++) {
    const next = afterCrash(task, NOW);
    assert.deepEqual([next.state, next.faults, next.leaseLosses, next.crashes], ["queued", 0, 0, crash]);
    assert.equal(next.dueAt, crash < 3 ? null : NOW + 3_600_000, `crash ${crash}`);
    assert.equal(isSuspect(next.crashes), crash >= 3);
    task = { ...task, ...next };
  }
});

test("whatever else ends an attempt shows that the server survives the task; another lane is no end", () => {
  const suspect: TaskFigures = { ...FRESH, crashes: LIMITS.crashesBeforeWait };
  const ends = {
    fault: afterFault(suspect, { permanent: false, death: true }, NOW),
    trouble: afterTrouble(suspect, NOW),
    "lost lease": afterLostLease(suspect, NOW),
    "orderly stop": afterRelease(suspect, suspect.lane),
    retry: afterRetry(),
  };
  for (const [end, { crashes }] of Object.entries(ends)) assert.equal(crashes, 0, end);
  assert.equal(afterRelease(suspect, "slow").crashes, suspect.crashes);
  assert.deepEqual([afterCrash({ ...FRESH, type: "remove" }, NOW).crashes], [0], "a removal reads no document");
});

test("a worker that stops in order changes no count but crashes, and a retry starts every count anew", () => {
  const worn: TaskFigures = { ...FRESH, lane: "slow", faults: 3, deaths: 1, troubles: 2, leaseLosses: 7 };
  const { type: _, ...counts } = worn;
  assert.deepEqual(afterRelease({ ...worn, crashes: 2 }, worn.lane), { ...counts, state: "queued", dueAt: null });
  assert.equal(afterRelease(FRESH, "slow").lane, "slow");
  const { type: __, ...fresh } = FRESH;
  assert.deepEqual(afterRetry(), { ...fresh, state: "queued", dueAt: null });
});

test("the back-off is a number for every count", () => {
  assert.deepEqual([1, 2, 3, 4, 5, 1000].map(backoffMs), [1000, 4000, 16_000, 60_000, 60_000, 60_000]);
});

test("docs/state-machines/task.md draws exactly the table", async () => {
  const page = await readFile(new URL("../../../docs/state-machines/task.md", import.meta.url), "utf8");
  const drawn = [...page.matchAll(/^ {2}(\w+) --> (\w+) : (\w+)$/gm)].map(
    ([, from, to, event]) => `${from} ${event} ${to}`,
  );
  const table = TASK_STATES.flatMap((from) =>
    TASK_EVENTS.flatMap((event) => {
      const cell = NEXT[from][event];
      return typeof cell === "string" ? [] : cell.map((to) => `${from} ${event} ${to}`);
    }),
  );
  assert.deepEqual(drawn.sort(), table.sort());
});

// --- The same table, walked on a database.

let on: TestCatalogue;
before(async () => {
  on = await openTestCatalogue();
});
after(() => on.close());

interface Situation {
  readonly claim: Claim;
  readonly teamId: Claim["teamId"];
}

/** A task in the given state, and the claim that its worker had or would have had. */
async function taskIn(state: TaskState): Promise<Situation> {
  const teamId = await on.newTeam();
  const { fileId, taskId } = await on.newFile({ team: teamId, bucket: await on.newBucket(teamId) });
  const absent: Claim = { taskId, teamId, fileId, type: "index", lane: "fast", attempt: 1, version: 1 };
  if (state === "queued") return { claim: absent, teamId };
  const claim = (await on.queue.claim("fast")) ?? absent;
  assert.equal(claim.taskId, taskId, "an earlier case left a task in the queue");
  if (state === "failed")
    await on.queue.fault(claim, { code: "corrupt_file", message: "no", permanent: true, death: false });
  if (state === "cancelled") await on.catalogue.run(cancelTask, { teamId, taskId });
  if (state === "succeeded") await succeed(claim);
  return { claim, teamId };
}

/** What an activation does to the task, through this test's own connection. */
async function succeed(claim: Claim): Promise<boolean> {
  const done = await on.inTransaction((tx) => succeedTask(tx, claim));
  return done;
}

/** Each event as its caller brings it; more than one way where the outcome depends on what happened. */
const WAYS: Record<TaskEvent, readonly ((at: Situation) => Promise<unknown>)[]> = {
  claim: [() => on.queue.claim("fast")],
  heartbeat: [({ claim }) => on.queue.heartbeat(claim, { stage: "extracting", progress: null }, true)],
  succeed: [({ claim }) => succeed(claim)],
  fault: [
    ({ claim }) => on.queue.fault(claim, { code: "internal", message: "again", permanent: false, death: false }),
    ({ claim }) => on.queue.fault(claim, { code: "corrupt_file", message: "no", permanent: true, death: false }),
  ],
  trouble: [({ claim }) => on.queue.trouble(claim, "storage")],
  loseLease: [
    async () => {
      on.passMs(LIMITS.leaseMs);
      return (await on.queue.rescue(on.now())).returned.length;
    },
  ],
  crash: [async () => (await on.queue.requeueAll()).length],
  release: [({ claim }) => on.queue.release(claim, claim.lane)],
  cancel: [({ claim, teamId }) => on.catalogue.run(cancelTask, { teamId, taskId: claim.taskId })],
  retry: [({ claim, teamId }) => on.catalogue.run(retryTask, { teamId, taskId: claim.taskId })],
};

test("every event in every state leads where the table says, and a late worker's event changes nothing", async () => {
  for (const state of TASK_STATES) {
    for (const event of TASK_EVENTS) {
      const reached = new Set<TaskState>();
      for (const way of WAYS[event]) {
        const at = await taskIn(state);
        const before = await on.task(at.claim.taskId);
        assert.equal(before.state, state);
        const answer = await way(at);
        const now = await on.task(at.claim.taskId);
        const cell = NEXT[state][event];
        if (typeof cell === "string") {
          assert.deepEqual(now, before, `${event} of a ${state} task is ${cell} and must change nothing`);
          if (cell === "conflict") assert.equal(isRefusal(answer) && answer.refused, "conflict");
          else assert.ok(answer === false || answer === null || answer === 0, `${event} of a ${state} task was taken`);
        } else reached.add(now.state);
        await on.db.deleteFrom("tasks").execute();
      }
      const cell = NEXT[state][event];
      if (typeof cell !== "string")
        assert.deepEqual([...reached].sort(), [...cell].sort(), `${event} of a ${state} task`);
    }
  }
});

test("a suspect that is indexed, or cancelled, is none any more", async () => {
  for (const end of [succeed, ({ taskId, teamId }: Claim) => on.catalogue.run(cancelTask, { taskId, teamId })]) {
    const { claim } = await taskIn("running");
    await on.db.updateTable("tasks").set({ crashes: LIMITS.crashesBeforeWait }).execute();
    await end(claim);
    const { crashes, finished_at } = await on.task(claim.taskId);
    assert.deepEqual([crashes, finished_at === null], [0, false]);
    await on.db.deleteFrom("tasks").execute();
  }
});

test("the database itself refuses rows that no state allows", async () => {
  const lease = { lease_until: NOW, claimed_at: NOW };
  const end = { finished_at: NOW };
  const failed = { state: "failed", error_code: "internal", ...end } as const;
  const refused = [
    { state: "running" },
    { state: "running", lease_until: NOW },
    { state: "running", claimed_at: NOW },
    { state: "queued", ...lease },
    { state: "queued", ...end },
    { state: "running", ...lease, ...end },
    { state: "running", ...lease, due_at: NOW },
    { state: "succeeded" },
    { state: "succeeded", ...end, ...lease },
    { state: "cancelled" },
    { state: "failed", ...end },
    { ...failed, due_at: NOW },
    { ...failed, type: "remove" },
    { state: "cancelled", ...end, type: "remove" },
    { type: "remove", faults: 1 },
    { type: "remove", crashes: 1 },
    { state: "succeeded", ...end, crashes: 1 },
    { ...failed, crashes: 1 },
    { crashes: -1 },
    { faults: 1, deaths: 2 },
    { attempt: -1 },
  ] as const;
  const allowed = [
    { state: "queued", due_at: NOW },
    { state: "running", ...lease },
    { state: "succeeded", ...end },
    { state: "cancelled", ...end },
    failed,
    { type: "remove", troubles: 9 },
    { state: "queued", crashes: 3, due_at: NOW },
    { state: "running", crashes: 3, ...lease },
  ] as const;
  for (const [row, fine] of [...refused.map((r) => [r, false] as const), ...allowed.map((r) => [r, true] as const)]) {
    const { claim } = await taskIn("queued");
    const update = on.db.updateTable("tasks").set(row).where("id", "=", claim.taskId).execute();
    if (fine) await update;
    else await assert.rejects(update, /CHECK constraint failed/, JSON.stringify(row));
    await on.db.deleteFrom("tasks").execute();
  }
});
