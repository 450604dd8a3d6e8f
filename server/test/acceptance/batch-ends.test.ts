import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { Api, SESSIONS } from "../support/api.ts";
import { Batches, type BatchPart } from "../support/batch.ts";
import { at, listAt, shown, textAt } from "../support/json.ts";
import { proves } from "../support/proves.ts";
import { NEEDS_OWN_SERVER, openTarget, ownServer } from "../support/target.ts";

const { api } = await openTarget();
const hurried = NEEDS_OWN_SERVER === false ? await ownServer({ WHARF_SESSION_TTL_SECONDS: "15" }) : null;
const batches = new Batches(api);

const GOOD: BatchPart = { id: "good", bytes: "a good text" };
const LATE: BatchPart = { id: "late", bytes: "never sent" };
const CORRUPT: BatchPart = {
  id: "corrupt",
  bytes: "no PDF",
  file: { filename: "c.pdf", content_type: "application/pdf" },
};
const EMPTY: BatchPart = { id: "empty", bytes: "" };

/** What a batch is made of, how it ends, and its items. Sessions live for some seconds there. */
const ENDS: readonly (readonly [parts: readonly BatchPart[], status: string, items: readonly string[]])[] = [
  [[GOOD, { ...GOOD, id: "better" }], "active", ["indexed", "indexed"]],
  [[GOOD, CORRUPT], "partially_failed", ["indexed", "failed"]],
  [[GOOD, EMPTY], "partially_failed", ["indexed", "rejected"]],
  [[GOOD, LATE], "partially_active", ["indexed", "expired"]],
  [[GOOD, EMPTY, LATE, CORRUPT], "partially_failed", ["indexed", "rejected", "expired", "failed"]],
  [[LATE], "failed", ["expired"]],
  [[EMPTY], "failed", ["rejected"]],
  [[CORRUPT, EMPTY, LATE], "failed", ["failed", "rejected", "expired"]],
];

proves(
  ["BAT-6", "BAT-7", "BAT-10"],
  "a batch ends as its worst item does, once nothing can change any more: bad, corrupt, never sent, or good",
  async () => {
    assert.ok(hurried !== null);
    const own = new Api(hurried.url, hurried.key);
    const there = new Batches(own);
    await Promise.all(
      ENDS.map(async ([parts, status, items]) => {
        const what = parts.map(({ id }) => id).join(", ");
        const body = there.bodyOf(parts);
        const made = await there.send(body);
        assert.equal(made.status, 201, shown(made.json));
        const sent = [...listAt(made.json, "accepted"), ...listAt(made.json, "rejected")];
        assert.deepEqual(sent.map((one) => textAt(one, "client_file_id")).sort(), parts.map(({ id }) => id).sort());
        await there.upload(
          made,
          parts.filter(({ id }) => id !== "late"),
        );
        const id = textAt(made.json, "batch_id");
        await there.finalize(id);
        const batch = await there.ended(id);
        assert.equal(textAt(batch, "status"), status, `${what}: ${shown(batch)}`);
        assert.deepEqual(
          listAt(batch, "items").map((item) => at(item, "status")),
          items,
          what,
        );
        for (const item of listAt(batch, "items")) {
          const wrong = ["failed", "rejected"].includes(textAt(item, "status"));
          assert.equal(at(item, "error") !== null, wrong, `${what}: ${shown(item)}`);
        }
        assert.deepEqual(await there.status(id).then((again) => at(again, "status")), status, "and stays so");
        if (!parts.includes(LATE)) return;
        // Sent again, what expired gets a session, and the batch goes on (BAT-10).
        const again = await there.send(body);
        assert.equal(textAt(again.json, "batch_id"), id);
        await there.upload(again, [LATE]);
        await there.finalize(id);
        const late = listAt(await there.ended(id), "items").find((item) => at(item, "client_file_id") === "late");
        assert.equal(textAt(late, "status"), "indexed", what);
      }),
    );
  },
  { skip: NEEDS_OWN_SERVER },
);

proves(
  ["BAT-7", "BAT-8", "FIN-2"],
  "finalized in any order, by item and as a whole, repeated and at once, every file of a batch is there exactly once",
  async () => {
    const parts = Array.from(
      { length: 24 },
      (_, n): BatchPart => ({ id: `f${n}`, bytes: `text no. ${n} ${randomUUID()}` }),
    );
    const made = await batches.send(batches.bodyOf(parts));
    const id = textAt(made.json, "batch_id");
    const accepted = listAt(made.json, "accepted");
    const sessionOf = new Map(accepted.map((one) => [textAt(one, "client_file_id"), textAt(one, "session_id")]));
    // Half of them, then the others, from the last to the first; finalizes of all kinds meanwhile.
    const [first, second] = [parts.slice(0, 12), parts.slice(12).reverse()];
    await batches.upload(made, first);
    const early = await Promise.all([
      ...[1, 2, 3].map(() => batches.finalize(id)),
      ...first.map((part) => api.finalize(sessionOf.get(part.id) ?? "")),
    ]);
    for (const answer of early) assert.ok([201, 202].includes(answer.status), shown(answer.json));
    await batches.upload(made, second);
    const late = await Promise.all([
      ...second.map((part) => api.finalize(sessionOf.get(part.id) ?? "")),
      ...[1, 2, 3].map(() => batches.finalize(id)),
    ]);
    for (const answer of late) assert.ok([201, 202].includes(answer.status), shown(answer.json));
    const last = await batches.finalize(id);
    const replayed = listAt(last.json, "replayed");
    assert.equal(replayed.length, parts.length, shown(last.json));
    for (const one of [...early, ...late].flatMap(({ json }) => [
      ...listOr(json, "finalized"),
      ...listOr(json, "replayed"),
    ]))
      assert.deepEqual(
        one,
        replayed.find((each) => at(each, "client_file_id") === at(one, "client_file_id")),
      );
    for (const one of replayed) assert.equal(sessionOf.get(textAt(one, "client_file_id")), textAt(one, "session_id"));
    const files = listAt((await api.get(`/v1/knowledge/files?bucket=${api.bucket}&limit=200`)).json, "files");
    const names = files.map((file) => textAt(file, "filename")).filter((name) => /^f\d+\.txt$/.test(name));
    assert.deepEqual(names.sort(), parts.map((part) => `${part.id}.txt`).sort());
  },
);

function listOr(value: unknown, name: string): readonly unknown[] {
  const list = at(value, name);
  return Array.isArray(list) ? list : [];
}

proves(
  ["BAT-3", "BAT-4", "BAT-5", "BAT-6"],
  "an item's own buckets stand in place of the shared ones; one that cannot be resolved rejects its item, a shared one the batch",
  async () => {
    const [shared, own] = [1, 2].map(() => `batch-${randomUUID().slice(0, 8)}`);
    const parts: readonly BatchPart[] = [
      { id: "shared", bytes: "x", item: { filename: "other name.txt" } },
      { id: "own", bytes: "x", item: { bucket: own, filename: "shown.txt", title: "" } },
      { id: "lost", bytes: "x", item: { bucket_ids: ["bucket_none"] } },
      { id: "tagged", bytes: "x", item: { tags: Array.from({ length: 21 }, (_, n) => `t${n}`) } },
      { id: "titled", bytes: "x", item: { title: "t".repeat(513) } },
      { id: "named", bytes: "x", file: { filename: "a\u0000b" } },
    ];
    const all = parts.slice(0, 5);
    const made = await batches.send(batches.bodyOf(all, { bucket: shared }));
    assert.equal(made.status, 201, shown(made.json));
    assert.deepEqual(
      listAt(made.json, "rejected").map((one) => [at(one, "client_file_id"), at(one, "error", "code")]),
      [
        ["lost", "bucket_assignment_failed"],
        ["tagged", "too_many_tags"],
        ["titled", "invalid_request"],
      ],
    );
    await batches.upload(made, all);
    const id = textAt(made.json, "batch_id");
    await batches.finalize(id);
    const [first, second] = listAt(await batches.ended(id), "items");
    const slugs = (item: unknown) => Object.values(Object(at(item, "bucketSync"))).map((sync) => at(sync, "slug"));
    assert.deepEqual([slugs(first), slugs(second)], [[shared], [own]]);
    assert.deepEqual([at(first, "file", "filename"), at(first, "file", "title")], ["shared.txt", "other name.txt"]);
    assert.equal(at(second, "file", "title"), "shown.txt", "an empty title counts as absent");

    const unbucketed = batches.bodyOf([{ id: "has", bytes: "x", item: { bucket: own } }, GOOD], { bucket: undefined });
    const refused = await batches.send(unbucketed);
    assert.equal(textAt(refused.json, "error", "code"), "bucket_required");
    assert.deepEqual(at(refused.json, "error", "details", "client_file_ids"), ["good"]);
    const each = await batches.send(
      batches.bodyOf([{ id: "has", bytes: "x", item: { bucket: own } }], { bucket: undefined }),
    );
    assert.equal(each.status, 201, shown(each.json));
    const wrong = await batches.send(batches.bodyOf([GOOD], { bucket: undefined, bucket_ids: ["bucket_none"] }));
    assert.deepEqual([wrong.status, at(wrong.json, "error", "code")], [400, "bucket_assignment_failed"]);
    const sessions = await api.get(`${SESSIONS}s?status=open&limit=200`);
    assert.ok(listAt(sessions.json, "sessions").length <= 2, "of refused batches there is none");
  },
);
