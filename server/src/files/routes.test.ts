import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { LightMyRequestResponse } from "fastify";
import { LIMITS } from "../limits.ts";
import { fileAnswer } from "./routes.ts";
import { openTestFiles, type TestFile, type TestFiles, type TestTeam } from "./test-files.ts";

const FILES = "/v1/knowledge/files";

let f: TestFiles;
let team: TestTeam;
let other: TestTeam;
before(async () => {
  f = await openTestFiles();
  [team, other] = [await f.newTeam(), await f.newTeam()];
});
after(() => f.close());

const urlOf = (file: TestFile, rest = "") => `${FILES}/${file.fileId}${rest}`;

function errorCode(answer: LightMyRequestResponse): string {
  return answer.json().error.code;
}

/** The answer without what is the request's own. */
function bytesOf(answer: LightMyRequestResponse): string {
  const { "x-request-id": requestId, date, ...headers } = answer.headers;
  return `${answer.statusCode} ${JSON.stringify(headers)} ${answer.body.replaceAll(String(requestId), "req")}`;
}

describe("teams", () => {
  test("a foreign, an absent and a malformed id get byte for byte the same 404, on every route (ALL-6)", async () => {
    const foreign = await f.newFile(other, { state: "indexed" });
    const ids = [
      f.t.ids.next("file"),
      foreign.fileId,
      "file_",
      "file_x-y",
      "task_1",
      "%20",
      "file_é",
      `file_${"a".repeat(500)}`,
    ];
    const calls = [
      ["GET", ""],
      ["HEAD", ""],
      ["DELETE", ""],
      ["GET", "/content"],
      ["HEAD", "/content"],
      ["GET", "/text"],
      ["GET", "/text?page=1"],
      ["GET", "?wait=30"],
      ["POST", "/reindex"],
    ] as const;
    for (const [method, rest] of calls) {
      const answers = new Set<string>();
      for (const id of ids) {
        const url = `${FILES}/${encodeURI(id).replace("%2520", "%20")}${rest}`;
        const answer = await f.app.inject({ method, url, headers: { authorization: `Bearer ${team.key}` } });
        assert.equal(answer.statusCode, 404, `${method} ${url}`);
        if (method !== "HEAD") assert.equal(errorCode(answer), "file_not_found");
        answers.add(bytesOf(answer));
      }
      assert.equal(answers.size, 1, `${method} ${rest}: ${[...answers].join("\n")}`);
    }
    assert.equal((await f.get(other, urlOf(foreign))).json().status, "indexed");
  });

  test("a list shows the caller's files alone, and takes no other team's cursor", async () => {
    const [a, b] = [await f.newTeam(), await f.newTeam()];
    for (let i = 0; i < 3; i++) await f.newFile(a, { tags: ["shared"] });
    const mine = await f.newFile(b, { tags: ["shared"] });
    const list = (await f.get(b, `${FILES}?tag=shared`)).json();
    assert.deepEqual(
      list.files.map((file: { id: string }) => file.id),
      [mine.fileId],
    );
    const { next_cursor } = (await f.get(a, `${FILES}?limit=1`)).json();
    const answer = await f.get(b, `${FILES}?limit=1&cursor=${next_cursor}`);
    assert.equal(answer.statusCode, 400);
    assert.equal(answer.json().error.details.field, "cursor");
  });
});

describe("GET /files", () => {
  let lister: TestTeam;
  const made: Record<string, TestFile> = {};
  before(async () => {
    lister = await f.newTeam();
    const hr = await f.newBucket(lister, "hr");
    const both = [hr, await f.newBucket(lister, "legal")];
    const files = {
      first: { buckets: [hr], tags: ["a", "b"], metadata: { year: 2024, dept: "hr", done: false, note: null } },
      second: { buckets: both, tags: ["a"], metadata: { year: "2024", dept: "hr" }, state: "indexed" },
      third: { buckets: both, tags: ["b", "c d"], metadata: { "x.y": 1.5 }, state: "failed" },
      fourth: { buckets: [hr] },
    } as const;
    for (const [name, file] of Object.entries(files)) {
      made[name] = await f.newFile(lister, file);
      f.t.passMs(1000);
    }
    const { fourth } = made;
    assert.ok(fourth !== undefined);
    await f.call(lister, "DELETE", urlOf(fourth));
  });

  const cases: readonly (readonly [string, readonly string[]])[] = [
    ["", ["third", "second", "first"]],
    ["?bucket=hr", ["third", "second", "first"]],
    ["?bucket=legal", ["third", "second"]],
    ["?bucket=LEGAL", ["third", "second"]],
    ["?bucket=nothing", []],
    ["?bucket=", []],
    ["?bucket=bucket_nothing", []],
    ["?tag=a", ["second", "first"]],
    ["?tag=a&tag=b", ["first"]],
    ["?tag=%20a%20", ["second", "first"]],
    ["?tag=c%20d", ["third"]],
    ["?tag=A", []],
    ["?status=indexed", ["second"]],
    ["?status=failed", ["third"]],
    ["?status=queued", ["first"]],
    ["?status=indexing", []],
    ["?status=deleted", ["fourth"]],
    ["?metadata.year=2024", ["first"]],
    ["?metadata.year=%222024%22", ["second"]],
    ["?metadata.dept=%22hr%22", ["second", "first"]],
    ["?metadata.dept=hr&metadata.year=2024", ["first"]],
    ["?metadata.done=false", ["first"]],
    ["?metadata.note=null", ["first"]],
    ["?metadata.x.y=1.5", ["third"]],
    ["?metadata.dept=hr&metadata.dept=it", []],
    ["?bucket=legal&tag=a&status=indexed&metadata.dept=hr", ["second"]],
    ["?unknown=1", ["third", "second", "first"]],
    ["?limit=2", ["third", "second"]],
  ];
  for (const [query, names] of cases)
    test(`${query || "without filters"} gives ${names.join(", ") || "an empty list"}`, async () => {
      const answer = await f.get(lister, `${FILES}${query}`);
      assert.equal(answer.statusCode, 200, answer.body);
      const found = answer.json().files.map((file: { id: string }) => file.id);
      assert.deepEqual(
        found,
        names.map((name) => made[name]?.fileId),
      );
    });

  test("created_after is exclusive", async () => {
    const { second } = made;
    assert.ok(second !== undefined);
    const time = (await f.get(lister, urlOf(second))).json().created_at;
    const newer = async (text: string) =>
      (await f.get(lister, `${FILES}?created_after=${encodeURIComponent(text)}`)).json().files.length;
    assert.equal(await newer(time), 1);
    assert.equal(await newer(new Date(Date.parse(time) - 1).toISOString()), 2);
  });

  test("pages lead to every file once, and the last one's next_cursor is null", async () => {
    const seen: string[] = [];
    let cursor: string | null = null;
    do {
      const from: string = cursor === null ? "" : `&cursor=${cursor}`;
      const page = (await f.get(lister, `${FILES}?limit=1${from}`)).json();
      seen.push(...page.files.map((file: { id: string }) => file.id));
      cursor = page.next_cursor;
    } while (cursor !== null);
    assert.deepEqual(
      seen,
      ["third", "second", "first"].map((name) => made[name]?.fileId),
    );
  });

  test("bad parameters are 400, naming the field", async () => {
    const bad = [
      ["limit=0", "limit"],
      ["limit=201", "limit"],
      ["limit=ten", "limit"],
      ["limit=1&limit=2", "limit"],
      ["status=done", "status"],
      ["status=", "status"],
      ["created_after=yesterday", "created_after"],
      ["created_after=2026-01-31T12:00:00+02:00", "created_after"],
      ["cursor=abc", "cursor"],
      ["cursor=", "cursor"],
      ["bucket=a&bucket=b", "bucket"],
      [Array.from({ length: 21 }, (_, i) => `tag=${i}`).join("&"), "tag"],
      [Array.from({ length: 21 }, (_, i) => `metadata.k${i}=1`).join("&"), "metadata"],
    ] as const;
    for (const [query, field] of bad) {
      const answer = await f.get(lister, `${FILES}?${query}`);
      assert.equal(answer.statusCode, 400, query);
      assert.equal(errorCode(answer), "invalid_request");
      assert.equal(answer.json().error.details.field, field, answer.body);
    }
  });

  test("a file in a list is the file object of GET", async () => {
    const { second } = made;
    assert.ok(second !== undefined);
    const [listed] = (await f.get(lister, `${FILES}?status=indexed`)).json().files;
    const { request_id, ...alone } = (await f.get(lister, urlOf(second))).json();
    assert.match(request_id, /^req_/);
    assert.deepEqual(listed, alone);
  });
});

describe("GET /files/{id}", () => {
  test("shows the object, and why it is not done, in every state (POL-1, POL-2, POL-3)", async () => {
    for (const state of ["queued", "indexing", "indexed", "failed"] as const) {
      const file = await f.newFile(team, { state, metadata: { deep: { list: [1, "x", null] } } });
      const body = (await f.get(team, urlOf(file))).json();
      assert.equal(body.status, state);
      assert.equal(body.bucketSyncStatus, state === "indexed" ? "active" : state === "failed" ? "failed" : "pending");
      assert.deepEqual(body.metadata, { deep: { list: [1, "x", null] } });
      assert.equal(body.task.id, file.taskId);
      assert.equal(typeof body.task.stage, "string");
      assert.equal(body.task.max_attempts, LIMITS.maxFaults);
      assert.equal(body.error?.code ?? null, state === "failed" ? "empty_text" : null);
      assert.equal(body.status_detail === null, state === "indexed");
    }
  });

  test("If-None-Match with its weak ETag is 304, until the file changes (POL-6)", async () => {
    const file = await f.newFile(team);
    const first = await f.get(team, urlOf(file));
    const etag = String(first.headers["etag"]);
    assert.match(etag, /^W\/"/);
    assert.equal((await f.get(team, urlOf(file), { "if-none-match": etag })).statusCode, 304);
    await f.claim(file.taskId);
    assert.equal((await f.get(team, urlOf(file), { "if-none-match": etag })).statusCode, 200);
  });

  test("with wait it is held until the status changes, and answered at once when there is nothing to wait for (POL-5)", async () => {
    const file = await f.newFile(team);
    const arrived = f.nextRead();
    const held = f.get(team, urlOf(file, "?wait=30"));
    await arrived;
    await f.claim(file.taskId);
    assert.equal((await held).json().status, "indexing");
    await f.call(team, "DELETE", urlOf(file));
    assert.equal((await f.get(team, urlOf(file, "?wait=60"))).json().status, "deleted");
    assert.equal((await f.get(team, urlOf(file, "?wait=soon"))).statusCode, 400);
  });

  test("while a reindex is under way, wait waits for that task's status (POL-5)", async () => {
    const file = await f.newFile(team, { state: "indexed" });
    const { task } = (await f.call(team, "POST", urlOf(file, "/reindex"))).json();
    const arrived = f.nextRead();
    const held = f.get(team, urlOf(file, "?wait=30"));
    await arrived;
    await f.claim(task.id);
    const body = (await held).json();
    assert.equal(body.status, "indexed");
    assert.equal(body.task.status, "indexing");
  });
});

describe("DELETE /files/{id}", () => {
  test("answers the tombstone, again and again, and everything else of the file is 404", async () => {
    const file = await f.newFile(team, { state: "indexed", filename: "secret.txt" });
    const first = await f.call(team, "DELETE", urlOf(file));
    assert.equal(first.statusCode, 200);
    const { request_id: _first, ...tombstone } = first.json();
    assert.deepEqual(Object.keys(tombstone).sort(), [
      ...["bucket_ids", "created_at", "deleted_at", "id", "metadata", "object", "size_bytes", "status", "tags", "task"],
      "updated_at",
    ]);
    for (const answer of [await f.call(team, "DELETE", urlOf(file)), await f.get(team, urlOf(file))]) {
      const { request_id: _again, ...body } = answer.json();
      assert.deepEqual(body, tombstone);
    }
    for (const rest of ["/content", "/text"])
      assert.equal(errorCode(await f.get(team, urlOf(file, rest))), "file_not_found");
    assert.equal(errorCode(await f.call(team, "POST", urlOf(file, "/reindex"))), "file_not_found");
    assert.deepEqual(
      await fileAnswer(f.t.catalogue, team.teamId, file.fileId),
      tombstone,
      "a repeated finalize shows it (FIN-2)",
    );
  });
});

describe("POST /files/{id}/reindex", () => {
  test("is 202 with the file and its new task; the file stays indexed (POL-2)", async () => {
    const file = await f.newFile(team, { state: "indexed" });
    const answer = await f.call(team, "POST", urlOf(file, "/reindex"));
    assert.equal(answer.statusCode, 202);
    const body = answer.json();
    assert.equal(body.status, "indexed");
    assert.equal(body.bucketSyncStatus, "active");
    assert.notEqual(body.task.id, file.taskId);
    assert.equal(body.task.status, "queued");
    assert.equal(
      (await f.get(team, urlOf(file, "/text"))).statusCode,
      200,
      "search and text show the old build meanwhile",
    );
  });
});

describe("scopes (ALL-10)", () => {
  test("reading needs files:read, changing needs files:write", async () => {
    const file = await f.newFile(team, { state: "indexed" });
    const [reader, writer] = [await f.newKey(team, ["files:read"]), await f.newKey(team, ["files:write"])];
    for (const [method, url, scope] of [
      ["GET", FILES, "files:read"],
      ["GET", urlOf(file), "files:read"],
      ["GET", urlOf(file, "/content"), "files:read"],
      ["GET", urlOf(file, "/text"), "files:read"],
      ["POST", urlOf(file, "/reindex"), "files:write"],
      ["DELETE", urlOf(file), "files:write"],
    ] as const) {
      const [allowed, refused] = scope === "files:read" ? [reader, writer] : [writer, reader];
      const answer = await f.app.inject({ method, url, headers: { authorization: `Bearer ${refused}` } });
      assert.equal(answer.statusCode, 403);
      assert.equal(answer.json().error.details.required, scope);
      const ok = await f.app.inject({ method, url, headers: { authorization: `Bearer ${allowed}` } });
      assert.ok(ok.statusCode < 300, `${method} ${url}`);
    }
  });
});
