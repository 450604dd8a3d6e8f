import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { Api, SESSIONS } from "../support/api.ts";
import { BATCHES, Batches, type BatchPart } from "../support/batch.ts";
import { put } from "../support/bytes.ts";
import type { HttpAnswer } from "../support/http.ts";
import { at, listAt, numberAt, objectAt, shown, textAt } from "../support/json.ts";
import { proves } from "../support/proves.ts";
import { NEEDS_OWN_SERVER, openTarget, ownServer } from "../support/target.ts";

const { api } = await openTarget();
const MAX_BYTES = 25 * 1024 * 1024;

type Part = BatchPart;
const batches = new Batches(api);
const batchOf = (parts: readonly Part[], manifest: object = {}) => batches.bodyOf(parts, manifest);
const send = (body: object, query = "") => batches.send(body, query);
const finalize = (id: string) => batches.finalize(id);
const status = (id: string) => batches.status(id);
const upload = (answer: HttpAnswer, parts: readonly Part[]) => batches.upload(answer, parts);
const ended = (id: string) => batches.ended(id);

proves(
  ["BAT-3", "BAT-4", "BAT-7", "BAT-8", "LIM-3"],
  "a batch makes a session a file, as one create; sent again it is the same, and with another body 422",
  async () => {
    const own = `own-${randomUUID().slice(0, 8)}`;
    const parts: readonly Part[] = [
      { id: "a", bytes: "first text", item: { filename: "shown.txt", tags: ["x"], metadata: { n: 1 } } },
      { id: "b", bytes: "second text", item: { bucket: own } },
    ];
    const body = batchOf(parts);
    const made = await send(body);
    assert.equal(made.status, 201, shown(made.json));
    assert.equal(textAt(made.json, "upload_strategy"), "gcs_resumable");
    assert.deepEqual(
      listAt(made.json, "accepted").map((one) => at(one, "client_file_id")),
      ["a", "b"],
    );
    assert.deepEqual(listAt(made.json, "rejected"), []);
    assert.match(String(made.headers["ratelimit-policy"]), /"create"/);
    const id = textAt(made.json, "batch_id");
    const again = await send(body);
    assert.equal(again.status, 201);
    assert.equal(again.headers["idempotent-replayed"], "true");
    const idsOf = (answer: HttpAnswer) => listAt(answer.json, "accepted").map((one) => textAt(one, "session_id"));
    assert.deepEqual(idsOf(again), idsOf(made));
    const other = await send({
      ...body,
      files: batchOf([parts[0] ?? { id: "a", bytes: "" }, { id: "b", bytes: "x" }]).files,
    });
    assert.equal(other.status, 422);
    assert.equal(textAt(other.json, "error", "code"), "idempotency_key_reused");
    assert.equal(textAt(other.json, "error", "details", "batch_id"), id);

    await upload(made, parts);
    const first = await finalize(id);
    assert.equal(first.status, 202, shown(first.json));
    assert.equal(textAt(first.json, "status"), "finalized");
    assert.equal(listAt(first.json, "finalized").length, 2);
    const repeated = await finalize(id);
    assert.deepEqual(listAt(repeated.json, "replayed"), listAt(first.json, "finalized"));
    const batch = await ended(id);
    assert.equal(textAt(batch, "status"), "active");
    assert.deepEqual([numberAt(batch, "total"), numberAt(batch, "active")], [2, 2]);
    const [a, b] = listAt(batch, "items");
    assert.equal(textAt(a, "file", "title"), "shown.txt");
    assert.equal(textAt(a, "file", "filename"), "a.txt");
    assert.deepEqual(listAt(a, "file", "tags"), ["x"]);
    assert.equal(textAt(a, "canonicalStatus"), "indexed");
    assert.equal(textAt(a, "bucketSyncStatus"), "active");
    assert.deepEqual(
      Object.values(objectAt(b, "bucketSync")).map((sync) => at(sync, "slug")),
      [own],
    );
  },
);

proves(
  ["BAT-6", "BAT-10"],
  "a bad item, one that is never uploaded and a corrupt one leave the others alone; given up, it gets a new session",
  async () => {
    const parts: readonly Part[] = [
      { id: "good", bytes: "a good text" },
      { id: "bad", bytes: "", item: {} },
      { id: "late", bytes: "never sent" },
      { id: "corrupt", bytes: "no PDF", file: { filename: "c.pdf", content_type: "application/pdf" } },
    ];
    const body = batchOf(parts);
    const made = await send(body);
    assert.equal(made.status, 201, shown(made.json));
    const [rejected] = listAt(made.json, "rejected");
    assert.equal(textAt(rejected, "client_file_id"), "bad");
    assert.equal(textAt(rejected, "error", "code"), "invalid_size");
    const id = textAt(made.json, "batch_id");
    await upload(
      made,
      parts.filter((part) => part.id !== "late"),
    );
    const done = (await finalize(id)).json;
    assert.deepEqual(
      listAt(done, "finalized").map((one) => at(one, "client_file_id")),
      ["good", "corrupt"],
    );
    assert.deepEqual(
      listAt(done, "pending").map((one) => at(one, "client_file_id")),
      ["late"],
    );
    assert.equal(textAt(await status(id), "status"), "accepted");

    const late = listAt(made.json, "accepted").find((one) => at(one, "client_file_id") === "late");
    await api.call("DELETE", `${SESSIONS}/${textAt(late, "session_id")}`);
    const batch = await ended(id);
    assert.equal(textAt(batch, "status"), "partially_failed");
    assert.deepEqual(
      listAt(batch, "items").map((item) => at(item, "status")),
      ["indexed", "rejected", "cancelled", "failed"],
    );
    const again = await send(body);
    const fresh = listAt(again.json, "accepted").find((one) => at(one, "client_file_id") === "late");
    assert.notEqual(textAt(fresh, "session_id"), textAt(late, "session_id"));
    await upload({ ...again, json: { accepted: [fresh] } }, parts);
    const last = (await finalize(id)).json;
    assert.deepEqual(
      listAt(last, "finalized").map((one) => at(one, "client_file_id")),
      ["late"],
    );
    assert.equal(listAt(last, "replayed").length, 2);
  },
);

proves(["BAT-8"], "of finalizes of a batch at once, one says of each item that it finalized it", async () => {
  const parts: readonly Part[] = ["a", "b", "c", "d"].map((id) => ({ id, bytes: `the text of ${id}` }));
  const made = await send(batchOf(parts));
  await upload(made, parts);
  const answers = await Promise.all(Array.from({ length: 8 }, () => finalize(textAt(made.json, "batch_id"))));
  const namesIn = (list: string) =>
    answers.flatMap(({ json }) => listAt(json, list).map((one) => textAt(one, "client_file_id"))).sort();
  assert.deepEqual(namesIn("finalized"), ["a", "b", "c", "d"]);
  assert.equal(namesIn("replayed").length, 4 * 7);
});

proves(
  ["BAT-1", "BAT-2", "BAT-5", "ALL-9"],
  "what is wrong with the whole of a batch is 400 with the field, and makes nothing",
  async () => {
    const one: Part = { id: "a", bytes: "x" };
    const many = Array.from({ length: 101 }, (_, i) => ({ id: `f${i}`, bytes: "x" }));
    const cases: readonly (readonly [body: object, code: string])[] = [
      [batchOf([]), "invalid_request"],
      [batchOf(many), "batch_too_large"],
      [batchOf([one], { version: 2 }), "unsupported_manifest_version"],
      [batchOf([one], { batch_idempotency_key: "" }), "invalid_request"],
      [batchOf([one], { batch_idempotency_key: undefined }), "invalid_request"],
      [batchOf([one, one]), "duplicate_client_file_id"],
      [batchOf([{ id: "__a", bytes: "x" }]), "invalid_client_file_id"],
      [batchOf([{ id: "a b", bytes: "x" }]), "invalid_client_file_id"],
      [batchOf([{ id: "i".repeat(129), bytes: "x" }]), "invalid_client_file_id"],
      [{ ...batchOf([one]), files: batchOf([{ id: "b", bytes: "x" }]).files }, "missing_file_parts"],
      [batchOf([one], { bucket: undefined }), "bucket_required"],
      [batchOf([one], { bucket: "bucket_00000000000000000000000000" }), "bucket_assignment_failed"],
    ];
    for (const [body, code] of cases) {
      const answer = await send(body);
      assert.equal(answer.status, 400, shown(answer.json));
      assert.equal(textAt(answer.json, "error", "code"), code);
      objectAt(answer.json, "error", "details");
    }
    for (const path of [`${BATCHES}/batch_00000000000000000000000000/finalize`, `${BATCHES}/nonsense/finalize`])
      assert.equal(textAt((await api.call("POST", path)).json, "error", "code"), "batch_not_found");
  },
);

proves(["BAT-9"], "a dry run judges and makes nothing, of a batch and of one file", async () => {
  const slug = `dry-${randomUUID().slice(0, 8)}`;
  const body = batchOf(
    [
      { id: "a", bytes: "x" },
      { id: "b", bytes: "" },
    ],
    { bucket: slug },
  );
  const tried = await send(body, "?dry_run=true");
  assert.equal(tried.status, 200, shown(tried.json));
  assert.deepEqual(listAt(tried.json, "accepted"), [{ client_file_id: "a" }]);
  assert.equal(textAt(listAt(tried.json, "rejected")[0], "error", "code"), "invalid_size");
  assert.equal((await api.get(`/v1/knowledge/batches/${textAt(tried.json, "batch_id")}`)).status, 404);
  const single = await api.call("POST", `${SESSIONS}?dry_run=true`, { body: api.createBody(3, { bucket: slug }) });
  assert.equal(single.status, 200, shown(single.json));
  assert.deepEqual(listAt(single.json, "new_bucket_slugs"), [slug]);
  const buckets = listAt((await api.get("/v1/knowledge/buckets")).json, "buckets").map((each) => at(each, "slug"));
  assert.ok(!buckets.includes(slug));
});

proves(
  ["BAT-1", "LIM-3"],
  "100 files with everything at its limit are one create of more than 1 MiB, and hold what they may",
  async () => {
    const own = await ownServer({ WHARF_CREATES_PER_SECOND: "1" });
    const one = new Api(own.url, own.key);
    const item = {
      filename: "日".repeat(255),
      title: "日".repeat(512),
      tags: Array.from({ length: 20 }, (_, i) => `${String(i).padStart(2, "0")}${"日".repeat(62)}`),
      metadata: { text: "x".repeat(8192 - '{"text":""}'.length) },
    };
    const file = { filename: "日".repeat(255), size_bytes: MAX_BYTES };
    const parts = Array.from({ length: 100 }, (_, i) => ({
      id: `${"n".repeat(125)}${100 + i}`,
      bytes: "",
      item,
      file,
    }));
    const rawBody = JSON.stringify(
      batchOf(parts, { bucket_slugs: Array.from({ length: 19 }, (_, i) => `at-limit-${i}`) }),
    );
    assert.ok(rawBody.length > 1024 * 1024);
    const made = await one.call("POST", BATCHES, { rawBody, timeoutMs: 120_000 });
    assert.equal(made.status, 201, shown(made.json).slice(0, 500));
    const accepted = listAt(made.json, "accepted");
    assert.equal(accepted.length, 100);
    assert.equal(made.headers["ratelimit"], '"create";r=0;t=1', "a batch is a create");
    // The last of them, to its last byte; the others can wait.
    const bytes = Buffer.alloc(MAX_BYTES, "all of the bytes that a file may have\n");
    const sent = await put(textAt(accepted.at(-1), "upload_url"), null, bytes);
    assert.equal(sent.status, 200, sent.text);
    const done = await new Batches(one).finalize(textAt(made.json, "batch_id"));
    assert.deepEqual([listAt(done.json, "finalized").length, listAt(done.json, "pending").length], [1, 99]);
    const stored = await one.file(textAt(listAt(done.json, "finalized")[0], "knowledge_id"));
    assert.equal(numberAt(stored.json, "size_bytes"), MAX_BYTES);
    assert.equal(listAt(stored.json, "bucket_ids").length, 20);
    assert.deepEqual([listAt(stored.json, "tags").length, at(stored.json, "title")], [20, item.title]);
    const large = await one.call("POST", BATCHES, { rawBody: `${rawBody}${" ".repeat(4 * 1024 * 1024)}` });
    assert.equal(textAt(large.json, "error", "code"), "request_too_large");
  },
  { skip: NEEDS_OWN_SERVER },
);
