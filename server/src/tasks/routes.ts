import { Type } from "typebox";
import { mayReadFiles, type Scope } from "../access/api-key.ts";
import { type Catalogue, type Operation, TOPICS } from "../catalogue/catalogue.ts";
import { cursorAt, readCursor } from "../cursor.ts";
import { accepted, type Refusal, WharfError } from "../errors.ts";
import type { Holder, Places } from "../fairness/places.ts";
import type { Turns } from "../fairness/turns.ts";
import { clientGone } from "../http/client-gone.ts";
import { type LongPolls, Wait } from "../http/long-poll.ts";
import type { App } from "../http/route.ts";
import { parseId, type TaskId, type TeamId } from "../ids.ts";
import { LIMITS } from "../limits.ts";
import { listTasks } from "./list.store.ts";
import { findTask, type TaskRef, type VisibleTask } from "./store.ts";
import { ChangedTask, stateOf, TaskObject, taskStatesToWire, taskToWire, type WireTask } from "./wire.ts";

export interface TaskRoutesDeps {
  readonly catalogue: Catalogue;
  readonly polls: LongPolls;
  readonly lists: Places;
  readonly walks: Turns;
  /** Both move the task's file too (files/task-events.store.ts). */
  readonly cancelTask: ChangeTask;
  readonly retryTask: ChangeTask;
}

type ChangeTask = Operation<TaskRef, VisibleTask | Refusal>;

const TASKS = "/v1/knowledge/tasks";
const TASK = `${TASKS}/:task_id`;
const PARAMS = Type.Object({ task_id: Type.String() });
const ANSWER = Type.Interface([TaskObject], { file_id: Type.String() });
const TASK_LIST = Type.Object({
  tasks: Type.Array(ANSWER),
  next_cursor: Type.Union([Type.String(), Type.Null()], {
    description: "null at the end, and only there: a page before it may be short, or empty.",
  }),
});
const CHANGED = Type.Interface([ChangedTask], { file_id: Type.String() });

export function taskRoutes(app: App, deps: TaskRoutesDeps): void {
  app.get(TASKS, {
    config: { scope: "files:read", errors: ["overloaded"] },
    schema: {
      operationId: "listTasks",
      summary: "Your team's indexing tasks, newest first",
      tags: ["tasks"],
      querystring: Type.Object({
        status: Type.Optional(TaskObject.properties.status),
        limit: Type.Optional(
          Type.Integer({ minimum: 1, maximum: LIMITS.listMax, description: `Default ${LIMITS.listDefault}.` }),
        ),
        cursor: Type.Optional(Type.String({ description: "next_cursor of the page before, with the same status." })),
      }),
      response: { 200: TASK_LIST },
    },
    handler: ({ caller, query }, reply) => taskList(deps, caller, clientGone(reply), query),
  });

  app.get(TASK, {
    config: { scope: "files:read", errors: ["task_not_found"] },
    schema: {
      operationId: "getTask",
      summary: "One indexing task",
      description: "With ?wait=30 the answer is held until the status changes.",
      tags: ["tasks"],
      params: PARAMS,
      querystring: Type.Object({ wait: Wait }),
      response: { 200: ANSWER },
    },
    handler: (request, reply) => {
      const taskId = taskIdOf(request.params.task_id);
      return deps.polls.answer(request, reply, {
        topics: [TOPICS.task(taskId)],
        read: () => readTask(deps, { teamId: request.caller.teamId, taskId }),
        state: (task) => task.status,
        ended: (task) => task.finished_at !== null,
      });
    },
  });

  app.post(`${TASK}/cancel`, {
    config: { scope: "files:write", errors: ["task_not_found", "conflict"], emptyBody: true },
    schema: {
      operationId: "cancelTask",
      summary: "Stop an indexing task",
      description:
        "The file becomes failed with error.code cancelled, unless it is indexed already: then it stays as it is. Again: the same answer.",
      tags: ["tasks"],
      params: PARAMS,
      response: { 200: CHANGED },
    },
    handler: ({ caller, params }) => change(deps, deps.cancelTask, caller, params.task_id),
  });

  app.post(`${TASK}/retry`, {
    config: { scope: "files:write", errors: ["task_not_found", "conflict"], emptyBody: true },
    schema: {
      operationId: "retryTask",
      summary: "Start a failed or cancelled task again",
      description: "The same task goes back to the queue with all its attempts.",
      tags: ["tasks"],
      params: PARAMS,
      response: { 200: CHANGED },
    },
    handler: ({ caller, params }) => change(deps, deps.retryTask, caller, params.task_id),
  });
}

interface ListQuery {
  readonly status?: WireTask["status"] | undefined;
  readonly limit?: number | undefined;
  readonly cursor?: string | undefined;
}

/** What matches rarely is looked for in several reads, each in its turn; then the page stays short. */
async function taskList(deps: TaskRoutesDeps, by: Holder, gone: AbortSignal, query: ListQuery) {
  const { teamId } = by;
  const { status, limit = LIMITS.listDefault, cursor } = query;
  const list = { list: `tasks ${status ?? ""}`, teamId };
  const place = deps.lists.take(by);
  try {
    const tasks: VisibleTask[] = [];
    let after = cursor === undefined ? null : readCursor(list, "task", cursor);
    for (let reads = 0; reads < LIMITS.listReads; reads++) {
      const state = status === undefined ? null : stateOf(status);
      const wanted = { teamId, state, after, limit: limit - tasks.length };
      const page = await deps.walks.run(by, gone, () => deps.catalogue.run(listTasks, wanted));
      tasks.push(...page.tasks);
      after = page.next;
      if (after === null || tasks.length === limit) break;
    }
    return { tasks: tasks.map(toAnswer), next_cursor: after === null ? null : cursorAt(list, after) };
  } finally {
    place.free();
  }
}

async function readTask({ catalogue }: TaskRoutesDeps, ref: TaskRef) {
  const found = await catalogue.run(findTask, ref);
  if (found === null) throw new WharfError("task_not_found");
  return toAnswer(found);
}

async function change(
  { catalogue }: TaskRoutesDeps,
  operation: ChangeTask,
  caller: { readonly teamId: TeamId; readonly scopes: readonly Scope[] },
  id: string,
) {
  const ref = { teamId: caller.teamId, taskId: taskIdOf(id) };
  const changed = accepted(await catalogue.run(operation, ref));
  return mayReadFiles(caller) ? toAnswer(changed) : { ...taskStatesToWire(changed), file_id: changed.task.file_id };
}

function toAnswer(found: VisibleTask) {
  return { ...taskToWire(found), file_id: found.task.file_id };
}

function taskIdOf(text: string): TaskId {
  const id = parseId("task", text);
  if (id === null) throw new WharfError("task_not_found");
  return id;
}
