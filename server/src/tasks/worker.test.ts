import assert from "node:assert/strict";
import { after, before, type TestContext, test } from "node:test";
import { cancelTask } from "../files/task-events.store.ts";
import { LIMITS } from "../limits.ts";
import type { Log } from "../log.ts";
import { Rescuer } from "../maintenance/rescuer.ts";
import type { Claim } from "./claim.store.ts";
import type { TaskContext, TaskHandler, TaskOutcome } from "./handler.ts";
import { openTestCatalogue, type TestCatalogue, type TestFile } from "./test-catalogue.ts";
import { Worker } from "./worker.ts";

const SILENT: Log = { debug() {}, info() {}, warn() {}, error() {}, fatal() {} };

let on: TestCatalogue;
before(async () => {
  on = await openTestCatalogue();
});
after(() => on.close());

async function newFile(): Promise<TestFile & { readonly teamId: Claim["teamId"] }> {
  const teamId = await on.newTeam();
  return { ...(await on.newFile({ team: teamId, bucket: await on.newBucket(teamId) })), teamId };
}

/** Tasks whose lease has ended by now. */
async function rescued(): Promise<string[]> {
  return (await on.queue.rescue(on.now())).returned.map((task) => task.taskId);
}

/** A handler that the test steps through: each run shows its claim, and ends when the test says so. */
function steppedHandler() {
  const begun: {
    readonly claim: Claim;
    readonly context: TaskContext;
    readonly end: (outcome: TaskOutcome) => void;
  }[] = [];
  let arrived = Promise.withResolvers<void>();
  const handler: TaskHandler = (claim, context) =>
    new Promise((resolve) => {
      begun.push({ claim, context, end: resolve });
      arrived.resolve();
      arrived = Promise.withResolvers<void>();
    });
  const next = async (number: number) => {
    while (begun.length < number) await arrived.promise;
    const run = begun[number - 1];
    if (run === undefined) throw new Error("no such run");
    return run;
  };
  return { handlers: { index: handler, remove: handler }, begun, next };
}

function newWorker(handlers: { index: TaskHandler; remove: TaskHandler }, fast = 1, slow = 1, log = SILENT): Worker {
  return new Worker({ queue: on.queue, handlers, log, places: { fast, slow } });
}

const aborted = (signal: AbortSignal) =>
  new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve());
  });

/** Until a commit of the catalogue has made it so: the next look comes after the next commit that wakes the task. */
async function until(task: TestFile["taskId"], holds: () => Promise<boolean>): Promise<void> {
  for (;;) {
    const woken = Promise.withResolvers<void>();
    const stop = on.queue.onChange(task, woken.resolve);
    if (await holds()) return stop();
    await woken.promise;
    stop();
  }
}

const stateIs = (file: TestFile, state: string) =>
  until(file.taskId, async () => (await on.task(file.taskId)).state === state);

const ENDED: TaskOutcome = { kind: "ended" };
const SOFT: TaskOutcome = {
  kind: "fault",
  fault: { code: "internal", message: "again", permanent: false, death: false },
};

/** Runs a worker around the test's body, and leaves an empty queue. */
async function withWorker(worker: Worker, body: () => Promise<void>): Promise<void> {
  const stopping = new AbortController();
  const running = worker.start(stopping.signal);
  try {
    await body();
  } finally {
    stopping.abort();
    await running;
    await on.db.deleteFrom("tasks").execute();
  }
}

test("a worker runs as many tasks as it has places, and takes the next when one ends", async () => {
  const files = [await newFile(), await newFile(), await newFile()];
  const { handlers, begun, next } = steppedHandler();
  await withWorker(newWorker(handlers, 2), async () => {
    const first = await next(1);
    await next(2);
    assert.equal(begun.length, 2);
    first.end(SOFT);
    await next(3);
    assert.deepEqual(begun.map((run) => run.claim.taskId).toSorted(), files.map((file) => file.taskId).toSorted());
    for (const run of begun) run.end(ENDED);
  });
});

test("a document that moves to the slow lane gives its place to the next one", async () => {
  await newFile();
  await newFile();
  const { handlers, begun, next } = steppedHandler();
  await withWorker(newWorker(handlers, 1), async () => {
    const horror = await next(1);
    assert.equal(begun.length, 1);
    horror.context.movedToSlowLane();
    await next(2);
    for (const run of begun) run.end(ENDED);
  });
});

test("a document that is too long for a full slow lane lines up there, without a fault", async () => {
  const file = await newFile();
  const { handlers, begun, next } = steppedHandler();
  await withWorker(newWorker(handlers), async () => {
    const long = await next(1);
    long.end({ kind: "slow" });
    const again = await next(2);
    assert.deepEqual([again.claim.taskId, again.claim.lane, again.claim.attempt], [file.taskId, "slow", 2]);
    assert.equal((await on.task(file.taskId)).faults, 0);
    for (const run of begun) run.end(ENDED);
  });
});

test("short files without end do not keep the slow lane from its places", async () => {
  const long = await newFile();
  await on.queue.release((await on.queue.claim("fast")) ?? assert.fail("nothing was due"), "slow");
  for (let i = 0; i < 10; i++) await newFile();
  const order: Claim[] = [];
  const all = Promise.withResolvers<void>();
  const handler: TaskHandler = async (claim) => {
    if (order.push(claim) === 11) all.resolve();
    return ENDED;
  };
  await withWorker(newWorker({ index: handler, remove: handler }, 2), () => all.promise);
  const place = order.findIndex((claim) => claim.taskId === long.taskId);
  assert.ok(place <= 1, `the long one came as number ${place}`);
});

test("heartbeats hold a task, and say how far it is (POL-3)", async (t) => {
  const file = await newFile();
  t.mock.timers.enable({ apis: ["setInterval"] });
  const { handlers, next } = steppedHandler();
  await withWorker(newWorker(handlers), async () => {
    const { context, end } = await next(1);
    context.report({ stage: "extracting", progress: { done: 7, total: 30, unit: "pages" } });
    const before = (await on.task(file.taskId)).lease_until ?? 0;
    on.passMs(LIMITS.heartbeatMs);
    t.mock.timers.tick(LIMITS.heartbeatMs);
    await until(file.taskId, async () => (await on.task(file.taskId)).progress_done === 7);
    const row = await on.task(file.taskId);
    assert.deepEqual([row.state, row.progress_total, row.progress_unit], ["running", 30, "pages"]);
    assert.ok((row.lease_until ?? 0) >= before + LIMITS.heartbeatMs);
    end(ENDED);
  });
});

test("a worker whose lease was lost while it was stopped ends its work and writes nothing more", async (t) => {
  const file = await newFile();
  t.mock.timers.enable({ apis: ["setInterval"] });
  const { handlers, next } = steppedHandler();
  await withWorker(newWorker(handlers), async () => {
    const stopped = await next(1);
    // SIGSTOP: no heartbeat for the length of a lease, and somebody else's rescuer comes by.
    on.passMs(LIMITS.leaseMs + 1);
    assert.deepEqual(await rescued(), [file.taskId]);
    const other = await on.queue.claim("fast");
    // SIGCONT.
    t.mock.timers.tick(LIMITS.heartbeatMs);
    await aborted(stopped.context.signal);
    stopped.end({ kind: "fault", fault: { code: "corrupt_file", message: "no", permanent: true, death: false } });
    assert.ok(other !== null);
    assert.equal(await on.queue.heartbeat(other, { stage: "extracting", progress: null }, false), true);
    const row = await on.task(file.taskId);
    assert.deepEqual([row.state, row.attempt, row.faults], ["running", 2, 0]);
  });
});

test("cancel ends the work at once, without waiting for a heartbeat", async (t) => {
  const file = await newFile();
  t.mock.timers.enable({ apis: ["setInterval"] });
  const { handlers, next } = steppedHandler();
  await withWorker(newWorker(handlers), async () => {
    const { context, end } = await next(1);
    await on.catalogue.run(cancelTask, { teamId: file.teamId, taskId: file.taskId });
    await aborted(context.signal);
    end(SOFT);
    const row = await on.task(file.taskId);
    assert.deepEqual([row.state, row.faults], ["cancelled", 0]);
    assert.deepEqual(
      [(await on.file(file.fileId)).state, (await on.file(file.fileId)).error_code],
      ["failed", "cancelled"],
    );
  });
});

test("a handler that was told to let go may throw why: that is no defect, and no error in the log", async (t) => {
  const file = await newFile();
  t.mock.timers.enable({ apis: ["setInterval"] });
  const errors: unknown[] = [];
  const log: Log = { ...SILENT, error: (fields: unknown) => void errors.push(fields) };
  const begun = Promise.withResolvers<void>();
  const handler: TaskHandler = async (_claim, { signal }) => {
    begun.resolve();
    await aborted(signal);
    throw signal.reason;
  };
  await withWorker(newWorker({ index: handler, remove: handler }, 1, 1, log), async () => {
    await begun.promise;
    await on.catalogue.run(cancelTask, { teamId: file.teamId, taskId: file.taskId });
    await stateIs(file, "cancelled");
  });
  assert.deepEqual(errors, []);
});

test("a stop gives running tasks back at once, without a fault, and ends their work", async () => {
  const file = await newFile();
  const { handlers, next } = steppedHandler();
  const stopping = new AbortController();
  const running = newWorker(handlers).start(stopping.signal);
  const { context, end } = await next(1);
  stopping.abort();
  await aborted(context.signal);
  await stateIs(file, "queued");
  end(SOFT);
  await running;
  const row = await on.task(file.taskId);
  assert.deepEqual([row.state, row.due_at, row.faults, row.lease_losses], ["queued", null, 0, 0]);
  await on.db.deleteFrom("tasks").execute();
});

test("a stop waits for a handler that does not let go only so long", async (t) => {
  await newFile();
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { handlers, next } = steppedHandler();
  const stopping = new AbortController();
  const running = newWorker(handlers).start(stopping.signal);
  await next(1);
  stopping.abort();
  await tickUntil(t, LIMITS.taskStopMs, running);
  await on.db.deleteFrom("tasks").execute();
});

test("a claim that reads for five minutes is the file's time-out; one that stores for so long is the machine's trouble", async (t) => {
  const cases = [
    { stage: "extracting", faults: 1, deaths: 1, troubles: 0 },
    { stage: "indexing", faults: 0, deaths: 0, troubles: 1 },
  ] as const;
  for (const { stage, ...expected } of cases) {
    const file = await newFile();
    t.mock.timers.enable({ apis: ["setTimeout"] });
    const { handlers, next } = steppedHandler();
    await withWorker(newWorker(handlers), async () => {
      const { context, end } = await next(1);
      context.report({ stage, progress: null });
      t.mock.timers.tick(LIMITS.claimMaxMs);
      await aborted(context.signal);
      await stateIs(file, "queued");
      const { faults, deaths, troubles } = await on.task(file.taskId);
      assert.deepEqual({ faults, deaths, troubles }, expected, stage);
      t.mock.timers.reset();
      end(ENDED);
    });
  }
});

test("when the machine is unwell, a queue is not sent into back-off as a whole", async (t) => {
  const files: TestFile[] = [];
  for (let i = 0; i < 12; i++) files.push(await newFile());
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const tried: string[] = [];
  const unwell = async (claim: Claim): Promise<TaskOutcome> => {
    tried.push(claim.taskId);
    return { kind: "trouble", trouble: "storage", cause: new Error("EIO") };
  };
  const backedOff = async (count: number) => {
    const last = files[count - 1];
    assert.ok(last !== undefined);
    await until(last.taskId, async () => (await on.task(last.taskId)).troubles === 1);
    // Whatever the worker does next without a timer, it has done by the end of these commits.
    for (let i = 0; i < 60; i++) await on.queue.claim("slow");
    assert.equal(tried.length, count);
  };
  /** Its timer may not be armed yet: a tick before that passes nobody, and none comes after the one that is heard. */
  const tickUntilTried = async (count: number) => {
    while (tried.length < count) {
      t.mock.timers.tick(LIMITS.taskLookMs);
      await on.queue.claim("slow");
    }
  };
  await withWorker(newWorker({ index: unwell, remove: unwell }), async () => {
    await backedOff(2);
    await tickUntilTried(3);
    await backedOff(3);
    await tickUntilTried(4);
    await backedOff(4);
  });
});

test("a defect in a handler is a fault of that task alone, and fails it in the end", async () => {
  const file = await newFile();
  const broken: TaskHandler = async () => {
    throw new TypeError("a defect");
  };
  const worker = newWorker({ index: broken, remove: broken });
  let rounds = 0;
  while (await worker.runOnce()) {
    on.passMs(60_000);
    rounds += 1;
  }
  const row = await on.task(file.taskId);
  assert.deepEqual([rounds, row.state, row.error_code], [LIMITS.maxFaults, "failed", "internal"]);
  await on.db.deleteFrom("tasks").execute();
});

test("a rescuer that slept, or whose clock jumped, lets everybody's heartbeat pass before it judges", async () => {
  const file = await newFile();
  let elapsed = 0;
  const rescuer = new Rescuer({ queue: on.queue, log: SILENT, elapsed: () => elapsed });
  const look = async (passed: { readonly elapsedMs: number; readonly clockMs: number }) => {
    elapsed += passed.elapsedMs;
    on.passMs(passed.clockMs);
    return (await rescuer.runOnce()).mended > 0;
  };
  const second = { elapsedMs: 1000, clockMs: 1000 };
  assert.ok((await on.queue.claim("fast")) !== null);
  await look(second);
  const stopped = { elapsedMs: 60_000, clockMs: 60_000 };
  const jumped = { elapsedMs: 1000, clockMs: 3_600_000 };
  for (const disturbance of [stopped, jumped]) {
    assert.equal(await look(disturbance), false);
    for (let i = 0; i < 3; i++) assert.equal(await look(second), false);
  }
  // Nobody renewed it meanwhile: it is given back, well within 15 s.
  let seconds = 0;
  while (!(await look(second))) seconds += 1;
  assert.ok(seconds <= 2, `${seconds} s later`);
  assert.equal((await on.task(file.taskId)).state, "queued");
  on.passMs(-3_700_000);
  await on.db.deleteFrom("tasks").execute();
});

test("a dead worker's task is back in the queue within 12 s", async () => {
  const file = await newFile();
  let elapsed = 0;
  const rescuer = new Rescuer({ queue: on.queue, log: SILENT, elapsed: () => elapsed });
  await rescuer.runOnce();
  assert.ok((await on.queue.claim("fast")) !== null);
  let seconds = 0;
  do {
    elapsed += 1000;
    on.passMs(1000);
    seconds += 1;
  } while ((await rescuer.runOnce()).mended === 0 && seconds < 60);
  assert.ok(seconds <= 12, `${seconds} s`);
  assert.equal((await on.task(file.taskId)).state, "queued");
  await on.db.deleteFrom("tasks").execute();
});

/** Ticks mocked timers until the promise is settled: what arms them may come some turns of the event loop later. */
async function tickUntil(t: TestContext, ms: number, promise: Promise<void>): Promise<void> {
  let settled = false;
  void promise.then(() => {
    settled = true;
  });
  while (!settled) {
    t.mock.timers.tick(ms);
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
}
