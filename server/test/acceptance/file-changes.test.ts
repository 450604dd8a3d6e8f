import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { Api, FILES, SESSIONS } from "../support/api.ts";
import type { HttpAnswer } from "../support/http.ts";
import { at, listAt, numberAt, objectAt, shown, textAt } from "../support/json.ts";
import { proves } from "../support/proves.ts";
import { openTarget } from "../support/target.ts";

const { api, server } = await openTarget();

proves(
  ["FIL-3"],
  "a changed title, tag, value or bucket is searchable from the answer on, and the old one no more",
  async () => {
    const [from, to] = [fresh("from"), fresh("to")];
    const [oldWord, newWord, body] = [word(), word(), word()];
    await api.indexed("so that there is one", { bucket: to });
    const fileId = await api.indexed(`${body} text`, {
      bucket: from,
      title: `${oldWord} title`,
      tags: ["old"],
      metadata: { year: 2024, keep: true },
    });
    const before = (await api.file(fileId)).json;
    const changed = await change(fileId, {
      title: `${newWord} title`,
      tags: ["new", " new ", ""],
      metadata: { year: 2025 },
      bucket_slugs: [to],
    });
    assert.equal(changed.status, 200, shown(changed.json));
    assert.equal(textAt(changed.json, "status"), "indexed");
    assert.equal(textAt(changed.json, "bucketSyncStatus"), "active");
    assert.equal(textAt(changed.json, "title"), `${newWord} title`);
    assert.deepEqual(listAt(changed.json, "tags"), ["new"]);
    assert.deepEqual(objectAt(changed.json, "metadata"), { year: 2025 });
    assert.equal(textAt(changed.json, "sha256"), textAt(before, "sha256"));
    const yes: readonly object[] = [
      { query: newWord },
      { query: body, bucket: to },
      { query: body, filters: { tags: ["new"] } },
      { query: newWord, bucket: to, filters: { tags: ["new"], metadata: { year: 2025 } } },
    ];
    const no: readonly object[] = [
      { query: oldWord },
      { query: body, bucket: from },
      { query: body, filters: { tags: ["old"] } },
      { query: body, filters: { metadata: { year: 2024 } } },
      { query: body, filters: { metadata: { keep: true } } },
    ];
    for (const ask of yes) assert.deepEqual(await found(ask), [fileId], shown(ask));
    for (const ask of no) assert.deepEqual(await found(ask), [], shown(ask));
    for (const [query, expected] of [
      [`bucket=${to}&tag=new`, 1],
      [`bucket=${from}`, 0],
      [`tag=old&bucket=${to}`, 0],
      [`bucket=${to}&metadata.year=2025`, 1],
    ] as const)
      assert.equal(listAt((await api.get(`${FILES}?${query}`)).json, "files").length, expected, query);
  },
);

proves(
  ["FIL-3", "POL-2"],
  "while a file moves from one bucket to another and back, each search finds it in exactly one of them",
  async () => {
    const [a, b] = [fresh("a"), fresh("b")];
    await api.indexed("something", { bucket: b });
    const text = word();
    const fileId = await api.indexed(text, { bucket: a });
    let moving = true;
    const move = async () => {
      for (let i = 0; i < 6; i++) assert.equal((await change(fileId, { bucket: i % 2 === 0 ? b : a })).status, 200);
      moving = false;
    };
    const look = async () => {
      let looks = 0;
      while (moving || looks === 0) {
        looks += 1;
        const { json } = await api.search({ query: text, bucket_slugs: [a, b] });
        assert.equal(listAt(json, "results").length, 1);
        assert.equal(listAt(json, "results", 0, "buckets").length, 1);
      }
    };
    await Promise.all([move(), look()]);
  },
);

proves(["FIL-3"], "a change while the file is being indexed counts when it is indexed", async () => {
  const [first, second] = [fresh("first"), fresh("second")];
  await api.indexed("so that there is one", { bucket: second });
  const text = word();
  const title = word();
  const fileId = await api.upload(Buffer.from(`${text} ${"filler words of a long text ".repeat(20_000)}`), {
    bucket: first,
  });
  assert.equal((await change(fileId, { title, tags: ["late"], bucket: second })).status, 200);
  assert.equal(textAt(await api.settled(fileId), "status"), "indexed");
  for (const ask of [{ query: title }, { query: text, bucket: second }, { query: text, filters: { tags: ["late"] } }])
    assert.ok((await found(ask)).includes(fileId), shown(ask));
  assert.deepEqual(await found({ query: text, bucket: first }), []);
  const again = await api.call("POST", `${FILES}/${fileId}/reindex`);
  assert.equal(again.status, 202);
  assert.equal((await change(fileId, { bucket: first })).status, 200);
  await api.settled(fileId);
  assert.ok((await found({ query: text, bucket: first })).includes(fileId));
});

proves(["FIL-3", "ALL-9"], "a wrong change is refused with its field, and changes nothing", async () => {
  const fileId = await api.indexed("unchanged", { title: "as it was", tags: ["t"], metadata: { a: 1 } });
  const before = (await api.file(fileId)).json;
  const cases: readonly (readonly [body: object, code: string, field: string])[] = [
    [{ title: "t".repeat(513) }, "invalid_request", "title"],
    [{ title: 5 }, "invalid_request", "title"],
    [{ tags: Array.from({ length: 21 }, (_, i) => `t${i}`) }, "too_many_tags", "tags"],
    [{ tags: ["x".repeat(65)] }, "invalid_request", "tags"],
    [{ metadata: { long: "x".repeat(8200) } }, "metadata_too_large", "metadata"],
    [{ bucket_ids: [] }, "bucket_required", "bucket_ids"],
    [{ title: "new", bucket: "no-such-bucket" }, "bucket_assignment_failed", ""],
    [{ tags: ["new"], bucket_ids: ["bucket_00000000000000000000000000"] }, "bucket_assignment_failed", ""],
  ];
  for (const [body, code, field] of cases) {
    const answer = await change(fileId, body);
    assert.equal(answer.status, 400, shown(answer.json));
    assert.equal(textAt(answer.json, "error", "code"), code);
    if (field !== "") assert.equal(textAt(answer.json, "error", "details", "field"), field);
    else assert.equal(listAt(answer.json, "error", "details", "unresolved").length, 1);
  }
  const { request_id: _a, ...is } = Object((await api.file(fileId)).json);
  const { request_id: _b, ...was } = Object(before);
  assert.deepEqual(is, was);
  assert.equal((await change(fileId, {})).status, 200);
});

proves(
  ["FIL-3", "ALL-10"],
  "a key without files:read learns ids and states of a file that it changes",
  async () => {
    assert.ok(server !== null);
    const writer = new Api(api.base, await server.mintKey("default", "files:write"));
    const fileId = await api.indexed("words", { title: "secret-81d2" });
    const answer = await writer.call("PATCH", `${FILES}/${fileId}`, { body: { tags: ["a"] } });
    assert.equal(answer.status, 200);
    assert.ok(!answer.text.includes("81d2"));
    assert.equal(textAt(answer.json, "status"), "indexed");
  },
  { skip: server === null ? "needs keys with other scopes" : false },
);

proves(["FIL-8"], "files:delete counts, then deletes what the filter matches, and nothing else", async () => {
  const bucket = fresh("bulk");
  const text = word();
  const a = await api.indexed(`${text} a`, { bucket, tags: ["x"], metadata: { year: 2024 } });
  const b = await api.indexed(`${text} b`, { bucket, tags: ["x", "y"] });
  const c = await api.indexed(`${text} c`, { bucket });
  const after = textAt((await api.file(c)).json, "created_at");
  const count = async (filter: object) => {
    const { status, json } = await api.call("POST", `${FILES}:delete`, { body: { filter, dry_run: true } });
    assert.equal(status, 200, shown(json));
    assert.deepEqual([at(json, "dry_run"), numberAt(json, "deleted")], [true, 0]);
    return numberAt(json, "matched");
  };
  const cases: readonly (readonly [filter: object, matched: number])[] = [
    [{ bucket }, 3],
    [{ bucket, tag: "x" }, 2],
    [{ bucket, tag: ["x", "y"] }, 1],
    [{ bucket, status: "failed" }, 0],
    [{ bucket, metadata: { year: 2024 } }, 1],
    [{ bucket, created_before: after }, 2],
    [{ bucket, created_before: "2000-01-01T00:00:00Z" }, 0],
    [{ file_ids: [a, c, "file_00000000000000000000000000", "nonsense"] }, 2],
    [{ file_ids: [a, c], tag: "x" }, 1],
    [{ file_ids: [] }, 0],
    [{ bucket: "no-such-bucket" }, 0],
  ];
  for (const [filter, matched] of cases) assert.equal(await count(filter), matched, shown(filter));
  assert.deepEqual([...(await found({ query: text }))].sort(), [a, b, c].sort());

  const { json } = await api.call("POST", `${FILES}:delete`, { body: { filter: { bucket, tag: "x" } } });
  assert.deepEqual([numberAt(json, "matched"), numberAt(json, "deleted"), at(json, "next_cursor")], [2, 2, null]);
  assert.deepEqual(await found({ query: text }), [c]);
  assert.equal(textAt((await api.file(a)).json, "status"), "deleted");
  assert.equal(await count({ bucket }), 1);
});

proves(
  ["FIL-8", "ALL-9"],
  "a filter that is empty or wrong is refused with its field, and deletes nothing",
  async () => {
    const bucket = fresh("kept");
    await api.indexed("kept", { bucket });
    const cases: readonly (readonly [body: object, field: string])[] = [
      [{}, "filter"],
      [{ filter: {} }, "filter"],
      [{ filter: { tag: [] } }, "filter"],
      [{ filter: { bucket, status: "deleted" } }, "filter.status"],
      [{ filter: { bucket, created_before: "yesterday" } }, "filter.created_before"],
      [{ filter: { bucket, metadata: { deep: {} } } }, "filter.metadata.deep"],
      [{ filter: { file_ids: Array.from({ length: 1001 }, () => "file_x") } }, "filter.file_ids"],
      [{ filter: { bucket }, cursor: "x" }, "cursor"],
      [{ filter: { bucket }, dry_run: "yes" }, "dry_run"],
    ];
    for (const [body, field] of cases) {
      const answer = await api.call("POST", `${FILES}:delete`, { body });
      assert.equal(answer.status, 400, shown(answer.json));
      assert.equal(textAt(answer.json, "error", "details", "field"), field);
    }
    // Where a create has it.
    const dry = await api.call("POST", `${FILES}:delete?dry_run=true`, { body: { filter: { bucket } } });
    assert.deepEqual([at(dry.json, "matched"), at(dry.json, "deleted"), at(dry.json, "dry_run")], [1, 0, true]);
    assert.equal(listAt((await api.get(`${FILES}?bucket=${bucket}`)).json, "files").length, 1);
  },
);

proves(["LST-1"], "tasks and upload sessions are listed newest first, by status, page by page", async () => {
  const fileId = await api.indexed("listed");
  const taskId = textAt((await api.file(fileId)).json, "task", "id");
  const bad = await api.upload(Buffer.from("no PDF"), { filename: "a.pdf", content_type: "application/pdf" });
  const badTask = textAt(await api.settled(bad), "task", "id");
  const first = await api.create(3);
  const second = await api.create(3);
  await api.call("DELETE", `${SESSIONS}/${first.id}`);

  const tasks = async (query: string) =>
    listAt((await api.get(`/v1/knowledge/tasks?${query}`)).json, "tasks").map((task) => textAt(task, "id"));
  assert.deepEqual((await tasks("limit=2")).length, 2);
  assert.deepEqual(await tasks("status=failed&limit=1"), [badTask]);
  assert.ok((await tasks("status=indexed")).includes(taskId) && !(await tasks("status=indexed")).includes(badTask));
  const alone = (await api.get(`/v1/knowledge/tasks/${badTask}`)).json;
  const listed = listAt((await api.get("/v1/knowledge/tasks?status=failed&limit=1")).json, "tasks")[0];
  assert.deepEqual({ ...Object(listed), request_id: at(alone, "request_id") }, alone);

  const sessions = async (query: string) =>
    listAt((await api.get(`${SESSIONS}s?${query}`)).json, "sessions").map((session) => textAt(session, "session_id"));
  assert.deepEqual((await sessions("limit=2")).slice(0, 2), [second.id, first.id]);
  assert.deepEqual(await sessions("status=cancelled&limit=1"), [first.id]);
  assert.ok((await sessions("status=open")).includes(second.id) && !(await sessions("status=open")).includes(first.id));
  assert.ok(!(await api.get(`${SESSIONS}s`)).text.includes("/v1/uploads/"), "a list shows an upload_url");

  for (const path of ["/v1/knowledge/tasks", `${SESSIONS}s`]) {
    const seen: string[] = [];
    for (let cursor: unknown = ""; cursor !== null; ) {
      const { json } = await api.get(`${path}?limit=2${cursor === "" ? "" : `&cursor=${String(cursor)}`}`);
      seen.push(
        ...[at(json, "tasks") ?? at(json, "sessions")]
          .flat()
          .map((one) => String(at(one, "id") ?? at(one, "session_id"))),
      );
      cursor = at(json, "next_cursor");
    }
    assert.equal(new Set(seen).size, seen.length);
    assert.deepEqual(seen, seen.toSorted().reverse(), "newest first");
    for (const query of ["limit=0", "status=nonsense", "cursor=x"]) {
      const answer = await api.get(`${path}?${query}`);
      assert.equal(answer.status, 400, query);
      assert.equal(textAt(answer.json, "error", "details", "field"), query.split("=")[0]);
    }
    const { json } = await api.get(`${path}?status=nonsense`);
    assert.match(textAt(json, "error", "message"), /^status must be one of .*\bcancelled\b/);
  }
});

function fresh(name: string): string {
  return `${name}-${randomUUID().slice(0, 8)}`;
}

function word(): string {
  return `w${randomUUID().replaceAll("-", "")}`;
}

function change(fileId: string, body: unknown): Promise<HttpAnswer> {
  return api.call("PATCH", `${FILES}/${fileId}`, { body });
}

async function found(body: object): Promise<readonly string[]> {
  const answer = await api.search({ ...body });
  assert.equal(answer.status, 200, shown(answer.json));
  return listAt(answer.json, "results").map((result) => textAt(result, "file_id"));
}
