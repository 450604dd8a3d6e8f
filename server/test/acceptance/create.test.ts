import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { FILES, SESSIONS } from "../support/api.ts";
import { assertStored, put } from "../support/bytes.ts";
import { http } from "../support/http.ts";
import { at, listAt, numberAt, objectAt, shown, textAt } from "../support/json.ts";
import { proves } from "../support/proves.ts";
import { openTarget } from "../support/target.ts";

const { api, url } = await openTarget();

const RFC_3339_UTC = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/;

proves(
  ["ALL-1", "ALL-4", "ALL-8", "S1", "S2"],
  "create answers 201 with a session, an absolute upload_url and its end",
  async () => {
    const before = Date.now();
    const { answer, url: uploadUrl, id } = await api.create(10);
    assert.match(id, /^sess_[A-Za-z0-9_]+$/);
    assert.equal(textAt(answer.json, "upload_strategy"), "gcs_resumable");
    assert.equal(answer.headers["content-type"], "application/json; charset=utf-8");
    assert.equal(textAt(answer.json, "request_id"), answer.headers["x-request-id"]);
    assert.match(textAt(answer.json, "request_id"), /^req_[A-Za-z0-9_]+$/);
    const expires = textAt(answer.json, "expires_at");
    assert.match(expires, RFC_3339_UTC);
    const lifeMs = Date.parse(expires) - before;
    assert.ok(lifeMs > 0 && lifeMs <= 86_400_000, `expires_at is ${lifeMs} ms away`);
    assert.ok(["http:", "https:"].includes(new URL(uploadUrl).protocol));
    assert.ok(!uploadUrl.includes(api.key) && !uploadUrl.includes(api.key.slice(3)));
    // At least 128 bits beyond the session's id, which may be logged.
    const secret =
      new URL(uploadUrl).pathname
        .split("/")
        .filter((part) => part !== id)
        .at(-1) ?? "";
    assert.ok(secret.length >= 22, "the URL has no unguessable part");
  },
);

proves(["ALL-2", "CON-1"], "a request without a valid key is 401 and says how to send one", async () => {
  const cases: readonly (readonly [string, Record<string, string>])[] = [
    ["no header", {}],
    ["another scheme", { Authorization: "Basic c2s6eA==" }],
    ["an unknown key", { Authorization: `Bearer sk_${"a".repeat(49)}` }],
    ["an empty key", { Authorization: "Bearer " }],
    [
      "a key with one character changed",
      { Authorization: `Bearer ${api.key.slice(0, -1)}${api.key.endsWith("0") ? "1" : "0"}` },
    ],
    ["4 kB of key", { Authorization: `Bearer sk_${"a".repeat(4096)}` }],
    ["a key in the query alone", {}],
  ];
  for (const [what, headers] of cases) {
    const query = what.includes("query") ? `?api_key=${api.key}&team_id=team_x` : "";
    const answer = await http(`${url}/v1/connection${query}`, { headers });
    assert.equal(answer.status, 401, what);
    assert.equal(textAt(answer.json, "error", "code"), "invalid_api_key", what);
    assert.match(answer.headers["www-authenticate"] ?? "", /^Bearer/);
  }
});

proves(["ALL-2", "CON-1"], "the team is the key's: a team_id in query or body changes nothing", async () => {
  const connection = await api.get("/v1/connection?team_id=team_other");
  assert.equal(connection.status, 200);
  assert.equal(at(connection.json, "ok"), true);
  assert.match(textAt(connection.json, "team_id"), /^team_/);
  assert.match(textAt(connection.json, "key", "id"), /^key_/);
  assert.ok(listAt(connection.json, "key", "scopes").includes("files:write"));
  const body = { ...api.createBody(3), team_id: "team_other", id: "sess_mine", status: "finalized" };
  const created = await api.createRaw(body);
  assert.equal(created.status, 201);
  assert.notEqual(textAt(created.json, "session_id"), "sess_mine");
  assert.equal((await api.session(textAt(created.json, "session_id"))).status, 200);
});

const REFUSED: readonly (readonly [
  what: string,
  fields: Record<string, unknown>,
  status: number,
  code: string,
  field: string,
])[] = [
  ["no filename", { filename: undefined }, 400, "invalid_request", "filename"],
  ["an empty filename", { filename: "" }, 400, "invalid_filename", "filename"],
  ["a filename of 256 characters", { filename: "é".repeat(256) }, 400, "invalid_filename", "filename"],
  ["a filename with a line break", { filename: "a\r\nb.txt" }, 400, "invalid_filename", "filename"],
  ["a filename with DEL", { filename: "a\u007f.txt" }, 400, "invalid_filename", "filename"],
  ["a filename with a C1 control", { filename: "a\u0085.txt" }, 400, "invalid_filename", "filename"],
  ["a filename that is a number", { filename: 7 }, 400, "invalid_request", "filename"],
  ["no size_bytes", { size_bytes: undefined }, 400, "invalid_request", "size_bytes"],
  ["size_bytes 0", { size_bytes: 0 }, 400, "invalid_size", "size_bytes"],
  ["size_bytes -1", { size_bytes: -1 }, 400, "invalid_size", "size_bytes"],
  ["size_bytes 1.5", { size_bytes: 1.5 }, 400, "invalid_request", "size_bytes"],
  ["size_bytes as a string", { size_bytes: "5" }, 400, "invalid_request", "size_bytes"],
  ["size_bytes of 25 MiB + 1", { size_bytes: 26_214_401 }, 413, "file_too_large", "size_bytes"],
  ["a content_type that is none", { content_type: "text" }, 400, "invalid_request", "content_type"],
  ["a content_type with a line break", { content_type: "text/plain\r\nX: y" }, 400, "invalid_request", "content_type"],
  [
    "a content_type of 256 characters",
    { content_type: `text/${"a".repeat(251)}` },
    400,
    "invalid_request",
    "content_type",
  ],
  ["a title of 513 characters", { title: "😀".repeat(513) }, 400, "invalid_request", "title"],
  ["tags as a string", { tags: "a" }, 400, "invalid_request", "tags"],
  ["21 tags", { tags: Array.from({ length: 21 }, (_, index) => `t${index}`) }, 400, "too_many_tags", "tags"],
  ["a tag of 65 characters", { tags: ["x".repeat(65)] }, 400, "invalid_request", "tags"],
  ["metadata as a list", { metadata: [] }, 400, "invalid_request", "metadata"],
  ["metadata as a string", { metadata: "a" }, 400, "invalid_request", "metadata"],
  ["metadata of 8 193 bytes", { metadata: { k: "x".repeat(8193 - 8) } }, 400, "metadata_too_large", "metadata"],
  [
    "metadata of 2 800 three-byte characters",
    { metadata: { k: "漢".repeat(2800) } },
    400,
    "metadata_too_large",
    "metadata",
  ],
  ["bucket_ids as a string", { bucket_ids: "bucket_x" }, 400, "invalid_request", "bucket_ids"],
  [
    "create_missing_buckets as a string",
    { create_missing_buckets: "true" },
    400,
    "invalid_request",
    "create_missing_buckets",
  ],
];

for (const [what, fields, status, code, field] of REFUSED) {
  proves(["ALL-5", "ALL-9"], `${what} is ${status} ${code}, naming ${field}, and makes nothing`, async () => {
    const slug = `never-${randomUUID().slice(0, 8)}`;
    const answer = await api.createRaw({ ...api.createBody(5), bucket: slug, ...fields });
    assert.equal(answer.status, status, shown(answer.json));
    assert.equal(textAt(answer.json, "error", "code"), code);
    assert.ok(textAt(answer.json, "error", "message").length > 10);
    assert.equal(at(answer.json, "error", "retryable"), false);
    assert.ok(textAt(answer.json, "error", "details", "field").startsWith(field), shown(answer.json));
    assert.ok(!(await slugs()).includes(slug), "a bucket was made for a refused request");
  });
}

const ACCEPTED: readonly (readonly [what: string, fields: Record<string, unknown>, file: Record<string, unknown>])[] = [
  [
    "only what is required",
    { content_type: undefined },
    { content_type: "application/octet-stream", title: "note.txt", tags: [], metadata: {} },
  ],
  ["an empty content_type counts as absent", { content_type: "" }, { content_type: "application/octet-stream" }],
  ["255 characters of filename", { filename: "é".repeat(255) }, { filename: "é".repeat(255) }],
  ["a decomposed filename of 400 code units", { filename: "e\u0301".repeat(200) }, { filename: "é".repeat(200) }],
  ["a filename that looks like a path", { filename: "../../etc/passwd" }, { filename: "../../etc/passwd" }],
  ["a filename in other scripts", { filename: "日本語 📄 тест\u202e.pdf" }, { filename: "日本語 📄 тест\u202e.pdf" }],
  ["quotes and backslashes in the filename", { filename: 'a"b\\c%41.txt' }, { filename: 'a"b\\c%41.txt' }],
  ["a blank filename, kept as sent", { filename: "  " }, { filename: "  " }],
  ["an empty title counts as absent", { title: "" }, { title: "note.txt" }],
  ["a title of 512 characters", { title: "😀".repeat(512) }, { title: "😀".repeat(512) }],
  ["tags trimmed, emptied and de-duplicated", { tags: [" a ", "a", "", "b"] }, { tags: ["a", "b"] }],
  ["30 tags that are 20 after de-duplication", { tags: Array.from({ length: 30 }, (_, i) => `t${i % 20}`) }, {}],
  ["metadata of exactly 8 192 bytes", { metadata: { k: "x".repeat(8192 - 8) } }, {}],
  [
    "metadata of any JSON",
    { metadata: { a: null, b: [1, "x", { c: true }], "": 0.5 } },
    { metadata: { a: null, b: [1, "x", { c: true }], "": 0.5 } },
  ],
  [
    "nulls, which count as absent",
    { title: null, tags: null, metadata: null },
    { title: "note.txt", tags: [], metadata: {} },
  ],
  [
    "a content_type with parameters",
    { content_type: 'text/plain; charset="utf-8"' },
    { content_type: 'text/plain; charset="utf-8"' },
  ],
  ["fields that nobody knows", { colour: "blue", nested: { a: 1 } }, {}],
];

for (const [what, fields, expected] of ACCEPTED) {
  proves(["ALL-7", "ALL-9"], `create takes ${what}, and the file shows it`, async () => {
    const session = await api.create(2, fields);
    assert.equal((await put(session.url, null, Buffer.from("hi"))).status, 200);
    const file = (await api.finalize(session.id)).json;
    for (const [name, value] of Object.entries(expected)) assert.deepEqual(at(file, name), value, name);
    objectAt(file, "metadata");
    assert.equal(numberAt(file, "size_bytes"), 2);
    for (const time of ["created_at", "updated_at"]) assert.match(textAt(file, time), RFC_3339_UTC);
  });
}

proves(["ALL-5"], "a refusal is problem+json with the same members when Accept prefers it, else JSON", async () => {
  const cases: readonly (readonly [accept: string, type: string])[] = [
    ["application/problem+json", "application/problem+json"],
    ["application/problem+json, application/json;q=0.5", "application/problem+json"],
    ["application/json", "application/json"],
    ["*/*", "application/json"],
    ["application/json, application/problem+json;q=0.5", "application/json"],
    ["text/html", "application/json"],
  ];
  for (const [accept, type] of cases) {
    const answer = await api.createRaw({}, { Accept: accept });
    assert.equal(answer.status, 400);
    assert.ok(answer.headers["content-type"]?.startsWith(type), `${accept}: ${answer.headers["content-type"]}`);
    textAt(answer.json, "error", "code");
    objectAt(answer.json, "error", "details");
    assert.equal(textAt(answer.json, "request_id"), answer.headers["x-request-id"]);
    if (type.includes("problem")) assert.equal(numberAt(answer.json, "status"), 400);
  }
});

proves(["CRE-1"], "the bucket forms are one union without duplicates, at most 20", async () => {
  const [a, b] = [await bucketId("union-a"), await bucketId("union-b")];
  const session = await api.create(2, { bucket: "union-c", bucket_ids: [a, a], bucket_slugs: ["union-a", "union-b"] });
  await put(session.url, null, Buffer.from("hi"));
  const ids = listAt((await api.finalize(session.id)).json, "bucket_ids");
  assert.equal(ids.length, 3);
  assert.ok(ids.includes(a) && ids.includes(b));

  const byId = await api.create(2, { bucket: a, create_missing_buckets: undefined });
  await put(byId.url, null, Buffer.from("hi"));
  assert.deepEqual(listAt((await api.finalize(byId.id)).json, "bucket_ids"), [a]);

  const many = Array.from({ length: 21 }, (_, index) => `many-${index}`);
  const tooMany = await api.createRaw(api.createBody(2, { bucket: undefined, bucket_slugs: many }));
  assert.equal(tooMany.status, 400);
  assert.equal(textAt(tooMany.json, "error", "code"), "invalid_request");
  assert.ok(!(await slugs()).includes("many-0"));
  await api.create(2, { bucket: undefined, bucket_slugs: [...many.slice(0, 20), "MANY 0"] });
});

proves(["CRE-2"], "no bucket is 400 bucket_required", async () => {
  for (const fields of [
    { bucket: undefined },
    { bucket: undefined, bucket_ids: [], bucket_slugs: [] },
    { bucket: null },
  ]) {
    const answer = await api.createRaw(api.createBody(2, fields));
    assert.equal(answer.status, 400);
    assert.equal(textAt(answer.json, "error", "code"), "bucket_required");
  }
});

proves(["CRE-3"], "one unresolved bucket refuses all of them, and nothing is made", async () => {
  const good = `good-${randomUUID().slice(0, 8)}`;
  const cases: readonly (readonly [what: string, fields: Record<string, unknown>, unresolved: readonly string[]])[] = [
    ["an absent slug", { bucket: "no-such", create_missing_buckets: false }, ["no-such"]],
    ["an absent id", { bucket: undefined, bucket_ids: ["bucket_nope"] }, ["bucket_nope"]],
    ["an id as bucket, never provisioned", { bucket: "bucket_nope" }, ["bucket_nope"]],
    ["an empty slug", { bucket: "" }, [""]],
    ["a slug of 64 characters", { bucket: "a".repeat(64) }, ["a".repeat(64)]],
    ["what is no slug", { bucket: "ümlaut" }, ["ümlaut"]],
    ["a blank, which is not trimmed", { bucket: " a" }, [" a"]],
    [
      "a missing id beside a missing slug",
      { bucket: good, bucket_ids: ["bucket_nope", "bucket_nope"] },
      ["bucket_nope"],
    ],
    ["an id among slugs, never made", { bucket: undefined, bucket_slugs: [ABSENT_ID] }, [ABSENT_ID]],
    ["ids that are none", { bucket: good, bucket_ids: ["x", "sess_1"] }, ["x", "sess_1"]],
  ];
  for (const [what, fields, unresolved] of cases) {
    const answer = await api.createRaw(api.createBody(2, fields));
    assert.equal(answer.status, 400, what);
    assert.equal(textAt(answer.json, "error", "code"), "bucket_assignment_failed", what);
    assert.deepEqual([...listAt(answer.json, "error", "details", "unresolved")].sort(), [...unresolved].sort(), what);
  }
  assert.ok(!(await slugs()).includes(good));
  const asSlug = await api.call("POST", "/v1/knowledge/buckets", { body: { slug: ABSENT_ID } });
  assert.equal(asSlug.status, 400);
  assert.equal(textAt(asSlug.json, "error", "details", "field"), "slug");
  assert.ok(!(await slugs()).some((slug) => slug.startsWith("bucket-")));
});

/** Of the form that ids have, and nobody's. */
const ABSENT_ID = `bucket_${"0".repeat(26)}`;

proves(["CRE-4"], "20 concurrent creates of one slug make one bucket", async () => {
  const slug = `race-${randomUUID().slice(0, 8)}`;
  const sessions = await Promise.all(Array.from({ length: 20 }, () => api.create(2, { bucket: slug })));
  assert.equal(new Set(sessions.map(({ id }) => id)).size, 20);
  assert.equal((await slugs()).filter((known) => known === slug).length, 1);
});

proves(["CRE-5"], "a slug is lower-cased, and each space or _ becomes -", async () => {
  await api.create(2, { bucket: "Human Resources_2026" });
  assert.ok((await slugs()).includes("human-resources-2026"));
  await api.create(2, { bucket: "A  b" });
  assert.ok((await slugs()).includes("a--b"));
});

proves(["ALL-3", "S3"], "the upload needs no key, and nothing shows the URL again", async () => {
  const session = await api.create(4);
  assert.equal((await put(session.url, null, Buffer.from("abcd"))).status, 200);
  const fileId = await assertStored(api, session, Buffer.from("abcd"));
  const secret = session.url.split("/").at(-1) ?? "";
  for (const path of [`${SESSIONS}/${session.id}`, `${FILES}/${fileId}`, FILES])
    assert.ok(!(await api.get(path)).text.includes(secret), path);
});

proves(["S6", "LIM-4"], "25 MiB are accepted at creation, a byte more is refused with the limit", async () => {
  await api.create(26_214_400);
  const answer = await api.createRaw(api.createBody(26_214_401));
  assert.equal(answer.status, 413);
  assert.equal(numberAt(answer.json, "error", "details", "max_bytes"), 26_214_400);
  assert.ok(textAt(answer.json, "error", "message").includes("26214400"));
});

proves(["ALL-1"], "the addresses beside /v1 answer, and GET routes answer HEAD", async () => {
  for (const path of ["/healthz", "/readyz", "/openapi.json", "/docs"]) {
    const answer = await http(`${url}${path}`);
    assert.ok(answer.status === 200 || (path === "/docs" && answer.status < 400), `${path}: ${answer.status}`);
  }
  const head = await api.call("HEAD", FILES);
  assert.equal(head.status, 200);
  assert.equal(head.body.length, 0);
});

async function slugs(): Promise<readonly string[]> {
  const listed = await api.get("/v1/knowledge/buckets");
  return listAt(listed.json, "buckets").map((bucket) => textAt(bucket, "slug"));
}

async function bucketId(slug: string): Promise<string> {
  await api.create(1, { bucket: slug });
  const listed = await api.get("/v1/knowledge/buckets");
  const bucket = listAt(listed.json, "buckets").find((each) => at(each, "slug") === slug);
  return textAt(bucket, "id");
}
