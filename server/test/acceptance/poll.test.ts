import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { pdfFile } from "../../src/extraction/fixtures/pdf-file.ts";
import { FILES } from "../support/api.ts";
import { put } from "../support/bytes.ts";
import { sampleDocuments } from "../support/documents.ts";
import type { HttpAnswer } from "../support/http.ts";
import { at, listAt, numberAt, shown, textAt } from "../support/json.ts";
import { proves } from "../support/proves.ts";
import { openTarget } from "../support/target.ts";

const { api } = await openTarget();
const TASKS = "/v1/knowledge/tasks";
const FILE_WORDS = ["queued", "indexing", "indexed", "failed", "deleted"];
const TASK_WORDS = ["queued", "indexing", "indexed", "failed", "cancelled"];

proves(
  ["POL-1", "POL-2", "FIN-6"],
  "a file says indexed, is active in its buckets and is found in the same instant, and before that not at all",
  async () => {
    for (let round = 0; round < 5; round++) {
      const word = `instant${randomUUID().replaceAll("-", "")}`;
      const fileId = await api.upload(Buffer.from(`${word} once`), { bucket_slugs: [`${api.bucket}-b`] });
      for (let seen = ""; seen !== "indexed"; ) {
        const foundBefore = await found(word);
        const file = (await api.file(fileId)).json;
        const foundAfter = await found(word);
        seen = textAt(file, "status");
        assert.ok(FILE_WORDS.includes(seen) && TASK_WORDS.includes(textAt(file, "task", "status")));
        assert.notEqual(seen, "failed", shown(file));
        assert.equal(textAt(file, "bucketSyncStatus"), seen === "indexed" ? "active" : "pending");
        for (const id of listAt(file, "bucket_ids"))
          assert.equal(textAt(file, "bucketSync", String(id), "status"), seen === "indexed" ? "active" : "pending");
        if (seen === "indexed") assert.ok(foundAfter, "indexed, but search does not find it");
        else assert.ok(!foundBefore, "found before the file said indexed");
      }
      for (const bucket of [api.bucket, `${api.bucket}-b`]) assert.ok(await found(word, bucket), bucket);
    }
  },
);

proves(["POL-1", "POL-3"], "a file that cannot be indexed is failed, and says why and what to do", async () => {
  const pdfOfText = Buffer.from("no PDF at all, only text");
  const cases: readonly (readonly [
    what: string,
    bytes: Buffer,
    contentType: string,
    filename: string,
    codes: readonly string[],
  ])[] = [
    ["text declared as PDF", pdfOfText, "application/pdf", "a.pdf", ["type_mismatch"]],
    [
      "unknown binary declared as text",
      Buffer.from([0, 255, 254, 0, 1, 2, 3, 0, 200, 0, 0, 7]),
      "text/plain",
      "a.txt",
      ["type_mismatch"],
    ],
    ["UTF-8 taken for Latin-1", Buffer.from("GrÃ¶Ã\u009fe und MaÃ\u009f"), "text/plain", "a.txt", ["garbled_text"]],
    [
      "an image",
      Buffer.from("89504e470d0a1a0a0000000d4948445200000001", "hex"),
      "image/png",
      "a.png",
      ["unsupported_file_type", "empty_text", "corrupt_file"],
    ],
    ["a broken PDF", Buffer.from("%PDF-1.7\nnothing more"), "application/pdf", "b.pdf", ["corrupt_file"]],
    ["blank text", Buffer.from("   \n\n  "), "text/plain", "blank.txt", ["empty_text"]],
    [
      "a broken DOCX",
      Buffer.from("504b0304140000000800", "hex"),
      "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
      "a.docx",
      ["corrupt_file"],
    ],
  ];
  for (const [what, bytes, contentType, filename, codes] of cases) {
    const fileId = await api.upload(bytes, { content_type: contentType, filename });
    const file = await api.settled(fileId);
    assert.equal(textAt(file, "status"), "failed", `${what}: ${shown(file)}`);
    assert.equal(textAt(file, "bucketSyncStatus"), "failed", what);
    assert.ok(codes.includes(textAt(file, "error", "code")), `${what}: ${textAt(file, "error", "code")}`);
    assert.ok(textAt(file, "error", "message").length > 20, what);
    assert.equal(textAt(file, "task", "status"), "failed", what);
    const text = await api.get(`${FILES}/${fileId}/text`);
    assert.equal(text.status, 409, what);
    assert.equal((await api.content(fileId)).status, 200, "the original stays");
  }
});

proves(["POL-3"], "a task shows what it is at, in the file and alone", async () => {
  const fileId = await api.upload(Buffer.from("what the task shows"));
  const inFile = (await api.file(fileId)).json;
  const taskId = textAt(inFile, "task", "id");
  for (const task of [at(inFile, "task"), (await api.get(`${TASKS}/${taskId}`)).json]) {
    assert.equal(textAt(task, "id"), taskId);
    assert.ok(["waiting", "extracting", "chunking", "indexing", "activating"].includes(textAt(task, "stage")));
    assert.equal(numberAt(task, "attempt"), 1);
    assert.equal(numberAt(task, "max_attempts"), 5);
    for (const member of ["next_attempt_at", "queue_position", "progress", "error"])
      assert.notEqual(at(task, member), undefined, member);
  }
  const file = await api.settled(fileId);
  assert.equal(textAt(file, "task", "status"), "indexed");
  assert.equal(at(file, "task", "queue_position"), null);
  assert.equal(textAt((await api.get(`${TASKS}/${taskId}`)).json, "file_id"), fileId);
});

proves(["POL-3", "POL-1", "FIL-10"], "a cancelled task fails its file with cancelled; retry indexes it", async () => {
  // Large enough that the cancel comes before the end.
  const fileId = await api.upload(Buffer.from(`${"retryable words of a long text ".repeat(60_000)}`));
  const taskId = textAt((await api.file(fileId)).json, "task", "id");
  const cancelled = await api.call("POST", `${TASKS}/${taskId}/cancel`);
  assert.equal(cancelled.status, 200, shown(cancelled.json));
  assert.equal(textAt(cancelled.json, "status"), "cancelled");
  assert.equal((await api.call("POST", `${TASKS}/${taskId}/cancel`)).status, 200, "cancel is repeatable");
  const file = await api.settled(fileId);
  assert.equal(textAt(file, "status"), "failed");
  assert.equal(textAt(file, "error", "code"), "cancelled");
  const retried = await api.call("POST", `${TASKS}/${taskId}/retry`);
  assert.equal(retried.status, 200, shown(retried.json));
  assert.equal(textAt(await api.settled(fileId), "status"), "indexed");
  const latest = textAt((await api.file(fileId)).json, "task", "id");
  for (const action of ["cancel", "retry"]) {
    const conflict = await api.call("POST", `${TASKS}/${latest}/${action}`);
    assert.equal(conflict.status, 409, action);
    assert.equal(textAt(conflict.json, "error", "code"), "conflict");
  }
});

proves(["POL-4"], "ten files of every format are indexed well within what clients wait", async () => {
  const began = performance.now();
  const documents = sampleDocuments(`pol${randomUUID().slice(0, 8)}`);
  const jobs = [...documents, ...documents].slice(0, 10);
  const ids = await Promise.all(
    jobs.map((document) =>
      api.upload(document.bytes, { filename: document.filename, content_type: document.contentType }),
    ),
  );
  for (const id of ids) assert.equal(textAt(await api.settled(id), "status"), "indexed");
  assert.ok(performance.now() - began < 100_000);
});

proves(["POL-5"], "?wait holds the answer until the status changes, and is at once on a terminal object", async () => {
  const session = await api.create(20, { filename: "wait.txt" });
  await put(session.url, null, Buffer.from("twenty bytes of text"));
  const fileId = textAt((await api.finalize(session.id)).json, "id");
  const steps: string[] = [];
  for (let status = ""; status !== "indexed"; ) {
    const { json } = await api.file(fileId, "?wait=30");
    status = textAt(json, "status");
    const step = `${status} ${textAt(json, "task", "status")}`;
    assert.notEqual(step, steps.at(-1), "the answer came without a change");
    steps.push(step);
    assert.ok(steps.length < 6, steps.join(", "));
  }
  const asked = performance.now();
  for (const path of [`${FILES}/${fileId}?wait=30`, `${FILES}/${fileId}?wait=99999`])
    assert.equal((await api.get(path)).status, 200);
  assert.equal((await api.get(`${FILES}/${fileId}`, { Prefer: "wait=30" })).status, 200);
  assert.equal((await api.get(`${FILES}/${fileId}`, { Prefer: "wait=soon" })).status, 200);
  assert.ok(performance.now() - asked < 15_000);
  for (const wait of ["x", "-1", "1.5", ""]) {
    const refused = await api.file(fileId, `?wait=${wait}`);
    assert.equal(refused.status, 400, `wait=${wait}`);
    assert.equal(textAt(refused.json, "error", "details", "field"), "wait");
  }
});

proves(
  ["POL-5", "POL-6"],
  "with a matching If-None-Match a wait on a terminal object ends in 304, and a change ends it early",
  async () => {
    const fileId = await api.indexed("a file to wait for");
    const first = await api.file(fileId);
    const etag = first.headers["etag"] ?? "";
    const began = performance.now();
    const held = await api.get(`${FILES}/${fileId}?wait=1`, { "If-None-Match": etag });
    assert.equal(held.status, 304);
    assert.ok(performance.now() - began > 900, "it did not wait");
    const waiting = api.get(`${FILES}/${fileId}?wait=30`, { "If-None-Match": etag }, 60_000);
    await api.deleteFile(fileId);
    const changed = await waiting;
    assert.equal(changed.status, 200);
    assert.equal(textAt(changed.json, "status"), "deleted");
  },
);

for (const kind of ["file", "task"] as const)
  proves(
    ["POL-6"],
    `a ${kind} has a weak ETag over its body without request_id, and If-None-Match is 304`,
    async () => {
      const fileId = await api.indexed(`etag of a ${kind}`);
      const path =
        kind === "file" ? `${FILES}/${fileId}` : `${TASKS}/${textAt((await api.file(fileId)).json, "task", "id")}`;
      const [first, second] = [await api.get(path), await api.get(path)];
      const etag = first.headers["etag"] ?? "";
      assert.match(etag, /^W\/"[^"]+"$/);
      assert.equal(second.headers["etag"], etag);
      assert.notEqual(textAt(second.json, "request_id"), textAt(first.json, "request_id"));
      for (const value of [etag, etag.slice(2), `"x", ${etag}`, "*"]) {
        const answer = await api.get(path, { "If-None-Match": value });
        assert.equal(answer.status, 304, value);
        assert.equal(answer.body.length, 0);
        assert.equal(answer.headers["etag"], etag);
        const head = await api.call("HEAD", path, { headers: { "If-None-Match": value } });
        assert.deepEqual([head.status, head.headers["etag"]], [304, etag], `HEAD ${value}`);
      }
      assert.equal((await api.get(path, { "If-None-Match": '"x"' })).status, 200);
    },
  );

proves(["POL-2", "FIL-7"], "a file that is indexed stays indexed and findable while it is indexed again", async () => {
  const word = `again${randomUUID().replaceAll("-", "")}`;
  const fileId = await api.indexed(`${word} ${"and many other words ".repeat(20_000)}`);
  const started = await api.call("POST", `${FILES}/${fileId}/reindex`);
  assert.equal(started.status, 202, shown(started.json));
  for (
    let running: HttpAnswer | null = null;
    running === null || textAt(running.json, "task", "status") !== "indexed";
  ) {
    assert.ok(await found(word), "not found during a reindex");
    running = await api.file(fileId);
    assert.equal(textAt(running.json, "status"), "indexed");
    assert.notEqual(textAt(running.json, "task", "status"), "failed");
  }
  assert.equal(
    listAt((await api.search({ query: word, bucket: api.bucket })).json, "results").length,
    1,
    "chunks are there twice",
  );
});

async function found(word: string, bucket = api.bucket): Promise<boolean> {
  const answer = await api.search({ query: word, bucket });
  assert.equal(answer.status, 200, shown(answer.json));
  return listAt(answer.json, "results").length > 0;
}

proves(
  ["POL-3"],
  "a file that is indexed in part says what search cannot find, and on which pages; a whole one says nothing",
  async () => {
    const scanned = pdfFile({ pages: ["A page of words.", null, "Another one."] });
    const fileId = await api.indexed(scanned, { filename: "part.pdf", content_type: "application/pdf" });
    const file = (await api.file(fileId)).json;
    const [warning, ...more] = listAt(file, "warnings");
    assert.equal(more.length, 0, shown(file));
    assert.equal(textAt(warning, "code"), "empty_page");
    assert.match(textAt(warning, "message"), /OCR/);
    assert.deepEqual(listAt(warning, "pages"), [2]);
    const whole = await api.indexed("every word of it");
    assert.deepEqual(listAt((await api.file(whole)).json, "warnings"), []);
  },
);
