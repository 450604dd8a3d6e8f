import { type Static, Type } from "typebox";
import type { TaskState } from "../catalogue/schema.ts";
import { toRfc3339 } from "../clock.ts";
import { LIMITS } from "../limits.ts";
import type { VisibleTask } from "./store.ts";

/** The task as clients see it (POL-3): inside a file object as it is, alone with its `file_id`. */
export const TaskObject = Type.Object(
  {
    id: Type.String(),
    object: Type.Literal("knowledge_indexing_task"),
    type: Type.Literal("index"),
    status: Type.Enum(["queued", "indexing", "indexed", "failed", "cancelled"], {
      description: "indexed, failed and cancelled are final.",
    }),
    stage: Type.Enum(["waiting", "extracting", "chunking", "indexing", "activating"], {
      description: "Where the work is, or where it ended.",
    }),
    attempt: Type.Integer({ description: "Counts what went wrong with the file itself, not restarts of the server." }),
    max_attempts: Type.Integer(),
    next_attempt_at: Type.Union([Type.String(), Type.Null()], {
      description: "Set while the task waits after something went wrong.",
    }),
    queue_position: Type.Union([Type.Integer(), Type.Null()], {
      description: `Place among your team's own waiting tasks, from 1, counted up to ${LIMITS.queuePositionMax}.`,
    }),
    progress: Type.Union([
      Type.Object({
        done: Type.Integer(),
        total: Type.Union([Type.Integer(), Type.Null()]),
        unit: Type.Enum(["pages", "chunks"]),
      }),
      Type.Null(),
    ]),
    error: Type.Union([Type.Object({ code: Type.String(), message: Type.String() }), Type.Null()], {
      description: "What went wrong last. While the status is not failed, the task goes on by itself.",
    }),
    created_at: Type.String(),
    updated_at: Type.String(),
    finished_at: Type.Union([Type.String(), Type.Null()]),
  },
  { description: "An indexing task." },
);
export type WireTask = Static<typeof TaskObject>;

const { id, object, type, status } = TaskObject.properties;

/** The task to a key without `files:read`: ids and states (ALL-10). */
export const TaskStates = Type.Object({ id, object, type, status });

export function taskStatesToWire({ task }: VisibleTask): Static<typeof TaskStates> {
  return { id: task.id, object: "knowledge_indexing_task", type: "index", status: STATUS[task.state] };
}

/** What changing a task answers: all of it, or its states. */
export const ChangedTask = Type.Object(
  { ...Type.Partial(TaskObject).properties, ...TaskStates.properties },
  { description: "The task; ids and states alone to a key without files:read." },
);

/** Pure. */
export function taskToWire({ task, queuePosition }: VisibleTask): WireTask {
  const { progress_done, progress_total, progress_unit } = task;
  return {
    id: task.id,
    object: "knowledge_indexing_task",
    type: "index",
    status: STATUS[task.state],
    stage: task.stage,
    // The attempt that is made next; of a failed task, the one that failed.
    attempt: task.state === "failed" ? Math.max(1, task.faults) : task.faults + 1,
    max_attempts: LIMITS.maxFaults,
    next_attempt_at: task.due_at === null ? null : toRfc3339(task.due_at),
    queue_position: queuePosition,
    progress: progress_unit === null ? null : { done: progress_done, total: progress_total, unit: progress_unit },
    error: task.error_code === null ? null : { code: task.error_code, message: task.error_message ?? "" },
    created_at: toRfc3339(task.created_at),
    updated_at: toRfc3339(task.updated_at),
    finished_at: task.finished_at === null ? null : toRfc3339(task.finished_at),
  };
}

/** §5's words. Clients poll on anything but `indexed`, `failed` and `cancelled` (POL-1). */
const STATUS: Record<TaskState, WireTask["status"]> = {
  queued: "queued",
  running: "indexing",
  succeeded: "indexed",
  failed: "failed",
  cancelled: "cancelled",
};

export function stateOf(status: WireTask["status"]): TaskState {
  const state = TASK_STATES.find((each) => STATUS[each] === status);
  if (state === undefined) throw new Error(`no task is ${status}`);
  return state;
}

const TASK_STATES: readonly TaskState[] = ["queued", "running", "succeeded", "failed", "cancelled"];
