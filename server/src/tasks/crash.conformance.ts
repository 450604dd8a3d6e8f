import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, test } from "node:test";
import { cancelTask, retryTask } from "../files/task-events.store.ts";
import { LIMITS } from "../limits.ts";
import { claimDue, enqueueFiles, type QueueUnderTest } from "./test-catalogue.ts";

/** What every task queue must do with tasks that the server did not survive, whatever database it is in. */
export function describeCrashes(name: string, open: () => Promise<QueueUnderTest>, skip: string | false = false): void {
  describe(`crashes on ${name}`, { skip }, () => {
    let on: QueueUnderTest;
    beforeEach(async () => {
      on = await open();
    });
    afterEach(() => on.close());

    /** The server dies as often as makes its running tasks suspect; what ran is claimed anew each time. */
    const crashUntilSuspect = async (running: number): Promise<void> => {
      for (let crash = 1; crash <= LIMITS.crashesBeforeWait; crash++) {
        for (let i = 0; i < running; i++) await claimDue(on);
        const returned = await on.queue.requeueAll();
        assert.equal(returned.length, running);
        const suspect = crash === LIMITS.crashesBeforeWait;
        assert.ok(returned.every((task) => task.suspect === suspect));
      }
    };

    test("a task that the server did not survive three times waits an hour, and says so; others go on (POL-3)", async () => {
      const team = await on.newTeam();
      const [suspect = missing()] = await enqueueFiles(on, team, 1);
      await crashUntilSuspect(1);
      const row = await on.task(suspect);
      assert.deepEqual(
        [row.state, row.due_at, row.crashes, row.faults, row.lease_losses, row.error_code],
        ["queued", row.updated_at + LIMITS.crashWaitMs, LIMITS.crashesBeforeWait, 0, 0, "internal"],
      );
      assert.match(
        row.error_message ?? "",
        /server ended 3 times .* tried again an hour .* cancel the task .* delete the file/,
      );
      const file = await on.file(row.file_id);
      assert.deepEqual([file.state, file.error_code], ["indexing", null]);
      const [other] = await enqueueFiles(on, team, 1);
      assert.equal((await claimDue(on)).taskId, other);
      assert.equal(await on.queue.claim("fast", "slow"), null);
      on.passMs(LIMITS.crashWaitMs - 60_000);
      assert.equal(await on.queue.claim("fast", "slow"), null);
      on.passMs(60_000);
      assert.equal((await claimDue(on)).taskId, suspect);
      const [again] = (await on.queue.requeueAll()).filter((task) => task.taskId === suspect);
      assert.equal(again?.suspect, true);
      const { due_at, updated_at } = await on.task(suspect);
      assert.equal(due_at, updated_at + LIMITS.crashWaitMs);
    });

    test("two suspects are never in line or running at once, in any lane; those that wait hold nobody up", async () => {
      const [team, other] = [await on.newTeam(), await on.newTeam()];
      const suspects = await enqueueFiles(on, team, LIMITS.dueTasksPerClaim + 5);
      await crashUntilSuspect(suspects.length);
      await enqueueFiles(on, other, 1);
      await on.queue.trouble(await claimDue(on), "storage");
      on.passMs(LIMITS.crashWaitMs);
      const left = new Set(suspects);
      const first = [await claimDue(on), await claimDue(on)];
      const tried = first.find((claim) => left.has(claim.taskId));
      assert.equal(first.filter((claim) => !left.has(claim.taskId)).length, 1, "a back-off stood behind suspects");
      assert.ok(tried !== undefined);
      assert.equal(await on.queue.claim("fast", "slow"), null);
      // It moves to the slow lane: still the one that is tried.
      await on.queue.release(tried, "slow");
      assert.equal(await on.queue.claim("fast"), null);
      const slow = await claimDue(on, "slow");
      assert.equal(slow.taskId, tried.taskId);
      assert.equal(await on.queue.claim("fast", "slow"), null);
      // The server survives it: the next one's turn.
      await on.queue.fault(slow, { code: "corrupt_file", message: "Cut off.", permanent: true, death: false });
      assert.equal((await on.task(slow.taskId)).crashes, 0);
      left.delete(slow.taskId);
      assert.ok(left.has((await claimDue(on)).taskId));
      assert.equal(await on.queue.claim("fast", "slow"), null);
    });

    test("an orderly stop, or a retry by the client, clears a suspect; it is due at once", async () => {
      const team = await on.newTeam();
      const [stopped = missing(), retried = missing()] = await enqueueFiles(on, team, 2);
      await crashUntilSuspect(2);
      await on.catalogue.run(cancelTask, { teamId: team, taskId: retried });
      await on.catalogue.run(retryTask, { teamId: team, taskId: retried });
      const { crashes, due_at, error_code } = await on.task(retried);
      assert.deepEqual([crashes, due_at, error_code], [0, null, null]);
      assert.equal((await claimDue(on)).taskId, retried);
      on.passMs(LIMITS.crashWaitMs);
      const claim = await claimDue(on);
      assert.equal(claim.taskId, stopped);
      await on.queue.release(claim, claim.lane);
      assert.equal((await on.task(stopped)).crashes, 0);
      assert.equal((await claimDue(on)).taskId, stopped);
    });

    test("an hour that ends later than an hour from now counts as over: the clock went back", async () => {
      const team = await on.newTeam();
      const [suspect] = await enqueueFiles(on, team, 1);
      on.passMs(LIMITS.crashWaitMs);
      await crashUntilSuspect(1);
      on.passMs(-LIMITS.crashWaitMs);
      assert.equal((await claimDue(on)).taskId, suspect);
    });

    test("a removal is not held back by crashes", async () => {
      const team = await on.newTeam();
      await enqueueFiles(on, team, 1);
      await on.db.updateTable("tasks").set({ type: "remove" }).execute();
      for (let crash = 0; crash < 10; crash++) {
        await claimDue(on);
        assert.deepEqual(
          (await on.queue.requeueAll()).map((task) => task.suspect),
          [false],
        );
      }
      await claimDue(on);
    });
  });
}

function missing(): never {
  throw new Error("the test lost its own task");
}
