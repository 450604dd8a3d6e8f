import { LIMITS } from "../limits.ts";
import type { Log } from "../log.ts";
import type { TaskQueue } from "../tasks/queue.ts";
import type { Batch, Chore } from "./chore.ts";

/**
 * Returns tasks whose worker died, hung or was stopped: their lease has ended. It looks every limits.taskLookMs, so
 * that a dead worker delays a task by little more than the lease (10 s).
 *
 * A lease that looks ended may be a clock that jumped or this process that slept (SIGSTOP, suspend): healthy workers
 * would lose their tasks, and one that sits in this very process cannot have renewed. So after either it holds still
 * for limits.rescueHoldMs, in which everybody's heartbeat comes by.
 */
export class Rescuer implements Chore {
  readonly name = "rescue_tasks";
  readonly everyMs: number = LIMITS.taskLookMs;
  readonly share = 1;
  readonly #queue: TaskQueue;
  readonly #log: Log;
  /** Milliseconds on a clock that does not jump. */
  readonly #elapsed: () => number;
  #last: { readonly now: number; readonly at: number } | null = null;
  #holdUntil = 0;

  constructor(options: { readonly queue: TaskQueue; readonly log: Log; readonly elapsed?: () => number }) {
    this.#queue = options.queue;
    this.#log = options.log;
    this.#elapsed = options.elapsed ?? (() => performance.now());
  }

  async runOnce(): Promise<Batch> {
    const at = this.#elapsed();
    const slept = this.#last !== null && at - this.#last.at > LIMITS.taskLookMs + LIMITS.lateTimerMs;
    if (slept) this.#holdUntil = at + LIMITS.rescueHoldMs;
    const hold = at < this.#holdUntil || this.#last === null;
    const look = await this.#queue.rescue(hold || this.#last === null ? null : this.#last.now + (at - this.#last.at));
    this.#last = { now: look.now, at };
    if (!hold && !look.asExpected) this.#holdUntil = at + LIMITS.rescueHoldMs;
    const returned = look.returned.length;
    if (returned > 0)
      this.#log.warn(
        { tasks: look.returned.map((task) => task.taskId) },
        "tasks went back to the queue: their worker is gone",
      );
    return { next: null, ended: true, looked: returned, mended: returned };
  }
}
