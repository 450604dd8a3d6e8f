import { Type } from "typebox";
import { mayReadFiles, type Scope } from "../access/api-key.ts";
import { type Catalogue, type Operation, TOPICS } from "../catalogue/catalogue.ts";
import { accepted, type Refusal, WharfError } from "../errors.ts";
import { type LongPolls, Wait } from "../http/long-poll.ts";
import type { App } from "../http/route.ts";
import { parseId, type TaskId, type TeamId } from "../ids.ts";
import { findTask, type TaskRef, type VisibleTask } from "./store.ts";
import { ChangedTask, TaskObject, taskStatesToWire, taskToWire } from "./wire.ts";

export interface TaskRoutesDeps {
  readonly catalogue: Catalogue;
  readonly polls: LongPolls;
  /** Both move the task's file too (files/task-events.store.ts). */
  readonly cancelTask: ChangeTask;
  readonly retryTask: ChangeTask;
}

type ChangeTask = Operation<TaskRef, VisibleTask | Refusal>;

const TASK = "/v1/knowledge/tasks/:task_id";
const PARAMS = Type.Object({ task_id: Type.String() });
const ANSWER = Type.Interface([TaskObject], { file_id: Type.String() });
const CHANGED = Type.Interface([ChangedTask], { file_id: Type.String() });

export function taskRoutes(app: App, deps: TaskRoutesDeps): void {
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
