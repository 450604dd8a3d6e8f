import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, before, test } from "node:test";
import type { LightMyRequestResponse } from "fastify";
import { DEFAULT_SCOPES, type Scope } from "../access/api-key.ts";
import { createApiKey } from "../access/keys.ts";
import type { TaskState } from "../catalogue/schema.ts";
import { readConfig } from "../config.ts";
import { testBudgets } from "../fairness/test-budgets.ts";
import { cancelTask, retryTask } from "../files/task-events.store.ts";
import { createApp } from "../http/app.ts";
import { LongPolls } from "../http/long-poll.ts";
import type { App } from "../http/route.ts";
import type { TeamId } from "../ids.ts";
import type { Log } from "../log.ts";
import { succeedTask } from "./attempt.store.ts";
import type { Claim } from "./claim.store.ts";
import { taskRoutes } from "./routes.ts";
import { TASK_STATES } from "./task.ts";
import { openTestCatalogue, type TestCatalogue, type TestFile } from "./test-catalogue.ts";

const SILENT: Log = { debug() {}, info() {}, warn() {}, error() {}, fatal() {} };

let on: TestCatalogue;
let app: App;
let polls: LongPolls;
let ours: { readonly key: string; readonly teamId: TeamId };

before(async () => {
  on = await openTestCatalogue();
  const { catalogue, ids } = on;
  polls = new LongPolls({ catalogue, places: testBudgets().polls });
  const { lists, walks } = testBudgets();
  app = await createApp({
    answers: testBudgets().answers,
    bodies: testBudgets().bodies,
    catalogue,
    config: readConfig({}, {}),
    log: SILENT,
    ids,
    routes: [(routes) => taskRoutes(routes, { catalogue, polls, lists, walks, cancelTask, retryTask })],
    readiness: async () => ({ ready: true, checks: {} }),
  });
  ours = await newKey("ours");
});
after(async () => {
  await app.close();
  await on.close();
});

function newKey(team: string, scopes: readonly Scope[] = DEFAULT_SCOPES) {
  return createApiKey({ catalogue: on.catalogue, ids: on.ids, random: randomBytes }, { team, name: "test", scopes });
}

type Method = "GET" | "POST";

function call(method: Method, path: string, key = ours.key, headers: Record<string, string> = {}) {
  return app.inject({
    method,
    url: `/v1/knowledge/tasks/${path}`,
    headers: { authorization: `Bearer ${key}`, ...headers },
  });
}

/** The body without what differs between two answers. */
function bodyOf(response: LightMyRequestResponse): Record<string, unknown> {
  const { request_id, ...body }: Record<string, unknown> = response.json();
  assert.match(String(request_id), /^req_/);
  return body;
}

function errorOf(response: LightMyRequestResponse): unknown {
  const { error }: { error: { code: string } } = response.json();
  return error.code;
}

async function newFile(): Promise<TestFile> {
  return on.newFile({ team: ours.teamId, bucket: await on.newBucket(ours.teamId) });
}

async function claim(file: TestFile): Promise<Claim> {
  const claimed = await on.queue.claim("fast");
  assert.ok(claimed !== null && claimed.taskId === file.taskId);
  return claimed;
}

async function succeed(held: Claim): Promise<void> {
  await on.inTransaction((tx) => succeedTask(tx, held));
}

/** A task that the queue's own operations brought to the state. */
async function taskIn(state: TaskState): Promise<TestFile> {
  const file = await newFile();
  if (state === "queued") return file;
  const held = await claim(file);
  if (state === "failed")
    await on.queue.fault(held, { code: "corrupt_file", message: "It is damaged.", permanent: true, death: false });
  if (state === "cancelled") await on.catalogue.run(cancelTask, { teamId: ours.teamId, taskId: file.taskId });
  if (state === "succeeded") await succeed(held);
  return file;
}

const forget = () => on.db.deleteFrom("tasks").execute();

test("a task says why it is not done, and how far it is (POL-3)", async () => {
  const file = await newFile();
  const common = {
    id: file.taskId,
    object: "knowledge_indexing_task",
    type: "index",
    file_id: file.fileId,
    max_attempts: 5,
  };
  const shown = async () => {
    const { created_at, updated_at, ...body } = bodyOf(await call("GET", file.taskId));
    assert.match(`${created_at} ${updated_at}`, /^\S+Z \S+Z$/);
    return body;
  };
  const waiting = { next_attempt_at: null, queue_position: 1, progress: null, error: null, finished_at: null };
  assert.deepEqual(await shown(), { ...common, ...waiting, status: "queued", stage: "waiting", attempt: 1 });

  const held = await claim(file);
  await on.queue.heartbeat(held, { stage: "extracting", progress: { done: 3, total: 40, unit: "pages" } }, true);
  const running = { ...common, ...waiting, queue_position: null, status: "indexing", stage: "extracting", attempt: 1 };
  assert.deepEqual(await shown(), { ...running, progress: { done: 3, total: 40, unit: "pages" } });

  await on.queue.fault(held, { code: "extraction_timeout", message: "Too long.", permanent: false, death: true });
  const { next_attempt_at, ...backedOff } = await shown();
  assert.ok(Date.parse(String(next_attempt_at)) > on.now());
  assert.deepEqual(backedOff, {
    ...common,
    status: "queued",
    stage: "waiting",
    attempt: 2,
    queue_position: null,
    progress: null,
    error: { code: "extraction_timeout", message: "Too long." },
    finished_at: null,
  });

  on.passMs(1001);
  const again = await on.queue.claim("slow");
  assert.ok(again !== null);
  await succeed(again);
  const { finished_at, ...done } = await shown();
  assert.match(String(finished_at), /Z$/);
  assert.deepEqual(
    [done["status"], done["stage"], done["error"], done["queue_position"]],
    ["indexed", "activating", null, null],
  );
  await forget();
});

test("an unknown, a malformed, a foreign and a removal task are the same 404", async () => {
  const file = await newFile();
  const theirs = await newKey("theirs");
  await on.db
    .updateTable("tasks")
    .set({ type: "remove" })
    .where("id", "=", (await newFile()).taskId)
    .execute();
  const removal = await on.db.selectFrom("tasks").select("id").where("type", "=", "remove").executeTakeFirstOrThrow();
  const cases: readonly (readonly [string, string])[] = [
    [on.ids.next("task"), ours.key],
    ["task_", ours.key],
    ["file_1", ours.key],
    [`${"x".repeat(500)}`, ours.key],
    [file.taskId, theirs.key],
    [removal.id, ours.key],
  ];
  for (const [id, key] of cases) {
    for (const [method, suffix] of [
      ["GET", ""],
      ["POST", "/cancel"],
      ["POST", "/retry"],
    ] as const) {
      const response = await call(method, `${id}${suffix}`, key);
      assert.deepEqual([response.statusCode, errorOf(response)], [404, "task_not_found"], `${method} ${id}${suffix}`);
    }
  }
  assert.equal((await on.task(file.taskId)).state, "queued");
  await forget();
});

test("cancel and retry answer 200 with the task, or 409 where the state does not allow it", async () => {
  const answers: Record<TaskState, { readonly cancel: string; readonly retry: string }> = {
    queued: { cancel: "200 cancelled", retry: "409 conflict" },
    running: { cancel: "200 cancelled", retry: "409 conflict" },
    succeeded: { cancel: "409 conflict", retry: "409 conflict" },
    failed: { cancel: "409 conflict", retry: "200 queued" },
    cancelled: { cancel: "200 cancelled", retry: "200 queued" },
  };
  for (const state of TASK_STATES) {
    for (const verb of ["cancel", "retry"] as const) {
      const file = await taskIn(state);
      const response = await call("POST", `${file.taskId}/${verb}`);
      const got = response.statusCode === 200 ? bodyOf(response)["status"] : errorOf(response);
      assert.equal(`${response.statusCode} ${got}`, answers[state][verb], `${verb} of a ${state} task`);
      if (response.statusCode === 200) assert.deepEqual(bodyOf(await call("GET", file.taskId)), bodyOf(response));
      await forget();
    }
  }
});

test("a key reads tasks with files:read, and changes them with files:write alone (ALL-10)", async () => {
  const file = await newFile();
  const reader = await newKey("ours", ["files:read"]);
  const writer = await newKey("ours", ["files:write"]);
  assert.equal((await call("GET", file.taskId, reader.key)).statusCode, 200);
  assert.equal((await call("GET", file.taskId, writer.key)).statusCode, 403);
  assert.equal((await call("POST", `${file.taskId}/cancel`, reader.key)).statusCode, 403);
  assert.equal((await call("POST", `${file.taskId}/cancel`, writer.key)).statusCode, 200);
  await forget();
});

test("?wait holds the answer until the status changes, and a finished task answers at once (POL-5)", async () => {
  const file = await newFile();
  const held = await claim(file);
  const listening = Promise.withResolvers<void>();
  const reads = countReads(listening.resolve);
  let answered = false;
  const answer = call("GET", `${file.taskId}?wait=60`).then((response) => {
    answered = true;
    return response;
  });
  await listening.promise;
  // Progress is news, but not the news that is waited for.
  await on.queue.heartbeat(held, { stage: "indexing", progress: { done: 1, total: 2, unit: "chunks" } }, true);
  await reads.next();
  assert.equal(answered, false);
  await on.catalogue.run(cancelTask, { teamId: ours.teamId, taskId: file.taskId });
  assert.equal(bodyOf(await answer)["status"], "cancelled");
  assert.equal(bodyOf(await call("GET", `${file.taskId}?wait=60`))["status"], "cancelled");
  assert.equal((await call("GET", `${file.taskId}?wait=soon`)).statusCode, 400);
  reads.stop();
  await forget();
});

test("an unchanged task is 304, and a heartbeat without news leaves it unchanged (POL-6)", async () => {
  const file = await newFile();
  const held = await claim(file);
  const first = await call("GET", file.taskId);
  const etag = String(first.headers["etag"]);
  assert.match(etag, /^W\//);
  on.passMs(3000);
  await on.queue.heartbeat(held, { stage: "extracting", progress: null }, false);
  const again = await call("GET", file.taskId, ours.key, { "if-none-match": etag });
  assert.deepEqual([again.statusCode, again.body], [304, ""]);
  await on.queue.heartbeat(held, { stage: "indexing", progress: null }, true);
  assert.equal((await call("GET", file.taskId, ours.key, { "if-none-match": etag })).statusCode, 200);
  await forget();
});

/** Sees each time that a poll reads its task again. */
function countReads(first: () => void) {
  const run = on.catalogue.run.bind(on.catalogue);
  let seen = Promise.withResolvers<void>();
  let begun = false;
  on.catalogue.run = async (operation, input) => {
    const output = await run(operation, input);
    if (operation.name === "tasks.find") {
      if (!begun) first();
      else seen.resolve();
      begun = true;
    }
    return output;
  };
  return {
    async next() {
      await seen.promise;
      seen = Promise.withResolvers<void>();
    },
    stop() {
      on.catalogue.run = run;
    },
  };
}
