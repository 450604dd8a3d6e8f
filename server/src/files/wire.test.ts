import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Value } from "typebox/value";
import type { TaskState } from "../catalogue/schema.ts";
import { brandId } from "../ids.ts";
import type { FileView } from "./view.store.ts";
import { bucketSyncStatus, FileObject, fileToWire, isSettled } from "./wire.ts";

const bucketId = brandId("bucket", "bucket_1");
const otherId = brandId("bucket", "bucket_2");

function view(file: Partial<FileView>, task: TaskState = "queued"): FileView {
  const fileId = brandId("file", "file_1");
  const taskId = brandId("task", "task_1");
  const teamId = brandId("team", "team_1");
  return {
    id: fileId,
    teamId,
    state: "queued",
    title: "Note",
    filename: "note.txt",
    contentType: "text/plain",
    detectedContentType: null,
    sizeBytes: 12,
    sha256: "ab".repeat(32),
    tags: ["a"],
    metadata: { year: 2024 },
    activeVersion: null,
    pages: null,
    warnings: [],
    blobKey: null,
    textKey: null,
    sessionId: brandId("sess", "sess_1"),
    taskId,
    error: null,
    createdAt: Date.UTC(2026, 0, 31, 12),
    updatedAt: Date.UTC(2026, 0, 31, 12, 0, 1),
    deletedAt: null,
    memberships: [
      { bucketId, slug: "hr", status: "pending" },
      { bucketId: otherId, slug: "legal", status: "pending" },
    ],
    task: {
      queuePosition: task === "queued" ? 1 : null,
      task: {
        id: taskId,
        team_id: teamId,
        file_id: fileId,
        type: "index",
        state: task,
        version: 1,
        stage: "waiting",
        attempt: 0,
        faults: 0,
        deaths: 0,
        troubles: 0,
        lease_losses: 0,
        crashes: 0,
        lane: "fast",
        fair_at: 0,
        due_at: null,
        claimed_at: null,
        lease_until: null,
        progress_done: 0,
        progress_total: null,
        progress_unit: null,
        error_code: null,
        error_message: null,
        created_at: 0,
        updated_at: 0,
        finished_at: null,
      },
    },
    ...file,
  };
}

test("the file object has contract §4's members, in its order, and says why it is not done (POL-1, POL-3)", () => {
  const wire = fileToWire(view({}));
  assert.deepEqual(Object.keys(wire), [
    ...["id", "object", "status", "title", "filename", "content_type", "detected_content_type", "size_bytes", "sha256"],
    ...[
      "tags",
      "metadata",
      "pages",
      "bucket_ids",
      "bucketSyncStatus",
      "bucketSync",
      "error",
      "warnings",
      "status_detail",
      "task",
      "source",
    ],
    ...["created_at", "updated_at"],
  ]);
  assert.equal(wire.object, "knowledge_file");
  assert.deepEqual(wire.bucketSync, {
    bucket_1: { slug: "hr", status: "pending" },
    bucket_2: { slug: "legal", status: "pending" },
  });
  assert.deepEqual(wire.source, { kind: "upload_session", session_id: "sess_1" });
  assert.equal(wire.created_at, "2026-01-31T12:00:00.000Z");
  assert.equal(wire.task.object, "knowledge_indexing_task");
  assert.equal(wire.status_detail, "Waiting for a free worker.");
});

test("a tombstone has exactly the members of contract §12", () => {
  const wire = fileToWire(view({ state: "deleted", deletedAt: Date.UTC(2026, 1, 1), memberships: [] }, "cancelled"));
  assert.deepEqual(wire, {
    id: "file_1",
    object: "knowledge_file",
    status: "deleted",
    size_bytes: 12,
    created_at: "2026-01-31T12:00:00.000Z",
    updated_at: "2026-01-31T12:00:01.000Z",
    deleted_at: "2026-02-01T00:00:00.000Z",
    task: { id: "task_1" },
    bucket_ids: [],
    tags: [],
    metadata: {},
  });
});

test("metadata is an object also when there is none (ALL-7), times have a Z and sizes are integers (ALL-8)", () => {
  for (const file of [view({ metadata: {} }), view({ state: "deleted", deletedAt: 1, memberships: [] })]) {
    const wire = fileToWire(file);
    assert.deepEqual(wire.metadata, {});
    assert.ok(Number.isInteger(wire.size_bytes));
    for (const time of [wire.created_at, wire.updated_at])
      assert.match(time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  }
});

describe("bucketSyncStatus is active only when every membership is (POL-2)", () => {
  const cases = [
    ["pending", ["pending", "pending"]],
    ["pending", ["active", "pending"]],
    ["active", ["active", "active"]],
    ["failed", ["failed", "active"]],
    ["failed", ["pending", "failed"]],
  ] as const;
  for (const [expected, statuses] of cases)
    test(`${statuses.join(" and ")} is ${expected}`, () => {
      const memberships = statuses.map((status) => ({ bucketId, slug: "hr", status }));
      assert.equal(bucketSyncStatus(memberships), expected);
    });
});

test("a long poll need not wait for a file that nothing will change by itself (POL-5)", () => {
  const settled = (file: Partial<FileView>, task: TaskState) => isSettled(fileToWire(view(file, task)));
  assert.equal(settled({ state: "queued" }, "queued"), false);
  assert.equal(settled({ state: "indexing" }, "running"), false);
  assert.equal(settled({ state: "indexing" }, "queued"), false);
  assert.equal(settled({ state: "indexed" }, "succeeded"), true);
  assert.equal(settled({ state: "failed" }, "failed"), true);
  assert.equal(settled({ state: "failed" }, "cancelled"), true);
  assert.equal(settled({ state: "deleted", deletedAt: 1 }, "cancelled"), true);
  assert.equal(settled({ state: "indexed" }, "running"), false, "a reindex is under way");
});

test("every view fits the schema that OpenAPI shows", () => {
  const states = ["queued", "indexing", "indexed", "failed"] as const;
  const tasks = ["queued", "running", "succeeded", "failed", "cancelled"] as const;
  const error = { code: "empty_text", message: "A scan." };
  for (const state of states)
    for (const task of tasks) assert.ok(Value.Check(FileObject, fileToWire(view({ state, error }, task))));
  assert.ok(Value.Check(FileObject, fileToWire(view({ state: "deleted", deletedAt: 1 }))));
});
