import type { TaskType } from "../catalogue/schema.ts";
import type { Claim } from "./claim.store.ts";
import type { Fault, TaskReport, Trouble } from "./task.ts";

/**
 * What does a task's work (indexing/). It may be run again from the start at any point, also while a stopped or stalled
 * earlier attempt still writes: all that it writes before its last transaction carries the attempt's own name, and that
 * transaction is fenced.
 */
export type TaskHandler = (claim: Claim, context: TaskContext) => Promise<TaskOutcome>;

export type TaskHandlers = Readonly<Record<TaskType, TaskHandler>>;

export interface TaskContext {
  /**
   * Aborted when the task is lost, cancelled or out of time, or the server stops: let go of everything, write
   * nothing more.
   */
  readonly signal: AbortSignal;
  /** Where the work is; the next heartbeat says so. */
  report(report: TaskReport): void;
  /** The work now runs beside the others: the worker takes another task in its place. */
  movedToSlowLane(): void;
}

export type TaskOutcome =
  /** Its last transaction was committed, or it found that the task is no longer held. */
  | { readonly kind: "ended" }
  /**
   * The file takes long and there is no room for it beside the others: it lines up for the slow lane. Nobody's fault.
   */
  | { readonly kind: "slow" }
  | { readonly kind: "fault"; readonly fault: Fault }
  | { readonly kind: "trouble"; readonly trouble: Trouble; readonly cause: unknown };
