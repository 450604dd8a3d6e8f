import assert from "node:assert/strict";
import { createHash, randomUUID } from "node:crypto";
import { SESSIONS } from "../support/api.ts";
import { BATCHES, Batches, type BatchPart } from "../support/batch.ts";
import type { HttpAnswer } from "../support/http.ts";
import { at, listAt, shown, textAt } from "../support/json.ts";
import { proves } from "../support/proves.ts";
import { openTarget } from "../support/target.ts";

const { api } = await openTarget();
const batches = new Batches(api);

/** A part whose item has a key of its own. */
function part(id: string, bytes: string, key: string): BatchPart {
  return { id, bytes, item: { idempotency_key: key } };
}

function acceptedOf(answer: HttpAnswer, id: string): unknown {
  assert.equal(answer.status, 201, shown(answer.json));
  const one = listAt(answer.json, "accepted").find((item) => at(item, "client_file_id") === id);
  assert.ok(one !== undefined, shown(answer.json));
  return one;
}

const sent = (parts: readonly BatchPart[]) => batches.send(batches.bodyOf(parts));
const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");

proves(
  ["BAT-11", "IDE-1", "IDE-2", "IDE-6"],
  "an item with a key of its own is the create that has this key, alone and in whatever batch",
  async () => {
    const [key, other] = [randomUUID(), randomUUID()];
    const alone = await api.create(5, { filename: "a.txt" }, { "Idempotency-Key": key });
    const first = await sent([part("a", "alpha", key), part("b", "bravo", other)]);
    assert.equal(textAt(acceptedOf(first, "a"), "session_id"), alone.id);
    assert.equal(at(acceptedOf(first, "a"), "replayed"), true);
    assert.equal(at(acceptedOf(first, "b"), "replayed"), false);
    const b = textAt(acceptedOf(first, "b"), "session_id");

    const parts = [part("c", "charlie", randomUUID()), part("b", "bravo", other)];
    const second = await sent(parts);
    assert.equal(textAt(acceptedOf(second, "b"), "session_id"), b);
    const again = await api.create(5, { filename: "b.txt" }, { "Idempotency-Key": other });
    assert.equal(again.id, b);
    assert.equal(again.answer.headers["idempotent-replayed"], "true");

    await batches.upload(second, parts);
    const done = (await batches.finalize(textAt(second.json, "batch_id"))).json;
    const fileOf = (list: string) => listAt(done, list).find((item) => at(item, "client_file_id") === "b");
    const third = await sent([part("b", "bravo", other)]);
    const repeated = (await batches.finalize(textAt(third.json, "batch_id"))).json;
    assert.deepEqual(listAt(repeated, "replayed"), [fileOf("finalized")]);
  },
);

proves(
  ["BAT-11", "IDE-3", "IDE-8"],
  "a key that was used with another body, or twice in a batch, rejects its item alone; one that was given up begins afresh",
  async () => {
    const [key, twice] = [randomUUID(), randomUUID()];
    const made = await sent([part("a", "alpha", key)]);
    const session = textAt(acceptedOf(made, "a"), "session_id");
    const parts = [part("a", "longer", key), part("x", "x-ray", twice), part("y", "yankee", twice)];
    const answer = await sent([...parts, part("z", "zulu", "")]);
    const rejected = listAt(answer.json, "rejected").map((one) => [
      at(one, "client_file_id"),
      at(one, "error", "code"),
      at(one, "error", "details"),
    ]);
    const field = { field: "idempotency_key" };
    assert.deepEqual(
      new Map(rejected.map(([id, ...why]) => [id, why])),
      new Map<unknown, unknown>([
        ["a", ["idempotency_key_reused", { session_id: session }]],
        ["y", ["invalid_idempotency_key", field]],
        ["z", ["invalid_idempotency_key", field]],
      ]),
    );
    acceptedOf(answer, "x");
    const dry = await batches.send(batches.bodyOf([part("a", "longer", key)]), "?dry_run=true");
    assert.equal(textAt(listAt(dry.json, "rejected")[0], "error", "code"), "idempotency_key_reused");

    assert.equal((await api.call("DELETE", `${SESSIONS}/${session}`)).status, 200);
    const fresh = acceptedOf(await sent([part("a", "longer", key)]), "a");
    assert.notEqual(textAt(fresh, "session_id"), session);
    assert.equal(at(fresh, "replayed"), false);
  },
);

proves(
  ["BAT-11", "FIN-5"],
  "finalize of a batch checks each item's sha256: no file is made of other bytes, and the others are",
  async () => {
    const parts = [part("good", "as it was", randomUUID()), part("bad", "changed", randomUUID())];
    const made = await sent(parts);
    await batches.upload(made, parts);
    const path = `${BATCHES}/${textAt(made.json, "batch_id")}/finalize`;
    const finalize = (digests: unknown) => api.call("POST", path, { body: { sha256: digests } });
    const malformed = await finalize({ good: "12" });
    assert.equal(malformed.status, 400);
    assert.equal(textAt(malformed.json, "error", "details", "field"), "sha256.good");
    const unknown = await finalize({ good: sha256("as it was"), bda: sha256("as it was") });
    assert.equal(unknown.status, 400, "a digest that would be compared with nothing");
    assert.equal(textAt(unknown.json, "error", "code"), "invalid_request");
    assert.equal(textAt(unknown.json, "error", "details", "field"), "sha256.bda");
    const done = await finalize({ good: sha256("as it was").toUpperCase(), bad: sha256("as it was") });
    assert.equal(done.status, 202, shown(done.json));
    assert.deepEqual(
      listAt(done.json, "finalized").map((one) => at(one, "client_file_id")),
      ["good"],
    );
    const [failed] = listAt(done.json, "failed");
    assert.deepEqual(
      [at(failed, "client_file_id"), at(failed, "error", "code"), at(failed, "error", "details", "actual")],
      ["bad", "checksum_mismatch", sha256("changed")],
    );
    const right = await finalize({ bad: sha256("changed") });
    assert.equal(listAt(right.json, "finalized").length, 1, shown(right.json));
  },
);
