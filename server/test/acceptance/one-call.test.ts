import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { Api, FILES } from "../support/api.ts";
import { type FormPart, fileOf, formOf, inBucketOf, sendForm } from "../support/form.ts";
import type { HttpAnswer } from "../support/http.ts";
import { at, listAt, shown, textAt } from "../support/json.ts";
import { proves } from "../support/proves.ts";
import { NEEDS_OWN_SERVER, openTarget, ownServer } from "../support/target.ts";

const { api, otherTeam } = await openTarget({ twoTeams: true });
const LIMITED = { WHARF_CREATES_PER_SECOND: "3", WHARF_MAX_FILE_BYTES: "100000" };
const limited = NEEDS_OWN_SERVER === false ? await ownServer(LIMITED) : null;

const send = (parts: readonly FormPart[], headers = {}) => sendForm(api, formOf(parts), headers);
const upload = (value: string | Uint8Array, more: readonly FormPart[] = [], headers = {}) =>
  send([fileOf(value), ...inBucketOf(api), ...more], headers);
const codeOf = (answer: HttpAnswer) => textAt(answer.json, "error", "code");

proves(
  ["CON-2", "FIN-1", "FIN-6", "FIL-2"],
  "one call makes the file that create, PUT and finalize make, wherever its fields stand",
  async () => {
    const words = "the harbour master counts the ships";
    const fields: readonly FormPart[] = [
      { name: "title", value: "Ships of the night, größer" },
      { name: "tags", value: " a " },
      { name: "tags", value: "b" },
      { name: "tags", value: "a" },
      { name: "metadata", value: '{"n": 1, "deep": {"x": [null]}}' },
      { name: "unknown", value: "ignored" },
    ];
    const orders = [
      [fileOf(words), ...inBucketOf(api), ...fields],
      [...inBucketOf(api), ...fields, fileOf(words)],
      [...fields, fileOf(words), ...inBucketOf(api)],
    ];
    for (const parts of orders) {
      const made = await send(parts);
      assert.equal(made.status, 201, shown(made.json));
      const file = made.json;
      assert.equal(textAt(file, "object"), "knowledge_file");
      // A worker may have been quicker than the answer.
      assert.ok(["queued", "indexing", "indexed"].includes(textAt(file, "status")));
      assert.equal(textAt(file, "title"), "Ships of the night, größer");
      assert.deepEqual(listAt(file, "tags"), ["a", "b"]);
      assert.deepEqual(at(file, "metadata"), { n: 1, deep: { x: [null] } });
      assert.equal(textAt(file, "content_type"), "text/plain");
      assert.equal(at(file, "size_bytes"), words.length);
      assert.match(textAt(file, "task", "id"), /^task_/);
      const id = textAt(file, "id");
      const session = await api.session(textAt(file, "source", "session_id"));
      assert.deepEqual([at(session.json, "status"), at(session.json, "file_id")], ["finalized", id]);
      const later = await api.settled(id);
      for (const same of [
        "filename",
        "title",
        "sha256",
        "size_bytes",
        "tags",
        "metadata",
        "bucket_ids",
        "source",
        "created_at",
      ])
        assert.deepEqual(at(later, same), at(file, same), same);
      const ended = ["status", "bucketSyncStatus", "detected_content_type"].map((name) => at(later, name));
      assert.deepEqual(ended, ["indexed", "active", "text/plain"]);
      assert.equal((await api.content(id)).text, words);
    }
    const found = await api.search({ query: "harbour master", bucket: api.bucket });
    assert.equal(listAt(found.json, "results").length, 1, "three copies are one result");
    assert.equal(listAt(found.json, "results", 0, "duplicates").length, 2);
  },
);

proves(
  ["CON-2"],
  "a file of several megabytes that a client library sends is stored byte by byte, and named by what it is",
  async () => {
    const bytes = Buffer.alloc(3_000_001, "neither a boundary \r\n--x\r\n nor an end --\r\n");
    const form = new FormData();
    form.append("bucket", api.bucket);
    form.append("create_missing_buckets", "true");
    form.append("file", new File([bytes], 'größe 漢字 "q".txt', { type: "text/plain; charset=utf-8" }));
    const answer = await fetch(`${api.base}${FILES}`, {
      method: "POST",
      headers: { Authorization: `Bearer ${api.key}` },
      body: form,
    });
    const file: unknown = await answer.json();
    assert.equal(answer.status, 201, shown(file));
    assert.equal(textAt(file, "filename"), "größe 漢字 %22q%22.txt", "as browsers write a quote in a form");
    assert.equal(textAt(file, "title"), textAt(file, "filename"));
    assert.equal(textAt(file, "content_type"), "text/plain; charset=utf-8");
    assert.ok((await api.content(textAt(file, "id"))).body.equals(bytes));
  },
);

/** What clients write where a file is named. */
const NAMES: readonly (readonly [what: string, disposition: string, name: string])[] = [
  ["a plain one", 'form-data; name="file"; filename="a b.txt"', "a b.txt"],
  ["one in UTF-8", 'form-data; name="file"; filename="über/../日本.txt"', "über/../日本.txt"],
  ["an escaped quote", 'form-data; name="file"; filename="a\\"b.txt"', 'a"b.txt'],
  ["without quotes", "form-data; name=file; filename=a.txt", "a.txt"],
  [
    "an extended one, which goes first",
    'form-data; name="file"; filename="x.txt"; filename*=UTF-8\'\'%C3%BC%E2%82%AC.txt',
    "ü€.txt",
  ],
];

proves(["CON-2"], "a file's name is data, in each of the forms in which clients send it", async () => {
  for (const [what, disposition, name] of NAMES) {
    const head = `Content-Disposition: ${disposition}\r\nContent-Type: text/plain`;
    const made = await send([...inBucketOf(api), { name: "file", value: what, head }]);
    assert.equal(made.status, 201, `${what}: ${shown(made.json)}`);
    assert.equal(textAt(made.json, "filename"), name, what);
  }
  const undeclared = await send([
    ...inBucketOf(api),
    { name: "file", value: "x", head: 'Content-Disposition: form-data; name="file"; filename="x.bin"' },
  ]);
  assert.equal(textAt(undeclared.json, "content_type"), "application/octet-stream");
});

proves(
  ["CON-2", "CRE-1", "CRE-3"],
  "buckets are named in all three forms, and one that cannot be resolved makes nothing",
  async () => {
    const slugs = [1, 2, 3].map(() => `one-call-${randomUUID().slice(0, 8)}`);
    const [first = "", second = "", third = ""] = slugs;
    const made = await send([
      fileOf("in three"),
      { name: "bucket_slugs", value: first },
      { name: "bucket_slugs", value: second },
      { name: "bucket", value: third },
      { name: "create_missing_buckets", value: "true" },
    ]);
    assert.equal(made.status, 201, shown(made.json));
    const ids = listAt(made.json, "bucket_ids");
    assert.equal(ids.length, 3);
    const again = await send([fileOf("by ids"), ...ids.map((id) => ({ name: "bucket_ids", value: String(id) }))]);
    assert.deepEqual([...listAt(again.json, "bucket_ids")].sort(), [...ids].sort());

    const fresh = `one-call-${randomUUID().slice(0, 8)}`;
    const refused = await send([
      fileOf("nowhere"),
      { name: "bucket_slugs", value: fresh },
      { name: "bucket_ids", value: "bucket_none" },
      { name: "create_missing_buckets", value: "true" },
    ]);
    assert.equal(codeOf(refused), "bucket_assignment_failed");
    assert.deepEqual(at(refused.json, "error", "details", "unresolved"), ["bucket_none"]);
    assert.deepEqual(listAt((await api.get(`${FILES}?bucket=${fresh}`)).json, "files"), []);
    const foreign =
      otherTeam === null
        ? null
        : await sendForm(otherTeam, formOf([fileOf("x"), { name: "bucket_ids", value: String(ids[0]) }]));
    assert.ok(foreign === null || codeOf(foreign) === "bucket_assignment_failed");
  },
);

const BUCKET = inBucketOf(api);
const text = (name: string, value: string | Uint8Array): FormPart => ({ name, value });

/** What is wrong with a form, what it is answered, and the field that the answer names. */
const WRONG: readonly (readonly [
  what: string,
  parts: readonly FormPart[],
  status: number,
  code: string,
  field?: string,
])[] = [
  ["no file", BUCKET, 400, "invalid_request", "file"],
  ["two files", [...BUCKET, fileOf("a"), fileOf("b")], 400, "invalid_request", "file"],
  ["an empty file", [...BUCKET, fileOf("")], 400, "invalid_size", "file"],
  ["a file without a name", [...BUCKET, text("file", "words")], 400, "invalid_filename", "filename"],
  ["an empty name", [...BUCKET, fileOf("x", "")], 400, "invalid_filename", "filename"],
  ["a name with a control character", [...BUCKET, fileOf("x", "a\u0007.txt")], 400, "invalid_filename", "filename"],
  ["a name of 256 characters", [...BUCKET, fileOf("x", "n".repeat(256))], 400, "invalid_filename", "filename"],
  ["a type that is none", [...BUCKET, fileOf("x", "x.txt", "text")], 400, "invalid_request", "content_type"],
  ["no bucket", [fileOf("x")], 400, "bucket_required", "bucket"],
  ["a long title", [...BUCKET, fileOf("x"), text("title", "t".repeat(513))], 400, "invalid_request", "title"],
  ["NUL in a title", [...BUCKET, fileOf("x"), text("title", "a\0b")], 400, "invalid_request", "title"],
  [
    "a title that is no UTF-8",
    [...BUCKET, fileOf("x"), text("title", Buffer.from([0x61, 0xfc]))],
    400,
    "invalid_request",
    "title",
  ],
  [
    "21 tags",
    [...BUCKET, fileOf("x"), ...Array.from({ length: 21 }, (_, n) => text("tags", `t${n}`))],
    400,
    "too_many_tags",
    "tags",
  ],
  ["a long tag", [...BUCKET, fileOf("x"), text("tags", "t".repeat(65))], 400, "invalid_request", "tags"],
  ["metadata that is no JSON", [...BUCKET, fileOf("x"), text("metadata", "{a:1}")], 400, "invalid_request", "metadata"],
  ["metadata that is a list", [...BUCKET, fileOf("x"), text("metadata", "[1]")], 400, "invalid_request", "metadata"],
  ["metadata of two objects", [...BUCKET, fileOf("x"), text("metadata", "{},{}")], 400, "invalid_request", "metadata"],
  ["metadata that is null", [...BUCKET, fileOf("x"), text("metadata", "null")], 400, "invalid_request", "metadata"],
  [
    "large metadata",
    [...BUCKET, fileOf("x"), text("metadata", JSON.stringify({ a: "x".repeat(8192) }))],
    400,
    "metadata_too_large",
    "metadata",
  ],
  [
    "a number that would change",
    [...BUCKET, fileOf("x"), text("metadata", '{"n":1e999}')],
    400,
    "invalid_request",
    "metadata.n",
  ],
  [
    "deep metadata",
    [...BUCKET, fileOf("x"), text("metadata", `${'{"a":'.repeat(40)}1${"}".repeat(40)}`)],
    400,
    "invalid_request",
  ],
  [
    "a flag that is neither",
    [fileOf("x"), text("bucket", "b"), text("create_missing_buckets", "yes")],
    400,
    "invalid_request",
    "create_missing_buckets",
  ],
  ["101 parts", [...Array.from({ length: 100 }, (_, n) => text(`f${n}`, "v")), fileOf("x")], 400, "invalid_request"],
  ["fields of 64 KiB and more", [...BUCKET, text("x", "y".repeat(65_536)), fileOf("x")], 413, "request_too_large", "x"],
  [
    "base64",
    [
      ...BUCKET,
      {
        name: "file",
        value: "eA==",
        head: 'Content-Disposition: form-data; name="file"; filename="x"\r\nContent-Transfer-Encoding: base64',
      },
    ],
    400,
    "invalid_request",
    "file",
  ],
];

proves(
  ["CON-2", "ALL-5", "ALL-9"],
  "whatever is wrong with a form is said with the code of a create, and names the field",
  async () => {
    for (const [what, parts, status, code, field] of WRONG) {
      const answer = await send(parts);
      assert.deepEqual([answer.status, codeOf(answer)], [status, code], `${what}: ${shown(answer.json)}`);
      if (field !== undefined) assert.equal(at(answer.json, "error", "details", "field"), field, what);
    }
    const json = await api.call("POST", FILES, { body: { bucket: "b" } });
    assert.deepEqual([json.status, codeOf(json)], [415, "unsupported_content_type"]);
    for (const type of [
      "multipart/form-data",
      "multipart/form-data; boundary=",
      `multipart/form-data; boundary=${"x".repeat(71)}`,
    ]) {
      const unbounded = await sendForm(api, formOf([fileOf("x"), ...BUCKET]), { "Content-Type": type });
      assert.equal(codeOf(unbounded), type.endsWith("=") ? "unsupported_content_type" : "invalid_request", type);
    }
    const packed = await sendForm(api, formOf([fileOf("x"), ...BUCKET]), { "Content-Encoding": "gzip" });
    assert.equal(codeOf(packed), "unsupported_content_type");
    const whole = formOf([fileOf("x".repeat(1000)), ...BUCKET]);
    for (const keep of [0, 1, 100, 700, whole.body.length - 6]) {
      const cut = await sendForm(api, { ...whole, body: whole.body.subarray(0, keep) });
      assert.deepEqual([cut.status, codeOf(cut)], [400, "invalid_request"], `${keep} of ${whole.body.length} bytes`);
    }
    const trailing = await sendForm(api, { ...whole, body: Buffer.concat([whole.body, Buffer.from("an epilogue")]) });
    assert.equal(trailing.status, 201, shown(trailing.json));
  },
);

proves(
  ["CON-2", "IDE-1", "IDE-2", "IDE-3", "IDE-6"],
  "one key and the same form are one file, also 12 at once and after its end; other bytes or fields are 422",
  async () => {
    const key = { "Idempotency-Key": randomUUID() };
    const answers = await Promise.all(Array.from({ length: 12 }, () => upload("once", [], key)));
    for (const answer of answers) assert.equal(answer.status, 201, shown(answer.json));
    const ids = new Set(answers.map((answer) => textAt(answer.json, "id")));
    assert.equal(ids.size, 1);
    assert.equal(answers.filter(({ headers }) => headers["idempotent-replayed"] === "true").length, 11);
    const [id = ""] = ids;
    const reordered = await send([...inBucketOf(api), fileOf("once")], key);
    assert.equal(textAt(reordered.json, "id"), id, "the order of fields says nothing");
    for (const [what, other] of [
      ["other bytes", () => upload("twice", [], key)],
      ["another field", () => upload("once", [{ name: "tags", value: "t" }], key)],
      ["another name", () => send([fileOf("once", "other.txt"), ...inBucketOf(api)], key)],
    ] as const) {
      const answer = await other();
      assert.deepEqual([answer.status, codeOf(answer)], [422, "idempotency_key_reused"], what);
      assert.equal(textAt(answer.json, "error", "details", "file_id"), id);
      assert.equal(
        textAt(answer.json, "error", "details", "session_id"),
        textAt(reordered.json, "source", "session_id"),
      );
    }
    const created = await api.createRaw(api.createBody(4), key);
    assert.equal(created.status, 201, "the key of another operation is another key");
    assert.equal(created.headers["idempotent-replayed"], undefined);
    await api.deleteFile(id);
    const late = await upload("once", [], key);
    assert.deepEqual([late.status, at(late.json, "id"), at(late.json, "status")], [201, id, "deleted"]);
    const malformed = await upload("once", [], { "Idempotency-Key": '"open' });
    assert.equal(codeOf(malformed), "invalid_idempotency_key");
    const files = listAt((await api.get(`${FILES}?bucket=${api.bucket}&status=queued`)).json, "files");
    assert.ok(files.every((file) => textAt(file, "sha256") !== textAt(answers[0]?.json, "sha256")));
  },
);

proves(
  ["CON-2", "ALL-10"],
  "it needs the scope of a create, and shows nothing of another team's",
  async () => {
    if (otherTeam === null) return;
    const key = { "Idempotency-Key": randomUUID() };
    const ours = await upload("shared words", [], key);
    const theirs = await sendForm(otherTeam, formOf([fileOf("shared words"), ...inBucketOf(otherTeam)]), key);
    assert.equal(theirs.status, 201, "their key is theirs");
    assert.notEqual(textAt(theirs.json, "id"), textAt(ours.json, "id"));
    assert.equal(theirs.headers["idempotent-replayed"], undefined);
  },
  { skip: otherTeam === null ? "needs a key of a second team" : false },
);

proves(
  ["CON-2", "LIM-1", "LIM-2", "LIM-4"],
  "it counts as a create and says so, and refuses more than the operator's largest file, whether it declares it or not",
  async () => {
    assert.ok(limited !== null);
    const team = new Api(limited.url, await limited.mintKey(`limited-${randomUUID().slice(0, 8)}`));
    const small = formOf([fileOf("x"), ...inBucketOf(team)]);
    const answers = await Promise.all([
      ...[1, 2].map(() => sendForm(team, small)),
      ...[1, 2].map(() => team.createRaw(team.createBody(1))),
    ]);
    assert.deepEqual(answers.map(({ status }) => status).sort(), [201, 201, 201, 429]);
    for (const { headers } of answers) {
      assert.equal(headers["ratelimit-policy"], '"create";q=3;w=1');
      assert.match(headers["ratelimit"] ?? "", /^"create";r=\d;t=1$/);
    }
    const other = new Api(limited.url, await limited.mintKey(`limited-${randomUUID().slice(0, 8)}`));
    for (const bytes of [100_001, 400_000]) {
      const large = formOf([fileOf("x".repeat(bytes)), ...inBucketOf(other)]);
      for (const headers of [{}, { "Transfer-Encoding": "chunked" }]) {
        const refused = await sendForm(other, large, headers);
        assert.deepEqual([refused.status, codeOf(refused)], [413, "file_too_large"], shown(refused.json));
        assert.equal(at(refused.json, "error", "details", "max_bytes"), 100_000);
      }
    }
    const exact = await sendForm(other, formOf([...inBucketOf(other), fileOf("x".repeat(100_000))]));
    assert.equal(exact.status, 201, shown(exact.json));
    const padded = formOf([fileOf("x"), ...inBucketOf(other)]);
    const body = Buffer.concat([padded.body, Buffer.alloc(400_000)]);
    const endless = await sendForm(other, { ...padded, body }, { "Transfer-Encoding": "chunked" });
    assert.deepEqual([endless.status, codeOf(endless)], [413, "request_too_large"]);
  },
  { skip: NEEDS_OWN_SERVER },
);
