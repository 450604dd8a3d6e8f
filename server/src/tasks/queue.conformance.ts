import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { TaskLane } from "../catalogue/schema.ts";
import type { TaskId, TeamId } from "../ids.ts";
import { LIMITS } from "../limits.ts";
import type { Claim } from "./claim.store.ts";
import { enqueueTask, findTask, replaceTasksByRemoval } from "./store.ts";
import { LONGEST_BACKOFF_MS } from "./task.ts";
import { claimDue, enqueueFiles, type QueueUnderTest } from "./test-catalogue.ts";

const SOFT_FAULT = { code: "internal", message: "again", permanent: false, death: false } as const;

/** What every task queue must do, whatever database it is in. Each test leaves the queue empty. */
export function describeTaskQueue(
  name: string,
  open: () => Promise<QueueUnderTest>,
  skip: string | false = false,
): void {
  describe(`task queue on ${name}`, { skip }, () => {
    let on: QueueUnderTest;
    before(async () => {
      on = await open();
    });
    after(() => on.close());

    const enqueue = (team: TeamId, count: number): Promise<TaskId[]> => enqueueFiles(on, team, count);
    const claimed = (lane: TaskLane = "fast"): Promise<Claim> => claimDue(on, lane);
    /** Tasks whose lease has ended by now. */
    const rescued = async (): Promise<string[]> =>
      (await on.queue.rescue(on.now())).returned.map((task) => task.taskId);
    /** The order in which due tasks are taken. */
    const drain = async (): Promise<TaskId[]> => {
      const order: TaskId[] = [];
      for (let claim = await on.queue.claim("fast"); claim !== null; claim = await on.queue.claim("fast"))
        order.push(claim.taskId);
      await on.db.deleteFrom("tasks").execute();
      return order;
    };

    test("50 workers that claim at once never get one task twice, and together get all", async () => {
      const team = await on.newTeam();
      const tasks = await enqueue(team, 120);
      const got: TaskId[] = [];
      const work = async () => {
        for (let claim = await on.queue.claim("fast"); claim !== null; claim = await on.queue.claim("fast"))
          got.push(claim.taskId);
      };
      await Promise.all(Array.from({ length: 50 }, work));
      assert.deepEqual(got.toSorted(), tasks.toSorted());
      await drain();
    });

    test("what a stale attempt says changes nothing, after each way to lose a task", async () => {
      const team = await on.newTeam();
      await enqueue(team, 1);
      const first = await claimed();
      assert.equal((await on.queue.requeueAll()).length, 1);
      const second = await claimed();
      assert.deepEqual([second.taskId, second.attempt], [first.taskId, 2]);
      const before = await on.task(first.taskId);
      const report = { stage: "indexing", progress: { done: 1, total: 2, unit: "chunks" } } as const;
      assert.equal(await on.queue.heartbeat(first, report, true), false);
      assert.equal(await on.queue.fault(first, { ...SOFT_FAULT, permanent: true }), false);
      assert.equal(await on.queue.trouble(first, "storage"), false);
      assert.equal(await on.queue.release(first, first.lane), false);
      assert.deepEqual(await on.task(first.taskId), before);
      assert.equal(await on.queue.heartbeat(second, report, true), true);
      await drain();
    });

    test("a heartbeat renews the lease; without one the task is somebody else's 10 s later, and not before", async () => {
      const team = await on.newTeam();
      await enqueue(team, 1);
      const claim = await claimed();
      const report = { stage: "extracting", progress: { done: 3, total: 9, unit: "pages" } } as const;
      on.passMs(LIMITS.leaseMs - 1000);
      assert.equal(await on.queue.heartbeat(claim, report, true), true);
      on.passMs(LIMITS.leaseMs - 1000);
      assert.deepEqual(await rescued(), []);
      const row = await on.task(claim.taskId);
      assert.deepEqual([row.progress_done, row.progress_total, row.progress_unit], [3, 9, "pages"]);
      on.passMs(1001);
      assert.deepEqual(await rescued(), [claim.taskId]);
      const returned = await on.task(claim.taskId);
      assert.deepEqual(
        [returned.state, returned.faults, returned.lease_losses, returned.stage, returned.progress_unit],
        ["queued", 0, 1, "waiting", null],
      );
      assert.equal(await on.queue.heartbeat(claim, report, true), false);
      assert.equal((await claimed()).attempt, 2);
      await drain();
    });

    test("a lease that ends later than any lease may counts as ended: the clock went back", async () => {
      const team = await on.newTeam();
      await enqueue(team, 1);
      on.passMs(3_600_000);
      const claim = await claimed();
      on.passMs(-3_600_000);
      assert.deepEqual(await rescued(), [claim.taskId]);
      await drain();
    });

    test("no lease is judged by a clock that is not where the caller expects it", async () => {
      const team = await on.newTeam();
      await enqueue(team, 1);
      const claim = await claimed();
      const expected = on.now();
      on.passMs(3_600_000);
      assert.deepEqual(
        { ...(await on.queue.rescue(expected)), now: null },
        { now: null, asExpected: false, returned: [] },
      );
      assert.equal((await on.queue.rescue(null)).asExpected, false);
      assert.deepEqual(await rescued(), [claim.taskId]);
      on.passMs(-3_600_000);
      await drain();
    });

    test("a task that backs off is not claimed before its time, and its place in the queue waits for nobody", async () => {
      const team = await on.newTeam();
      const [first, second] = await enqueue(team, 2);
      assert.equal(await on.queue.trouble(await claimed(), "storage"), true);
      assert.equal((await claimed()).taskId, second);
      assert.equal(await on.queue.claim("fast"), null);
      on.passMs(1001);
      const again = await claimed();
      assert.deepEqual([again.taskId, again.attempt], [first, 2]);
      await drain();
    });

    test("a back-off that ends later than any back-off may counts as over: the clock went back", async () => {
      const team = await on.newTeam();
      await enqueue(team, 1);
      on.passMs(LONGEST_BACKOFF_MS + 5000);
      const claim = await claimed();
      await on.queue.trouble(claim, "storage");
      on.passMs(-LONGEST_BACKOFF_MS - 5000);
      assert.equal((await claimed()).taskId, claim.taskId);
      await drain();
    });

    test("trouble is shown in the task's error, and fails neither the task nor its file", async () => {
      const team = await on.newTeam();
      const [id] = await enqueue(team, 1);
      assert.ok(id !== undefined);
      for (let i = 0; i < 12; i++) {
        on.passMs(LONGEST_BACKOFF_MS);
        await on.queue.trouble(await claimed(), "index");
      }
      const row = await on.task(id);
      assert.deepEqual([row.state, row.faults, row.troubles, row.error_code], ["queued", 0, 12, "internal"]);
      assert.match(row.error_message ?? "", /search index/);
      assert.equal((await on.file(row.file_id)).error_code, null);
      await drain();
    });

    test("a task with a fault goes on in the slow lane, and no fast place takes it", async () => {
      const team = await on.newTeam();
      await enqueue(team, 1);
      const claim = await claimed();
      await on.queue.fault(claim, SOFT_FAULT);
      on.passMs(1001);
      assert.equal(await on.queue.claim("fast"), null);
      const slow = await claimed("slow");
      assert.deepEqual([slow.taskId, slow.lane], [claim.taskId, "slow"]);
      await drain();
    });

    test("one claim looks into one lane after the other", async () => {
      const team = await on.newTeam();
      const [first = missing(), second = missing()] = await enqueue(team, 2);
      await on.queue.release(await claimed(), "slow");
      const taken = [await on.queue.claim("fast", "slow"), await on.queue.claim("fast", "slow")];
      assert.deepEqual(
        taken.map((claim) => [claim?.taskId, claim?.lane]),
        [
          [second, "fast"],
          [first, "slow"],
        ],
      );
      assert.equal(await on.queue.claim("fast", "slow"), null);
      await drain();
    });

    test("a task that is released into the slow lane lines up there, with nothing counted", async () => {
      const team = await on.newTeam();
      await enqueue(team, 1);
      const claim = await claimed();
      assert.equal(await on.queue.release(claim, "slow"), true);
      assert.equal(await on.queue.claim("fast"), null);
      const slow = await claimed("slow");
      assert.deepEqual([slow.taskId, slow.lane], [claim.taskId, "slow"]);
      const { faults, deaths, troubles, lease_losses } = await on.task(claim.taskId);
      assert.deepEqual([faults, deaths, troubles, lease_losses], [0, 0, 0, 0]);
      await drain();
    });

    test("one team's many long files do not hold up another's in the slow lane", async () => {
      const [busy, quiet] = [await on.newTeam(), await on.newTeam()];
      await enqueue(busy, 10);
      for (let i = 0; i < 10; i++) await on.queue.release(await claimed(), "slow");
      on.passMs(600_000);
      const [other] = await enqueue(quiet, 1);
      await on.queue.release(await claimed(), "slow");
      const order = [await claimed("slow"), await claimed("slow")].map((claim) => claim.taskId);
      assert.ok(
        order.some((id) => id === other),
        "it came behind the busy team's",
      );
      on.passMs(-600_000);
      await on.db.deleteFrom("tasks").execute();
    });

    test("one team's many files do not hold up another's one note", async () => {
      const [busy, quiet] = [await on.newTeam(), await on.newTeam()];
      await enqueue(busy, 40);
      for (let i = 0; i < 10; i++) await claimed();
      // Slow documents: the queue has moved far less than the clock.
      on.passMs(600_000);
      const [note = missing()] = await enqueue(quiet, 1);
      const order = await drain();
      assert.ok(order.indexOf(note) <= 1, "the note came behind the busy team's files");
      on.passMs(-600_000);
    });

    test("teams take turns, and within a team the first come is the first served", async () => {
      const [a, b] = [await on.newTeam(), await on.newTeam()];
      const ofA = await enqueue(a, 5);
      const ofB = await enqueue(b, 5);
      const order = await drain();
      assert.deepEqual(
        order.filter((id) => ofA.includes(id)),
        ofA,
      );
      assert.deepEqual(
        order.filter((id) => ofB.includes(id)),
        ofB,
      );
      for (let turn = 0; turn < 5; turn++) {
        const pair = order.slice(2 * turn, 2 * turn + 2);
        assert.equal(pair.filter((id) => ofA.includes(id)).length, 1, `turn ${turn}: ${pair}`);
      }
    });

    test("a team that was alone for long owes a newcomer nothing, and the newcomer it", async () => {
      const [old, young] = [await on.newTeam(), await on.newTeam()];
      await enqueue(old, 30);
      while ((await on.queue.claim("fast")) !== null);
      const ofOld = await enqueue(old, 4);
      const ofYoung = await enqueue(young, 4);
      const order = await drain();
      assert.equal(order.slice(0, 4).filter((id) => ofYoung.includes(id)).length, 2);
      assert.deepEqual(order.toSorted(), [...ofOld, ...ofYoung].toSorted());
    });

    test("tasks that come out of an outage take turns with a note that arrives then", async () => {
      const [busy, quiet] = [await on.newTeam(), await on.newTeam()];
      await enqueue(busy, 30);
      for (let i = 0; i < 30; i++) await on.queue.trouble(await claimed(), "storage");
      on.passMs(1001);
      await claimed();
      const [note = missing()] = await enqueue(quiet, 1);
      const order = await drain();
      assert.equal(order.length, 30);
      assert.ok(order.indexOf(note) <= 1, `the note came as number ${order.indexOf(note)}`);
    });

    test("a task whose worker was lost, or stopped in order, is beside the next one again", async () => {
      const team = await on.newTeam();
      const [first] = await enqueue(team, 5);
      const next = async (count: number) => {
        const ids: TaskId[] = [];
        while (ids.length < count) ids.push((await claimed()).taskId);
        return ids;
      };
      // What comes back ties with the head of the queue, and ids of one millisecond have no order.
      await on.queue.release(await claimed(), "fast");
      assert.ok((await next(2)).includes(first ?? missing()));
      await on.queue.requeueAll();
      assert.ok((await next(3)).includes(first ?? missing()));
      await drain();
    });

    test("the place in the queue is counted within the team (POL-3)", async () => {
      const [team, other] = [await on.newTeam(), await on.newTeam()];
      await enqueue(other, 3);
      const tasks = await enqueue(team, 3);
      const places = async () => {
        const found = await Promise.all(tasks.map((taskId) => on.catalogue.run(findTask, { teamId: team, taskId })));
        return found.map((task) => task?.queuePosition);
      };
      assert.deepEqual(await places(), [1, 2, 3]);
      while ((await on.task(tasks[0] ?? missing())).state === "queued") await claimed();
      assert.deepEqual(await places(), [null, 1, 2]);
      await drain();
    });

    test("removal waits for a worker that held the file, and its task cannot be seen or claimed before", async () => {
      const team = await on.newTeam();
      const [id = missing()] = await enqueue(team, 1);
      const claim = await claimed();
      const removal = on.ids.next("task");
      const file = { id: claim.fileId, teamId: team, version: 1 };
      const { cancelled } = await on.inTransaction((tx) => replaceTasksByRemoval(tx, file, removal, "fast"));
      assert.deepEqual(cancelled, [id]);
      assert.equal(await on.queue.heartbeat(claim, { stage: "extracting", progress: null }, false), false);
      assert.equal(await on.queue.claim("fast"), null);
      assert.equal(await on.catalogue.run(findTask, { teamId: team, taskId: removal }), null);
      on.passMs(LIMITS.removeAfterRunningMs + 1);
      assert.deepEqual([(await claimed()).type, (await on.task(removal)).state], ["remove", "running"]);
      await drain();
    });

    test("who waits for due tasks is woken by what makes one due", async () => {
      const team = await on.newTeam();
      const woken: string[] = [];
      const stop = on.queue.onDue(() => void woken.push("due"));
      await enqueue(team, 1);
      const claim = await claimed();
      const stopTask = on.queue.onChange(claim.taskId, () => void woken.push("task"));
      await on.queue.heartbeat(claim, { stage: "extracting", progress: null }, false);
      assert.deepEqual(woken, []);
      await on.queue.release(claim, "fast");
      assert.deepEqual(woken.toSorted(), ["due", "task"]);
      stop();
      stopTask();
      await drain();
    });

    test("a claim moves its file, and only the file whose latest task it is", async () => {
      const team = await on.newTeam();
      await enqueue(team, 1);
      const claim = await claimed();
      assert.equal((await on.file(claim.fileId)).state, "indexing");
      await on.queue.fault(claim, { code: "encrypted_file", message: "Locked.", permanent: true, death: false });
      const file = await on.file(claim.fileId);
      assert.deepEqual([file.state, file.error_code, file.error_message], ["failed", "encrypted_file", "Locked."]);
      assert.deepEqual(await on.memberships(claim.fileId), ["failed"]);
      const bucket = await on.db
        .selectFrom("file_buckets")
        .select("bucket_id")
        .where("file_id", "=", claim.fileId)
        .executeTakeFirstOrThrow();
      const { pending_files, failed_files } = await on.bucket(bucket.bucket_id);
      assert.deepEqual([pending_files, failed_files], [0, 1]);
      // An older task's fault, when a newer one prepares the file.
      const newer = on.ids.next("task");
      await on.db
        .updateTable("files")
        .set({ state: "queued", task_id: newer, error_code: null })
        .where("id", "=", claim.fileId)
        .execute();
      const task = { id: on.ids.next("task"), teamId: team, fileId: claim.fileId, type: "index", version: 1 } as const;
      await on.inTransaction((tx) => enqueueTask(tx, task));
      await on.queue.fault(await claimed(), { code: "corrupt_file", message: "No.", permanent: true, death: false });
      assert.equal((await on.file(claim.fileId)).state, "queued");
      await drain();
    });
  });
}

function missing(): never {
  throw new Error("the test lost its own task");
}
