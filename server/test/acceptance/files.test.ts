import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { FILES, SESSIONS } from "../support/api.ts";
import { sampleDocuments } from "../support/documents.ts";
import { at, listAt, numberAt, objectAt, shown, textAt, without } from "../support/json.ts";
import { proves } from "../support/proves.ts";
import { seededRandom } from "../support/random.ts";
import { CONFIG, openTarget } from "../support/target.ts";

const { api } = await openTarget();

proves(["ALL-4", "ALL-7", "FIL-1"], "files are listed newest first, page by page, each once", async () => {
  const bucket = fresh("pages");
  const ids: string[] = [];
  for (let index = 0; index < 7; index++) ids.push(await api.upload(Buffer.from(`file ${index}`), { bucket }));
  const seen: string[] = [];
  for (let cursor: unknown = ""; cursor !== null; ) {
    const more = cursor === "" ? "" : `&cursor=${encodeURIComponent(String(cursor))}`;
    const { json } = await api.get(`${FILES}?bucket=${bucket}&limit=3${more}`);
    seen.push(...listAt(json, "files").map((file) => textAt(file, "id")));
    cursor = at(json, "next_cursor");
    assert.ok(seen.length <= 7);
  }
  assert.deepEqual(seen, ids.reverse());
});

proves(["ALL-9", "FIL-1"], "filters narrow a list: bucket, tags, status, metadata, time", async () => {
  const bucket = fresh("filters");
  const a = await api.indexed("one", {
    bucket,
    tags: ["x", "y"],
    metadata: { year: 2024, name: "2024", ok: true, none: null },
  });
  const b = await api.indexed("two", { bucket, tags: ["x"], metadata: { year: "2024" } });
  const gone = await api.indexed("three", { bucket });
  await api.deleteFile(gone);
  const middle = encodeURIComponent(textAt((await api.file(a)).json, "created_at"));
  const bucketId = String(listAt((await api.file(a)).json, "bucket_ids")[0]);
  const cases: readonly (readonly [query: string, expected: readonly string[]])[] = [
    ["", [b, a]],
    ["&tag=x", [b, a]],
    ["&tag=x&tag=y", [a]],
    ["&tag=z", []],
    ["&status=indexed", [b, a]],
    ["&status=queued", []],
    ["&metadata.year=2024", [a]],
    ["&metadata.year=%222024%22", [b]],
    ["&metadata.ok=true", [a]],
    ["&metadata.none=null", [a]],
    [`&created_after=${middle}`, [b]],
  ];
  for (const [query, expected] of cases) {
    const { json } = await api.get(`${FILES}?bucket=${bucket}${query}`);
    assert.deepEqual(
      listAt(json, "files").map((file) => textAt(file, "id")),
      expected,
      query,
    );
  }
  assert.equal(listAt((await api.get(`${FILES}?bucket=${bucketId}`)).json, "files").length, 2);
  assert.deepEqual(listAt((await api.get(`${FILES}?bucket=no-such`)).json, "files"), []);
  const deleted = (await api.get(`${FILES}?status=deleted&limit=200`)).json;
  assert.ok(listAt(deleted, "files").some((file) => at(file, "id") === gone));
});

proves(["ALL-9"], "a list parameter that cannot be is 400 and names the field", async () => {
  for (const [query, field] of [
    ["limit=0", "limit"],
    ["limit=201", "limit"],
    ["limit=x", "limit"],
    ["status=done", "status"],
    ["created_after=yesterday", "created_after"],
    ["cursor=nonsense", "cursor"],
  ] as const) {
    const answer = await api.get(`${FILES}?${query}`);
    assert.equal(answer.status, 400, query);
    assert.equal(textAt(answer.json, "error", "code"), "invalid_request");
    assert.equal(textAt(answer.json, "error", "details", "field"), field);
  }
});

proves(
  ["FIN-1", "FIL-5"],
  "the content is the original, as an attachment, by ranges, with the sha256 as ETag",
  async () => {
    const bytes = seededRandom(CONFIG.seed).bytes(700_000);
    const fileId = await api.upload(bytes, {
      filename: 'Ünï "quoted"\\ 日本.txt',
      content_type: "application/octet-stream",
    });
    const whole = await api.content(fileId);
    assert.equal(whole.status, 200);
    assert.ok(whole.body.equals(bytes));
    assert.equal(whole.headers["content-type"], "application/octet-stream");
    assert.equal(whole.headers["x-content-type-options"], "nosniff");
    assert.match(whole.headers["content-disposition"] ?? "", /^attachment; filename=".*"; filename\*=UTF-8''/);
    assert.ok((whole.headers["content-disposition"] ?? "").includes(encodeURIComponent("日本")));
    const etag = whole.headers["etag"] ?? "";
    assert.ok(etag.includes(textAt((await api.file(fileId)).json, "sha256")), etag);
    const ranges: readonly (readonly [range: string, status: number, from: number, to: number])[] = [
      ["bytes=0-0", 206, 0, 1],
      ["bytes=5-14", 206, 5, 15],
      ["bytes=699999-", 206, 699_999, 700_000],
      ["bytes=-10", 206, 699_990, 700_000],
      ["bytes=0-9999999", 206, 0, 700_000],
      ["bytes=0-1,5-6", 200, 0, 700_000],
      ["items=0-1", 200, 0, 700_000],
      ["bytes=x", 200, 0, 700_000],
    ];
    for (const [range, status, from, to] of ranges) {
      const part = await api.content(fileId, { Range: range });
      assert.equal(part.status, status, range);
      assert.ok(part.body.equals(bytes.subarray(from, to)), range);
      if (status === 206) assert.equal(part.headers["content-range"], `bytes ${from}-${to - 1}/700000`);
    }
    const beyond = await api.content(fileId, { Range: "bytes=700000-" });
    assert.equal(beyond.status, 416);
    assert.equal(beyond.headers["content-range"], "bytes */700000");
    assert.equal(textAt(beyond.json, "error", "code"), "range_not_satisfiable");
    assert.equal((await api.content(fileId, { "If-None-Match": etag })).status, 304);
  },
);

proves(["POL-2", "FIL-6"], "the text is given by page, and one page alone", async () => {
  const [pdf] = sampleDocuments(`text${randomUUID().slice(0, 6)}`);
  assert.ok(pdf !== undefined);
  const fileId = await api.indexed(pdf.bytes, { filename: pdf.filename, content_type: pdf.contentType });
  const { json } = await api.get(`${FILES}/${fileId}/text`);
  assert.equal(textAt(json, "file_id"), fileId);
  assert.ok(at(json, "file_version") !== undefined);
  const pages = listAt(json, "pages");
  assert.deepEqual(
    pages.map((page) => numberAt(page, "page")),
    [1, 2, 3],
  );
  for (const { page, text } of pdf.phrases) assert.ok(textAt(pages[page - 1], "text").includes(text));
  const second = (await api.get(`${FILES}/${fileId}/text?page=2`)).json;
  assert.deepEqual(listAt(second, "pages"), [pages[1]]);
  assert.equal((await api.get(`${FILES}/${fileId}/text?page=4`)).status, 404);
  for (const page of ["0", "-1", "x", "1.5"])
    assert.equal((await api.get(`${FILES}/${fileId}/text?page=${page}`)).status, 400, page);
});

proves(
  ["ALL-6", "FIL-4"],
  "DELETE takes a file out of search at once, leaves a tombstone, and is repeatable",
  async () => {
    const word = `gone${randomUUID().replaceAll("-", "")}`;
    const bucket = fresh("tomb");
    const fileId = await api.indexed(`${word} is in it`, {
      bucket,
      title: "Secret title",
      tags: ["t"],
      metadata: { a: 1 },
    });
    const before = (await api.file(fileId)).json;
    const deleted = await api.deleteFile(fileId);
    assert.equal(deleted.status, 200);
    assert.deepEqual(listAt((await api.search({ query: word })).json, "results"), []);
    const tomb = {
      id: fileId,
      object: "knowledge_file",
      status: "deleted",
      size_bytes: numberAt(before, "size_bytes"),
      created_at: textAt(before, "created_at"),
      updated_at: textAt(deleted.json, "updated_at"),
      deleted_at: textAt(deleted.json, "deleted_at"),
      task: { id: textAt(deleted.json, "task", "id") },
      bucket_ids: [],
      tags: [],
      metadata: {},
    };
    assert.deepEqual(without(deleted.json, "request_id"), tomb);
    assert.deepEqual(without((await api.file(fileId)).json, "request_id"), tomb);
    assert.deepEqual(without((await api.deleteFile(fileId)).json, "request_id"), tomb);
    for (const path of ["content", "text"]) {
      const answer = await api.get(`${FILES}/${fileId}/${path}`);
      assert.equal(answer.status, 404);
      assert.equal(textAt(answer.json, "error", "code"), "file_not_found");
    }
    assert.equal((await api.call("POST", `${FILES}/${fileId}/reindex`)).status, 404);
    assert.equal((await api.get(`/v1/knowledge/tasks/${textAt(tomb, "task", "id")}`)).status, 200);
    assert.deepEqual(listAt((await api.get(`${FILES}?bucket=${bucket}`)).json, "files"), []);
  },
);

proves(["FIN-2", "FIL-4"], "a file may be deleted in any state, and never comes back", async () => {
  for (let round = 0; round < 8; round++) {
    const word = `early${randomUUID().replaceAll("-", "")}`;
    const fileId = await api.upload(Buffer.from(`${word} ${"filler words ".repeat(round * 3000)}`));
    if (round % 2 === 1) await api.file(fileId, "?wait=2");
    assert.equal((await api.deleteFile(fileId)).status, 200);
    assert.deepEqual(listAt((await api.search({ query: word })).json, "results"), []);
    assert.equal(textAt((await api.file(fileId)).json, "status"), "deleted");
  }
});

proves(["ALL-6", "FIL-2"], "an id of another kind, or none at all, answers like an absent one", async () => {
  const session = await api.create(1);
  for (const [prefix, code] of [
    [FILES, "file_not_found"],
    ["/v1/knowledge/tasks", "task_not_found"],
    [SESSIONS, "session_not_found"],
  ] as const) {
    const kind = { file_not_found: "file", task_not_found: "task", session_not_found: "sess" }[code];
    const absent = await api.get(`${prefix}/${kind}_00000000000000000000000000`);
    assert.equal(absent.status, 404);
    assert.equal(textAt(absent.json, "error", "code"), code);
    const wrong = [session.id.replace("sess_", "nope_"), "x", "..%2f..", "file_%20", "a".repeat(300), "*", "null"];
    for (const id of wrong) {
      const answer = await api.get(`${prefix}/${id}`);
      assert.equal(answer.status, 404, `${prefix}/${id}: ${shown(answer.json)}`);
      assert.deepEqual(without(answer.json, "request_id"), without(absent.json, "request_id"), id);
    }
  }
  objectAt((await api.session(session.id)).json);
});

function fresh(name: string): string {
  return `${name}-${randomUUID().slice(0, 8)}`;
}
