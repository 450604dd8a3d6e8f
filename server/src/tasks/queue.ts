import type { TaskLane } from "../catalogue/schema.ts";
import type { TaskId } from "../ids.ts";
import type { AttemptRef, ReturnedTask } from "./attempt.store.ts";
import type { Claim } from "./claim.store.ts";
import type { Fault, TaskReport, Trouble } from "./task.ts";

/**
 * The task queue's port: how workers take tasks and say what became of them. The queue is a table of the catalogue, so
 * a task appears in the transaction that makes it necessary, and its effect and its end are one transaction too
 * (attempt.store.ts `succeedTask`). A task runs at least once; its effect is applied exactly once.
 *
 * Every method that names an attempt is fenced: it resolves to false, and has written nothing, when the task is no
 * longer held under it. Then the worker stops at once. Rejections are the catalogue's (storage_full,
 * storage_unavailable): nothing was written, the lease runs on, and ends by itself if nobody renews it.
 */
export interface TaskQueue {
  /**
   * The next due task of the first of these lanes that has one, under a lease of limits.leaseMs; null when none has. No
   * two callers get the same one.
   */
  claim(...lanes: readonly TaskLane[]): Promise<Claim | null>;
  /** Renews the lease and says how far it is. `changed`: worth waking those who wait for the task. */
  heartbeat(held: AttemptRef, report: TaskReport, changed: boolean): Promise<boolean>;
  fault(held: AttemptRef, fault: Fault): Promise<boolean>;
  trouble(held: AttemptRef, trouble: Trouble): Promise<boolean>;
  /**
   * The worker lets go in order, and nothing is counted: the task is next in its own lane, or lines up in the slow one.
   */
  release(held: AttemptRef, lane: TaskLane): Promise<boolean>;

  /**
   * Returns tasks whose lease has ended; at most 200 a call. `expectedNow`: when it should be by now on the catalogue's
   * clock, by the last look and a monotonic clock; null at the first look. If it is not, the clock jumped and nothing
   * is returned.
   */
  rescue(expectedNow: number | null): Promise<RescueLook>;
  /** Returns every running task: for a server that starts and is alone on its catalogue. */
  requeueAll(): Promise<readonly ReturnedTask[]>;

  /**
   * Calls `wake` when a task may have become due by an event; back-offs that end wake nobody. Returns the way to stop.
   */
  onDue(wake: () => void): () => void;
  /** Calls `wake` when somebody else changed the task. */
  onChange(task: TaskId, wake: () => void): () => void;
}

export interface RescueLook {
  readonly now: number;
  readonly asExpected: boolean;
  readonly returned: readonly ReturnedTask[];
}
