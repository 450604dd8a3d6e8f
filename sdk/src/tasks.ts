import type { CallOptions, Calls, Input, Result } from "./core/calls.ts";
import { Pages } from "./core/pages.ts";
import { at } from "./files/files.ts";
import type { Task } from "./generated/types.ts";

/** `wharf.tasks` */
export class Tasks {
  readonly #calls: Calls;

  constructor(calls: Calls) {
    this.#calls = calls;
  }

  /** Newest first. `limit` is of a page. */
  list(
    query: Omit<NonNullable<Input<"listTasks">["query"]>, "cursor"> = {},
    options: CallOptions = {},
  ): Pages<Task, Result<"listTasks">> {
    return new Pages(
      (cursor) => this.#calls.json("listTasks", { query: { ...query, ...at(cursor) } }, options),
      ({ tasks }) => tasks,
    );
  }

  get(id: string, options: CallOptions = {}): Promise<Result<"getTask">> {
    return this.#calls.json("getTask", { path: { task_id: id } }, options);
  }

  cancel(id: string, options: CallOptions = {}): Promise<Result<"cancelTask">> {
    return this.#calls.json("cancelTask", { path: { task_id: id } }, options);
  }

  /** Begins a failed or cancelled one again; ApiError `conflict` when it is neither. */
  retry(id: string, options: CallOptions = {}): Promise<Result<"retryTask">> {
    return this.#calls.json("retryTask", { path: { task_id: id } }, options);
  }
}
